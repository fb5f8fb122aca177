// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func initCommand() *cobra.Command {
	var keeper, pinFile string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the root key of a new node",
		Long: `Make the root key of a node that serves but is not initialized (genbu serve), and its admin.
The keeper decides how the node starts from then on:

  --keeper file              unattended, from a file; whoever reads it has every key
  --keeper custodians:2of3   by people: any 2 of 3 shares unlock, fewer learn nothing

  genbu init --keeper custodians:2of3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, m, n, err := parseKeeper(keeper)
			if err != nil {
				return err
			}
			pin, err := newAdminPIN(pinFile)
			if err != nil {
				return err
			}
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			done := progress("making the root key")
			shares, err := conn.Init(name, m, n, pin)
			done()
			if err != nil {
				return err
			}
			return showShares(cmd.OutOrStdout(), shares, m, "next: genbu partition create LABEL")
		},
	}
	cmd.Flags().StringVar(&keeper, "keeper", "file", "file, or custodians:MofN")
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's new PIN from this file (- for standard input)")
	return cmd
}

// newAdminPIN takes a PIN twice from a terminal, or once from a file.
func newAdminPIN(file string) ([]byte, error) {
	if file != "" {
		return readPIN(file)
	}
	if v := os.Getenv("GENBU_ADMIN_PIN"); v != "" {
		return []byte(v), nil
	}
	pin, err := askPIN("New PIN of the domain's admin: ")
	if err != nil {
		return nil, err
	}
	again, err := askPIN("Again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(pin, again) {
		return nil, errors.New("the two PINs differ")
	}
	clear(again)
	return pin, nil
}

func parseKeeper(s string) (name string, m, n int, err error) {
	name, rest, has := strings.Cut(s, ":")
	if name == "file" && !has {
		return name, 0, 0, nil
	}
	left, right, ok := strings.Cut(rest, "of")
	if name == "custodians" && ok {
		m, err1 := strconv.Atoi(left)
		n, err2 := strconv.Atoi(right)
		if err1 == nil && err2 == nil && m >= 1 && m <= n && n <= 255 {
			return name, m, n, nil
		}
	}
	return "", 0, 0, hinted{fmt.Errorf("%q is no keeper", s), "--keeper file, or --keeper custodians:2of3"}
}

// showShares prints each custodian's share once. They are kept nowhere.
func showShares(w io.Writer, shares [][]byte, m int, next string) error {
	texts := make([]string, len(shares))
	for i, s := range shares {
		texts[i] = string(s)
	}
	return show(w, map[string]any{"shares": texts, "threshold": m}, func(w io.Writer) {
		for i, s := range texts {
			fmt.Fprintf(w, "share %d of %d, for one custodian's eyes:\n  %s\n", i+1, len(texts), s)
		}
		if len(texts) > 0 {
			fmt.Fprintf(w, "any %d of them unlock the node; fewer learn nothing. They are shown once and kept nowhere.\n", m)
		}
		fmt.Fprintln(w, next)
	})
}

func unlockCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "unlock",
		Short: "Open the root key, with a custodian's share or the keeper's file",
		Long: `Open the root key of a locked node. With custodians, each gives one share, at a prompt, on
standard input or from a file, until enough are there. With a file keeper nothing is asked.

  genbu unlock --share-file -`,
		Args: cobra.NoArgs,
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
			var share []byte
			if s.State == wire.StateLocked && s.Keeper == "custodians" {
				if share, err = readShare(file); err != nil {
					return err
				}
			}
			done := progress("unlocking")
			missing, err := conn.Unlock(share)
			done()
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"missing": missing}, func(w io.Writer) {
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

func readShare(file string) ([]byte, error) {
	if file == "" && term.IsTerminal(int(os.Stdin.Fd())) {
		return askPIN("Share: ")
	}
	if file == "" {
		file = "-"
	}
	return readPIN(file)
}

func lockCommand() *cobra.Command {
	var pinFile string
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Forget every key until somebody unlocks",
		Long: `End the core, so that no key is in any memory, and start one that stays locked until genbu
unlock, also over restarts of the node. Programs wait or get an error meanwhile.

  genbu lock`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := domain(pinFile)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.Lock(); err != nil {
				return err
			}
			nextCore(conn)
			return show(cmd.OutOrStdout(), map[string]any{"state": "locked"}, func(w io.Writer) {
				fmt.Fprintln(w, "locked\nnext: genbu unlock")
			})
		},
	}
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
	return cmd
}

// nextCore waits until the core of conn is gone and another one answers, so that what is typed next meets that.
func nextCore(conn *client.Conn) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := conn.Status(); err == nil {
			continue
		}
		if next, err := dial(); err == nil {
			_, err = next.Status()
			next.Close()
			if err == nil {
				return
			}
		}
	}
}

func zeroizeCommand() *cobra.Command {
	var pinFile, confirm string
	cmd := &cobra.Command{
		Use:   "zeroize",
		Short: "Destroy every secret in memory, and if confirmed the root key for ever",
		Long: `Destroy every secret in the core's memory at once. With --destroy-root and the domain's id (genbu
status shows it) the sealed root key is destroyed too: every key of this node is then noise for
ever, on this machine and in every copy of its store made without the root.

The signal SIGUSR1 to the core (genbu env: GENBU_CORE_PID) destroys what is in memory without a login.

  genbu zeroize`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := domain(pinFile)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.Zeroize(confirm); err != nil {
				return err
			}
			nextCore(conn)
			return show(cmd.OutOrStdout(), map[string]any{"root_destroyed": confirm != ""}, func(w io.Writer) {
				if confirm != "" {
					fmt.Fprintln(w, "zeroized; the root key is destroyed, and with it every key of this node")
				} else {
					fmt.Fprintln(w, "zeroized\nnext: genbu unlock")
				}
			})
		},
	}
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
	cmd.Flags().StringVar(&confirm, "destroy-root", "", "the domain's id, to confirm that the root key is to be destroyed")
	return cmd
}
