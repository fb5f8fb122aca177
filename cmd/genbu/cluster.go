// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/control"
)

func clusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "The nodes of this domain: who they are, who may join, what they may do alone",
		Long: `One logical HSM over several nodes: each serves every key. A node joins with genbu join and a
token that genbu token create makes.

  genbu cluster policy --approvals 1`,
	}
	cmd.AddCommand(clusterStatus(), clusterPause(), clusterResume(), clusterRemove(), clusterReplace(), clusterRecover(), clusterApprove(), clusterUnlock(), clusterPolicy(), clusterAgents())
	return cmd
}

func clusterApprove() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "approve NAME FINGERPRINT",
		Short: "Let a new node in, having compared the fingerprint of its keys",
		Long: `Say as an admin of the domain that the node which asks to join as NAME has the keys with this
fingerprint. genbu join shows it on the new machine, genbu token list on this one. Compare the
two over another way than the network between them.

  genbu cluster approve node2 1f3c-52d7-0a61-9b44-c0de-8e11-77aa-4b02`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var given, wanted uint64
			err := who.as("", func(s *session) (err error) {
				given, wanted, err = s.conn.Approve(args[0], args[1])
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, pendingJoin{Name: args[0], Fingerprint: args[1], Given: given, Wanted: wanted}, func(w io.Writer) {
				if given < wanted {
					fmt.Fprintf(w, "approved by %d of %d admins\nnext, by another admin: %s\n", given, wanted, withDir("genbu cluster approve "+word(args[0])+" "+args[1]))
					return
				}
				fmt.Fprintf(w, "approved; %q is let in when it asks again, which it does by itself\n", args[0])
			})
		},
	}
	who.add(cmd)
	return cmd
}

