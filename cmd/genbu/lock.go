// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The commands that close and open the module as a whole.

func operational(s wire.State) bool { return s == wire.StateOperational }

func unlockCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Open the root key, with a custodian's share, the keeper's file or the TPM",
		Long: `Open the root key of a locked node. With custodians, each gives one share, at a prompt, on
standard input or from a file, until enough are there. With a file or a TPM nothing is asked. Where
the keeper is the other nodes, they are asked. There and with a TPM a share (--share-file) opens
the root key as well, if the domain has custodians.

  genbu unlock --share-file -`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			s, err := conn.Status()
			if err != nil {
				return err
			}
			missing := uint64(0)
			switch {
			case operational(s.State):
				note("the module was open already")
			case s.State != wire.StateLocked:
				return notOperational(s.State)
			default:
				if missing, err = unlock(conn, &s, file); err != nil {
					return err
				}
			}
			return show(cmd, map[string]any{"missing": missing, "state": stateAfter(missing)}, func(w io.Writer) {
				if missing > 0 {
					fmt.Fprintf(w, "accepted; %d more needed\n", missing)
				} else {
					fmt.Fprintln(w, "unlocked")
				}
			})
		},
	}
	cmd.Flags().StringVar(&file, "share-file", "", "read the share from this file (- for standard input)")
	return cmd
}

func stateAfter(missing uint64) string {
	if missing > 0 {
		return wire.StateLocked.String()
	}
	return wire.StateOperational.String()
}

func unlock(conn *client.Conn, s *wire.Status, file string) (missing uint64, err error) {
	var share []byte
	if s.Keeper == "custodians" || s.Keeper != "file" && file != "" {
		if file != "" {
			share, err = readPIN(file)
		} else {
			share, err = ask("share", hint{"genbu unlock --share-file FILE", "or - for standard input"})
		}
		if err != nil {
			return 0, err
		}
	}
	defer progress("unlocking")()
	return conn.Unlock(share)
}

func lockCommand() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Forget every key until somebody unlocks",
		Long: `End the core, so that no key is in any memory, and start one that stays locked until genbu
unlock, also over restarts of the node. Programs wait or get an error meanwhile.

  genbu lock`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := who.as("locking", func(s *session) error {
				if err := s.conn.Lock(); err != nil {
					return err
				}
				_, err := closed(s.conn)
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"state": wire.StateLocked.String()}, func(w io.Writer) {
				fmt.Fprintf(w, "locked\nnext: %s\n", withDir("genbu unlock"))
			})
		},
	}
	who.add(cmd)
	return cmd
}

// closed waits until the core of conn, which held keys, is gone and its successor answers. What is typed next must not meet
// the old one: it would believe that nothing was locked, or lose a share.
func closed(old *client.Conn) (wire.State, error) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := old.Status(); err == nil {
			continue
		}
		conn, err := dial()
		if err != nil {
			continue
		}
		s, err := conn.Status()
		conn.Close()
		if err == nil && !operational(s.State) {
			return s.State, nil
		}
	}
	return 0, next(errors.New("the core was told to end, but no locked one follows it"), "genbu status")
}

func zeroizeCommand() *cobra.Command {
	var who admin
	var confirm string
	cmd := &cobra.Command{
		Use:   "zeroize",
		Short: "Destroy every secret in memory, and if confirmed the root key for ever",
		Long: `Destroy every secret in the core's memory at once. With --destroy-root and the domain's id (genbu
status shows it) the sealed root key is destroyed too: every key of this node is then noise for
ever, on this machine and in every copy of its store made without the root.

The signal SIGUSR1 to the core (genbu env: GENBU_CORE_PID) destroys what is in memory without a login.

  genbu zeroize`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var state wire.State
			err := who.as("zeroizing", func(s *session) (err error) {
				if now, err := s.conn.Status(); err == nil && confirm != "" && confirm != now.Domain.String() {
					return next(errors.New("--destroy-root wants this domain's id, so that no other is destroyed by mistake"), "genbu status")
				}
				if err = s.conn.Zeroize(confirm); err == nil {
					state, err = closed(s.conn)
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"root_destroyed": confirm != "", "state": state.String()}, func(w io.Writer) {
				if confirm != "" {
					fmt.Fprintln(w, "zeroized; the root key is destroyed, and with it every key of this node")
				} else {
					fmt.Fprintf(w, "zeroized\nnext: %s\n", withDir("genbu unlock"))
				}
			})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&confirm, "destroy-root", "", "the domain's id, to confirm that the root key is to be destroyed")
	return cmd
}
