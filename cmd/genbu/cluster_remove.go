// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/wire"
)

func clusterRemove() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a node out of the domain, dead or alive, for good",
		Long: `Take a node out: first out of the sealed records, from when on no core speaks to it and no
one hands it the root key, then out of the store. One that runs notices and stops; its
directory is of no use any more, but it holds what it held: wipe it, its keeper's file first.
A node does not remove itself.

  genbu cluster remove node3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := remove(cmd.Context(), &who, args[0]); err != nil {
				return err
			}
			return show(cmd, map[string]string{"removed": args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is removed\nnext: %s\n", args[0], withDir("genbu cluster status"))
			})
		},
	}
	who.add(cmd)
	return cmd
}

// remove asks another node than the one that goes, where several were made together.
func remove(ctx context.Context, who *admin, name string) error {
	l := layoutOf(placeDir())
	if l != nil {
		defer l.speakTo(ctx, name)()
	}
	if err := who.as("removing "+name, func(s *session) error { return s.conn.MemberRemove(name) }); err != nil {
		return err
	}
	if l != nil && slices.Contains(l.Nodes, name) {
		l.Nodes = slices.DeleteFunc(l.Nodes, func(n string) bool { return n == name })
		note("%s stops; its directory %s can be deleted", name, l.node(name))
		return l.write()
	}
	return nil
}

// speakTo has commands go to a node other than the one named, until the function it answers is called.
func (l *layout) speakTo(ctx context.Context, not string) (back func()) {
	before := global.dir
	if l.pick() == l.node(not) {
		others := &layout{dir: l.dir, Nodes: slices.DeleteFunc(slices.Clone(l.Nodes), func(n string) bool { return n == not })}
		if len(others.Nodes) > 0 {
			global.dir = others.pick()
		}
	}
	return func() { global.dir = before }
}

func clusterReplace() *cobra.Command {
	var who admin
	var as string
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "replace NAME",
		Short: "Put a new machine in the place of a node, with nothing stopped meanwhile",
		Long: `Make a join token for a new node in the place of NAME, and show what to type on its machine. A
node that is dead is removed at once, since the store takes no new member while it counts on one
that does not answer. One that lives is removed when the new one votes, for which this waits.

  genbu cluster replace node2 --as node4`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return replace(cmd, &who, args[0], as, life)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&as, "as", "", "name of the new node (default: NAME-2, or what comes next)")
	cmd.Flags().DurationVar(&life, "for", time.Hour, "how long the token holds, and how long to wait for the new node")
	return cmd
}

// replaced is what genbu cluster replace answers.
type replaced struct {
	Token   string `json:"token"`
	Name    string `json:"name"`
	Removed string `json:"removed"`
}

func replace(cmd *cobra.Command, who *admin, name, as string, life time.Duration) error {
	ctx := cmd.Context()
	s, err := readCluster(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.Nodes, func(n nodeInfo) bool { return n.Name == name || n.Node == name })
	if at < 0 {
		return next(fmt.Errorf("there is no node %q", name), "genbu cluster status")
	}
	old := s.Nodes[at]
	if as == "" {
		as = s.freeName(old.Name)
	}
	dead := !old.Healthy
	if dead {
		if err := remove(ctx, who, old.Name); err != nil {
			return err
		}
	}
	var token []byte
	err = who.as("", func(s *session) (err error) {
		token, err = s.conn.TokenCreate(as, wire.JoinNode, life)
		return err
	})
	if err != nil {
		return err
	}
	r := replaced{Token: string(token), Name: as, Removed: old.Name}
	if !dead {
		note("on the new machine: genbu join %s --dir DIR", token)
		if err := s.waitFor(ctx, as, life); err != nil {
			return hinted{err, hint{"genbu cluster remove " + word(old.Name), "once the new node is there"}}
		}
		if err := remove(ctx, who, old.Name); err != nil {
			return err
		}
	}
	return show(cmd, r, func(w io.Writer) {
		if dead {
			fmt.Fprintf(w, "%s is removed; on the new machine: genbu join %s --dir DIR\n", r.Removed, r.Token)
			return
		}
		fmt.Fprintf(w, "%s is in the place of %s, which is removed\n", r.Name, r.Removed)
	})
}

// freeName is NAME-2, or the next number that no node has.
func (s *clusterInfo) freeName(name string) string {
	for i := 2; ; i++ {
		free := fmt.Sprintf("%s-%d", name, i)
		if !slices.ContainsFunc(s.Nodes, func(n nodeInfo) bool { return n.Name == free }) {
			return free
		}
	}
}

// waitFor waits until the node of that name votes.
func (s *clusterInfo) waitFor(ctx context.Context, name string, within time.Duration) error {
	defer progress("waiting for " + name)()
	for end := time.Now().Add(within); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		now, err := readCluster(ctx)
		if err == nil && slices.ContainsFunc(now.Nodes, func(n nodeInfo) bool {
			return n.Name == name && n.Healthy && (n.Role == "voter" || n.Role == "leader")
		}) {
			return nil
		}
	}
	return errors.New(name + " did not come in time")
}
