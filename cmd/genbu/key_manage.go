// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// keyManager is a login that manages a key: the user or owner, or with --officer the partition's officer.
type keyManager struct {
	login
	officer bool
}

func (m *keyManager) add(cmd *cobra.Command) {
	m.login.add(cmd)
	cmd.Flags().BoolVar(&m.officer, "officer", false, "log in as the partition's officer, who manages keys and uses none")
	cmd.ValidArgsFunction = completeKeys(&m.login, nil)
}

func (m *keyManager) as(what string, f func(s *session) error) error {
	user := client.User
	if m.officer {
		user = client.Officer
	}
	return m.login.as(user, what, f)
}

func keyDestroy() *cobra.Command {
	var who keyManager
	var all bool
	cmd := &cobra.Command{
		Use:   "destroy LABEL",
		Short: "Destroy a key for ever",
		Long: `Destroy a key: a pair goes with its public key and certificate when --all is given. When the command
returns, no node uses it any more and no backup of the store brings it back by itself.

  genbu key destroy release --all`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n := 0
			err := who.as("destroying", func(s *session) error {
				found, err := s.named(args[0])
				if err != nil {
					return err
				}
				if len(found) > 1 && !all {
					return next(fmt.Errorf("%d objects are called %q", len(found), args[0]), "genbu key destroy "+word(args[0])+" --all")
				}
				for _, o := range found {
					if err := s.Destroy(o.Handle); err != nil {
						return err
					}
					n++
				}
				return nil
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"destroyed": n}, func(w io.Writer) { fmt.Fprintf(w, "%d objects destroyed\n", n) })
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every object of that name")
	return cmd
}

func keyShareCommand() *cobra.Command {
	var who keyManager
	var off bool
	cmd := &cobra.Command{
		Use:   "share LABEL OPERATOR",
		Short: "Let another operator use a key",
		Long: `Let another operator of the partition use a key, or with --off no longer. Only its owner, or an
officer, may; whoever it is shared with can use it, not manage it.

  genbu key share release ci`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("", func(s *session) error {
				o, err := s.one(args[0], 0)
				if err == nil {
					err = s.KeyShare(o.Handle, args[1], !off)
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"key": args[0], "operator": args[1], "shared": !off}, func(w io.Writer) {
				if off {
					fmt.Fprintf(w, "key %q is no longer shared with %q\n", args[0], args[1])
				} else {
					fmt.Fprintf(w, "key %q is shared with %q\n", args[0], args[1])
				}
			})
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&off, "off", false, "take it back")
	return cmd
}

var keyStates = map[string]key.State{"active": key.StateActive, "suspended": key.StateSuspended, "deactivated": key.StateDeactivated, "compromised": key.StateCompromised}

func stateName(s key.State) string {
	for name, v := range keyStates {
		if v == s {
			return name
		}
	}
	return "unknown"
}

func keyStateCommand() *cobra.Command {
	var who keyManager
	cmd := &cobra.Command{
		Use:   "state LABEL STATE",
		Short: "Suspend, activate, deactivate, or mark a key as compromised (SP 800-57)",
		Long: `Move a key to another state: active, suspended (and back), deactivated, compromised.

  genbu key state release suspended`,
		RunE: func(cmd *cobra.Command, args []string) error {
			state, ok := keyStates[args[1]]
			if !ok {
				return hinted{fmt.Errorf("%q is no state of a key", args[1]), hint{"genbu key state LABEL active", "or " + strings.Join(sorted(keyStates), ", ")}}
			}
			err := who.as("", func(s *session) error {
				o, err := s.one(args[0], 0)
				if err == nil {
					err = s.KeyState(o.Handle, state)
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"key": args[0], "state": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "key %q is %s\n", args[0], args[1]) })
		},
	}
	who.add(cmd)
	cmd.ValidArgsFunction = completeKeys(&who.login, fixed(sorted(keyStates)))
	return cmd
}
