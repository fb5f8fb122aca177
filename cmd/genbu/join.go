// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func joinCommand() *cobra.Command {
	by := keeper{name: "peers"}
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "join TOKEN",
		Short: "Make this machine one more node of a domain, by a join token",
		Long: `Start a node in a new directory and make it a member of the domain whose admin made TOKEN with
genbu token create (- reads it from standard input). The token's secret goes to this node's core
only. Where the policy wants approvals, the fingerprint of the new node's keys is shown, and
the command waits for the admins; ended and started again with the same token, it goes on.

The root key comes from a running core, sealed to this one. --keeper says who gives it back
after a restart: the other nodes ("peers"; "peers-tpm": and the keys by which they know this node
lie in this machine's TPM), the TPM itself ("tpm"), a file beside the store, or the domain's
custodians.

  genbu join genbu-join1qqq... --dir /var/lib/genbu`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(keepers, by.name) {
				return next(fmt.Errorf("%q is no keeper of a node that joins", by.name), "genbu join TOKEN --keeper peers")
			}
			said, err := by.said()
			if err != nil {
				return err
			}
			token, err := readToken(args[0])
			if err != nil {
				return err
			}
			defer clear(token)
			s, err := join(cmd.Context(), token, said, wait)
			if err != nil {
				return err
			}
			if s.Admitted {
				counts(cmd.Context())
			}
			return show(cmd, pending(s), func(w io.Writer) { joined(w, s, by.name) })
		},
	}
	cmd.Flags().StringVar(&by.name, "keeper", "peers", "who gives the root key back after a restart: peers, peers-tpm, tpm, file or custodians")
	by.addPCRs(cmd)
	cmd.Flags().DurationVar(&wait, "wait", time.Hour, "how long to wait for approvals; 0 asks once")
	cmd.RegisterFlagCompletionFunc("keeper", fixed(keepers))
	return cmd
}

var keepers = []string{"peers", "peers-tpm", "tpm", "file", "custodians"}

// readToken takes the token from the command line or from standard input, where no other process of this machine sees it.
func readToken(arg string) ([]byte, error) {
	if arg != "-" {
		return []byte(arg), nil
	}
	text, err := io.ReadAll(io.LimitReader(os.Stdin, 4096))
	return bytes.TrimSpace(text), err
}

// join starts the node unless it runs and asks until it is let in, or the wait is over.
func join(ctx context.Context, token []byte, keeper string, wait time.Duration) (s client.JoinState, err error) {
	// What is no token starts nothing.
	parsed, err := wire.ParseJoinToken(token)
	if err != nil {
		return s, err
	}
	parsed.Clear()
	dir := nodeDir()
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return s, err
	}
	release, err := oneAtATime(dir)
	if err != nil {
		return s, err
	}
	defer release()
	c, err := nodeConfig()
	if err != nil {
		return s, err
	}
	if err := cluster.Prepare(c.Dir); err != nil {
		return s, hinted{err, hint{"genbu join TOKEN --dir NEW", "a node that joins begins with an empty directory"}}
	}
	conn, _, err := reach(ctx, c)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	status, err := conn.Status()
	if err != nil {
		return s, err
	}
	if status.State != wire.StateUninitialized {
		return s, next(fmt.Errorf("the node in %s is %v already", dir, status.State), "genbu status")
	}
	told := ""
	for end := time.Now().Add(wait); ; {
		done := progress("joining")
		s, err = conn.JoinDomain(bytes.Clone(token), keeper)
		done()
		if err != nil || s.Admitted || time.Now().After(end) {
			return s, err
		}
		if line := waiting(s); line != told && !global.json {
			note("%s", line)
			told = line
		}
		select {
		case <-ctx.Done():
			return s, errors.Join(ctx.Err(), fault.Timeout)
		case <-time.After(2 * time.Second):
		}
	}
}

// countsTime is for the newcomer's first lease, some seconds with the others at hand.
const countsTime = 30 * time.Second

// counts waits until the node holds its first lease. Before that it has no vote on leases: who goes on with the next machine, or
// loses one of two that were there, would have fewer nodes than he thinks.
func counts(ctx context.Context) {
	defer progress("waiting for the first lease")()
	for end := time.Now().Add(countsTime); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		s, err := readCluster(ctx)
		if err == nil && slices.ContainsFunc(s.Nodes, func(n nodeInfo) bool { return n.Self && n.LeaseMS != 0 }) {
			return
		}
	}
	note("it holds no lease yet, and does not count for a majority until it does: genbu cluster status")
}

func waiting(s client.JoinState) string {
	return fmt.Sprintf("%d of %d admins have approved; on a node of the domain: genbu cluster approve %s %s", s.Given, s.Wanted, word(s.Name), s.Fingerprint)
}

func joined(w io.Writer, s client.JoinState, keeper string) {
	if !s.Admitted {
		fmt.Fprintf(w, "not let in yet: %s\nthen: genbu join TOKEN, with the same token\n", waiting(s))
		return
	}
	fmt.Fprintf(w, "this node is a member as %q and serves every key; fingerprint %s\n", s.Name, s.Fingerprint)
	switch keeper {
	case "peers", "peers-tpm":
		fmt.Fprintln(w, "after a restart the other nodes unlock it, if the policy (genbu cluster policy) or an admin (genbu cluster unlock) says so")
	}
	switch keeper {
	case "peers":
		fmt.Fprintf(w, "not protected yet: the file in which its identity lies; where the policy unlocks by itself, who has it and reaches a node has every key\n")
	case "tpm", "peers-tpm":
		fmt.Fprintf(w, "not protected: who has captured this machine can use its TPM as the node does; its disk alone opens nothing\n")
	case "file":
		fmt.Fprintf(w, "not protected yet: who can read %s has every key\n", nodeDir())
	}
	fmt.Fprintf(w, "next: %s\n", withDir("genbu status"))
}
