// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Join tokens: each lets one node or agent in, once",
		Long: `A join token is made by an admin of the domain, names its newcomer, and is good once and not for
long. Its secret authenticates the newcomer's keys: hand it on as you would a password. (The
tokens of PKCS #11 are partitions: genbu partition.)

  genbu token create node2`,
	}
	cmd.AddCommand(tokenCreate(), tokenList(), tokenRevoke())
	return cmd
}

// madeToken is what genbu token create answers.
type madeToken struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Token   string    `json:"join_token"`
	Expires time.Time `json:"expires"`
	Wanted  uint64    `json:"approvals_wanted"`
}

func (t *madeToken) text(w io.Writer) {
	fmt.Fprintln(w, t.Token)
	fmt.Fprintf(w, "shown once; good for one %s named %q until %s\n", t.Kind, t.Name, t.Expires.Format(time.DateTime))
	if t.Kind == "agent" {
		fmt.Fprintf(w, "next, on the application's machine: genbu agent enroll TOKEN --dir DIR\n")
		return
	}
	fmt.Fprintf(w, "next, on the new machine: genbu join TOKEN\n")
	if t.Wanted > 0 {
		fmt.Fprintf(w, "then %d admins compare the fingerprint that it shows: %s\n", t.Wanted, withDir("genbu cluster approve "+word(t.Name)+" FINGERPRINT"))
	}
}

func tokenCreate() *cobra.Command {
	var who admin
	var agent bool
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a join token for a new node, or with --agent for an application machine",
		Long: `Make a join token and print it, once. NAME is what the newcomer will be called.

  genbu token create node2 --for 30m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			made := madeToken{Name: args[0], Kind: "node", Expires: time.Now().Add(life).Truncate(time.Second)}
			kind := wire.JoinNode
			if agent {
				made.Kind, kind = "agent", wire.JoinAgent
			}
			err := who.as("making the join token", func(s *session) error {
				text, err := s.conn.TokenCreate(args[0], kind, life)
				if err != nil {
					return err
				}
				made.Token = string(text)
				p, err := s.conn.ClusterPolicy()
				if !agent {
					made.Wanted = p.Approvals
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, made, made.text)
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&agent, "agent", false, "for an agent on an application's machine")
	cmd.Flags().DurationVar(&life, "for", time.Hour, "how long it is good: 1m to 168h")
	return cmd
}

// listedToken is one row of genbu token list.
type listedToken struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Kind        string    `json:"kind"`
	Expires     time.Time `json:"expires"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Approvals   uint64    `json:"approvals"`
}

func tokenList() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List join tokens that were not used yet",
		Long: `List join tokens that were not used yet, with the fingerprint of the keys that one was shown
with. The tokens themselves are shown only once, when they are made.

  genbu token list`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []listedToken{}
			err := who.as("", func(s *session) error {
				tokens, err := s.conn.Tokens()
				for _, t := range tokens {
					list = append(list, listedToken{t.ID.String(), t.Name, kindName(t.Kind), t.Expires, t.Fingerprint, t.Approvals})
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, list, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, t := range list {
					rows[i] = []string{t.Name, t.Kind, t.Expires.Format(time.DateTime), fmt.Sprint(t.Approvals), dash(t.Fingerprint)}
				}
				table(w, "NAME KIND EXPIRES APPROVALS FINGERPRINT", rows)
			})
		},
	}
	who.add(cmd)
	return cmd
}

func kindName(kind uint8) string {
	if kind == wire.JoinAgent {
		return "agent"
	}
	return "node"
}

func tokenRevoke() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take a join token back",
		Long: `Take a join token back that was not used yet, by the name of its newcomer or by its id.

  genbu token revoke node2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("", func(s *session) error { return s.conn.TokenRevoke(args[0]) })
			if err != nil {
				return err
			}
			return show(cmd, map[string]string{"revoked": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "join token for %q is worth nothing now\n", args[0]) })
		},
	}
	who.add(cmd)
	return cmd
}

// pendingJoin is how far a newcomer is, for people and scripts.
type pendingJoin struct {
	Name        string `json:"name"`
	Admitted    bool   `json:"admitted"`
	Fingerprint string `json:"fingerprint"`
	Given       uint64 `json:"approvals"`
	Wanted      uint64 `json:"approvals_wanted"`
}

func pending(s client.JoinState) pendingJoin {
	return pendingJoin{s.Name, s.Admitted, s.Fingerprint, s.Given, s.Wanted}
}
