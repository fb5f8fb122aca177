// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/server"
)

// certificateSoon is when a certificate that should have been renewed long ago is a finding: it is renewed every few days.
const certificateSoon = 30 * 24 * time.Hour

// cluster looks at the other nodes, where there are any.
func (f *findings) cluster(ctx context.Context, c *server.Config) {
	if !cluster.IsMember(c.Dir) {
		return
	}
	s, err := readCluster(ctx)
	if err != nil {
		f.add("cluster", false, "genbu cluster status", "%v", err)
		return
	}
	if s.Joining {
		f.add("cluster", false, "genbu join TOKEN", "this node waits to be let in")
		return
	}
	f.add("majority", s.Writable, "genbu up", "%d voters; %s may fail", s.Voters, count(s.MayFail, "more node"))
	var away, late []string
	for _, n := range s.Nodes {
		if !n.Healthy {
			away = append(away, n.Name)
		}
		if n.Certificate != nil && time.Until(*n.Certificate) < certificateSoon {
			late = append(late, n.Name)
		}
		if n.Self && n.Core == "operational" && s.Voters > 1 {
			f.add("lease", n.LeaseMS != 0, "genbu cluster status", "%d ms are left", n.LeaseMS)
		}
	}
	f.add("nodes", len(away) == 0, "genbu cluster status", "away: %s", dash(strings.Join(away, ", ")))
	f.add("certificates", len(late) == 0, "genbu unlock", "not renewed: %s", dash(strings.Join(late, ", ")))
}
