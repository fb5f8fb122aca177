// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/metrics"
)

// clusterTime is how long a scrape waits for the other members' hosts.
const clusterTime = 4 * time.Second

// showCluster shows the members as this node sees them; a lone node shows none. All rows of a scrape come from one look.
func showCluster(r *metrics.Registry, c *cluster.Cluster) {
	look := metrics.Patient(clusterTime, func() (*cluster.View, error) {
		ctx, cancel := context.WithTimeout(context.Background(), clusterTime)
		defer cancel()
		return c.View(ctx)
	})
	r.Group([]string{"genbu_cluster_members", "genbu_cluster_member_up", "genbu_cluster_member_lag_entries", "genbu_cluster_leader",
		"genbu_cluster_writable", "genbu_certificate_expiry_timestamp_seconds"}, func(put []metrics.Put) {
		v, ok := look()
		if !ok || len(v.Members) < 2 {
			return
		}
		roles := map[string]int{"voter": 0, "learner": 0}
		leads := false
		for _, m := range v.Members {
			role := "voter"
			if m.Learner {
				role = "learner"
			}
			roles[role]++
			leads = leads || m.Self && m.Leader
			put[1](number(m.Healthy), m.Node)
			if m.Healthy {
				put[2](float64(m.Lag), m.Node)
			}
			if m.Self && m.Info != nil && !m.Info.Certificate.IsZero() {
				put[5](float64(m.Info.Certificate.Unix()), "peer")
			}
		}
		for role, n := range roles {
			put[0](float64(n), role)
		}
		put[3](number(leads))
		put[4](number(v.Writable))
	})
}
