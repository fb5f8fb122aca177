// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// recovering is what genbu cluster recover was asked for.
type recovering struct {
	restoring
	accept bool
}

// recovered is what it answers.
type recovered struct {
	backup.Recovered
	State  string   `json:"state"`
	Keeper string   `json:"keeper"`
	Shares []string `json:"shares,omitempty"`
}

func clusterRecover() *cobra.Command {
	var r recovering
	cmd := &cobra.Command{
		Use:   "recover --accept-loss",
		Short: "Make a cluster of this node alone, when the majority is lost for good",
		Long: `Make a cluster of this node alone from what its own store has: for when so many machines are lost
for good that the rest is no majority. Run it on one node that is left, and let the others join
it anew. The root key comes from a quorum of holders of the security domain (--domain, --key) or, with
--domain left out, from this node's own keeper. What only the lost nodes had is gone: acts that they
answered in their last moments. It begins a new incarnation: the nodes that were are members no more,
and must not be started again. A node that finds a majority changes nothing, as does all that is refused.

  genbu cluster recover --accept-loss --domain domain.json --key a.key --key b.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := r.run(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, answer, answer.text)
		},
	}
	r.bring.add(cmd)
	f := cmd.Flags()
	f.StringVar(&r.shareFile, "share-file", "", "without --domain: read a custodian's share from this file (- for standard input)")
	f.BoolVar(&r.accept, "accept-loss", false, "what only the lost nodes had may be gone")
	return cmd
}

func (r *recovering) run(ctx context.Context) (answer *recovered, err error) {
	c, err := nodeConfig()
	if err != nil {
		return nil, err
	}
	if !cluster.IsMember(c.Dir) {
		return nil, next(fmt.Errorf("%s: %w", c.Dir, cluster.ErrAlone), "genbu status")
	}
	if !r.accept {
		return nil, hinted{errors.New("nothing was done: what only the lost nodes had would be gone"),
			hint{"genbu cluster recover --accept-loss", "when they are lost for good; else start them: a majority goes on by itself"}}
	}
	if v, err := readView(ctx, c.Dir); err == nil && v.Writable {
		return nil, hinted{cluster.ErrMajority, hint{"genbu cluster status", "a node that is lost is replaced or removed: genbu cluster replace"}}
	}
	if _, err := down(c.Dir); err != nil {
		return nil, err
	}
	stop := progress("looking for the other members, then reading what is here")
	conn, err := start(ctx, nodeDir(), c, "--recover")
	stop()
	if err != nil {
		if strings.Contains(err.Error(), cluster.ErrMajority.Error()) {
			err = hinted{cluster.ErrMajority, hint{"genbu up", "it is a member like before; nothing was changed"}}
		}
		return nil, err
	}
	defer func() { // it was started for this only
		conn.Close()
		if _, failed := down(c.Dir); err == nil {
			err = failed
		}
	}()
	answer = &recovered{}
	shares, err := r.domain(conn, "genbu cluster recover --accept-loss --domain domain.json --key a.key --key b.key")
	if err == nil {
		err = host(ctx, "/recover", control.Request{}, &answer.Recovered)
	}
	if err != nil {
		if fault.Of(err) == fault.BackupUnsound || fault.Of(err) == fault.RecordInvalid {
			err = hinted{err, hint{"genbu restore --help", "what is here is damaged: recover on another node that is left, or restore a backup; nothing was changed"}}
		}
		return nil, err
	}
	for _, s := range shares {
		answer.Shares = append(answer.Shares, string(s))
	}
	status, err := conn.Status()
	if err != nil {
		return nil, err
	}
	answer.State, answer.Keeper = status.State.String(), status.Keeper
	if status.State == wire.StateOperational {
		keepAuditKey(status.AuditKey)
	}
	return answer, nil
}

func (r *recovered) text(w io.Writer) {
	fmt.Fprintf(w, "recovered %d records as a cluster of this node alone; %s of the nodes that were are left behind\n", r.Kept, count(int(r.Left), "record"))
	for i, s := range r.Shares {
		fmt.Fprintf(w, "share %d of %d, for one custodian's eyes:\n  %s\n", i+1, len(r.Shares), s)
	}
	fmt.Fprintln(w, "what only the lost nodes had is gone; an audit log of theirs tells what they did last (genbu audit list)")
	fmt.Fprintln(w, "never start the lost nodes again: a majority of them would go on as the cluster that was, beside this one")
	fmt.Fprintf(w, "next: %s   then   genbu token create NAME, and genbu join TOKEN on each new machine\n", withDir("genbu up"))
}