func clusterUnlock() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "unlock NAME",
		Short: "Let this node unlock another that was restarted",
		Long: `Let the core of this node hand the root key to the node NAME, once, within ten minutes. It is for
nodes whose keeper is "peers" where the policy does not unlock them by itself. When most nodes wait,
as after a power cut, no admin can log in; then the owner of this node's directory may do it, if this
node has the root key in a file or its TPM.

  genbu cluster unlock node2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("", func(s *session) error { return s.conn.NodeUnlock(args[0]) })
			if code := fault.Of(err); code == fault.InForceLater || code == fault.LeaseExpired {
				err = unlockWithoutAdmin(cmd.Context(), args[0])
			}
			if err != nil {
				return err
			}
			return show(cmd, map[string]string{"may_be_unlocked": args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "node %q is unlocked when it asks this node again, which it does by itself\n", args[0])
			})
		},
	}
	who.add(cmd)
	return cmd
}

// unlockWithoutAdmin is for a cluster most of which waits to be unlocked, so that no admin can log in.
func unlockWithoutAdmin(ctx context.Context, name string) error {
	var done map[string]string
	err := host(ctx, "/unlock", control.Request{Name: name}, &done)
	if fault.Of(err) == fault.NotLoggedIn {
		return hinted{errors.New("most nodes wait to be unlocked, so no admin can log in, and this node does not have the root key by itself"),
			hint{"genbu cluster unlock " + word(name), "on a node whose keeper is file or tpm; or genbu unlock on " + name + ", by custodians"}}
	}
	return err
}

// policyShown is what genbu cluster policy answers.
type policyShown struct {
	Approvals   uint64 `json:"approvals"`
	AutoUnlock  bool   `json:"auto_unlock"`
	LeaseMS     int64  `json:"lease_ms"`
	Incarnation string `json:"incarnation"`
}

func (p *policyShown) text(w io.Writer) {
	fmt.Fprintf(w, "approvals for a new node: %d\n", p.Approvals)
	meaning := "no: a restarted node whose keeper is \"peers\" or \"peers-tpm\" waits for genbu cluster unlock, or for custodians"
	if p.AutoUnlock {
		meaning = "yes: whoever has the disk of a node whose keeper is \"peers\" and reaches another node gets every key; with \"peers-tpm\" it takes the machine"
	}
	fmt.Fprintf(w, "nodes are unlocked by their peers by themselves: %s\n", meaning)
	fmt.Fprintf(w, "a node that is cut off from the majority goes on using keys for: %s\n", time.Duration(p.LeaseMS)*time.Millisecond)
}

func clusterPolicy() *cobra.Command {
	var who admin
	var approvals uint64
	var auto string
	var lease time.Duration
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show or change what the nodes may do: approvals, unlocking, leases",
		Long: `Show the cluster's policy, or change what is given, as an admin of the domain.

  genbu cluster policy --approvals 2 --auto-unlock=no --lease 5s`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, mask := client.ClusterPolicy{Approvals: approvals, Lease: lease}, uint64(0)
			for flag, bit := range map[string]uint64{"approvals": client.SetApprovals, "auto-unlock": client.SetAutoUnlock, "lease": client.SetLease} {
				if cmd.Flags().Changed(flag) {
					mask |= bit
				}
			}
			if p.AutoUnlock = auto == "yes"; auto != "" && auto != "yes" && auto != "no" {
				return next(errors.New("--auto-unlock is yes or no"), "genbu cluster policy --auto-unlock=no")
			}
			read := func(conn *client.Conn) (err error) { p, err = conn.ClusterPolicy(); return err }
			var err error
			if mask != 0 {
				err = who.as("", func(s *session) error {
					if err := s.conn.ClusterSet(mask, p); err != nil {
						return err
					}
					return read(s.conn)
				})
			} else {
				var conn *client.Conn
				if conn, err = dial(); err == nil {
					defer conn.Close()
					err = read(conn)
				}
			}
			if err != nil {
				return err
			}
			shown := policyShown{p.Approvals, p.AutoUnlock, p.Lease.Milliseconds(), p.Incarnation.String()}
			return show(cmd, shown, shown.text)
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.Uint64Var(&approvals, "approvals", 0, "admins who must approve a new node's keys")
	f.StringVar(&auto, "auto-unlock", "", "yes: restarted nodes whose keeper is \"peers\" are unlocked without asking; no")
	f.DurationVar(&lease, "lease", 0, "how long a node that is cut off goes on using keys: 1s to 60s")
	cmd.RegisterFlagCompletionFunc("auto-unlock", fixed([]string{"yes", "no"}))
	return cmd
}

// agentShown is one row of genbu cluster agents.
type agentShown struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Enrolled  time.Time `json:"enrolled"`
	Disabled  bool      `json:"disabled"`
	Connected bool      `json:"connected_here"`
}

func clusterAgents() *cobra.Command {
	var who admin
	var disable, enable, remove bool
	cmd := &cobra.Command{
		Use:   "agents [NAME]",
		Short: "List the enrolled agents; disable, enable or remove one",
		Long: `List the agents on applications' machines that enrolled with this domain, or change one. A
disabled or removed agent's channels end at once, on every node.

  genbu cluster agents web-1 --disable`,
		RunE: func(cmd *cobra.Command, args []string) error {
			changes := 0
			for _, b := range []bool{disable, enable, remove} {
				if b {
					changes++
				}
			}
			if changes > 1 || changes == 1 && len(args) == 0 {
				return next(errors.New("one change at a time, of an agent that is named"), "genbu cluster agents NAME --disable")
			}
			list := []agentShown{}
			err := who.as("", func(s *session) (err error) {
				switch {
				case remove:
					err = s.conn.AgentRemove(args[0])
				case changes == 1:
					err = s.conn.AgentSet(args[0], disable)
				}
				if err != nil {
					return err
				}
				agents, err := s.conn.Agents()
				for _, a := range agents {
					if changes > 0 || len(args) == 0 || a.Name == args[0] {
						list = append(list, agentShown{a.ID.String(), a.Name, a.Enrolled, a.Disabled, a.Connected})
					}
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, list, func(w io.Writer) {
				rows := make([][]string, len(list))
				for i, a := range list {
					state := "enabled"
					if a.Disabled {
						state = "disabled"
					}
					rows[i] = []string{a.Name, state, yesNo(a.Connected), a.Enrolled.Format(time.DateTime), a.ID}
				}
				table(w, "NAME STATE CONNECTED ENROLLED ID", rows)
			})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&disable, "disable", false, "end its channels and take no new ones")
	f.BoolVar(&enable, "enable", false, "take its channels again")
	f.BoolVar(&remove, "remove", false, "forget it: to come back it enrols anew")
	return cmd
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
