// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// keeper is who holds the root key: a file, or m of n custodians.
type keeper struct {
	name string
	m, n int
}

// Set, String and Type make it a flag.
func (k *keeper) Set(s string) error {
	name, rest, has := strings.Cut(s, ":")
	if (name == "file" || name == "peers") && !has {
		*k = keeper{name: name}
		return nil
	}
	left, right, ok := strings.Cut(rest, "of")
	m, err1 := strconv.Atoi(left)
	n, err2 := strconv.Atoi(right)
	if name != "custodians" || !ok || err1 != nil || err2 != nil || m < 1 || m > n || n > 255 {
		return fmt.Errorf("it is file, custodians:MofN such as custodians:2of3, or for one node of several peers")
	}
	*k = keeper{name, m, n}
	return nil
}

func (k *keeper) String() string {
	if k.name == "custodians" {
		return fmt.Sprintf("custodians:%dof%d", k.m, k.n)
	}
	return k.name
}

func (k *keeper) Type() string { return "KEEPER" }

func (k *keeper) add(cmd *cobra.Command) {
	cmd.Flags().Var(k, "keeper", "file, custodians:MofN, or for one node of several peers")
	cmd.RegisterFlagCompletionFunc("keeper", fixed([]string{"file", "custodians:2of3", "custodians:3of5"}))
}

func initCommand() *cobra.Command {
	by := keeper{name: "file"}
	var pinFile string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the root key of a new node",
		Long: `Make the root key of a node that serves but is not initialized (genbu serve), and its admin.
The keeper decides how the node starts from then on:

  --keeper file              unattended, from a file; whoever reads it has every key
  --keeper custodians:2of3   by people: any 2 of 3 shares unlock, fewer learn nothing

  genbu init --keeper custodians:2of3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			pin, err := firstAdminPIN(pinFile)
			if err != nil {
				return err
			}
			done := progress("making the root key")
			shares, err := conn.Init(by.name, by.m, by.n, pin)
			done()
			if err != nil {
				return err
			}
			return showShares(cmd, &by, shares, "genbu partition create LABEL")
		},
	}
	by.add(cmd)
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
	return cmd
}

// firstAdminPIN takes a PIN twice from a terminal, or once from elsewhere.
func firstAdminPIN(file string) ([]byte, error) {
	if file != "" {
		return readPIN(file)
	}
	if v := fromEnv("GENBU_ADMIN_PIN"); v != "" {
		return []byte(v), nil
	}
	return askNew("new PIN of the domain's admin", hint{"genbu init --pin-file FILE", ""})
}

// showShares prints each custodian's share once. They are kept nowhere.
func showShares(cmd *cobra.Command, k *keeper, shares [][]byte, then string) error {
	texts := make([]string, len(shares))
	for i, s := range shares {
		texts[i] = string(s)
	}
	return show(cmd, map[string]any{"keeper": k.String(), "shares": texts, "threshold": k.m}, func(w io.Writer) {
		fmt.Fprintf(w, "the root key is kept by %s\n", k)
		for i, s := range texts {
			fmt.Fprintf(w, "share %d of %d, for one custodian's eyes:\n  %s\n", i+1, len(texts), s)
		}
		if len(texts) > 0 {
			fmt.Fprintf(w, "any %d of them unlock the node; fewer learn nothing. They are shown once and kept nowhere.\n", k.m)
		}
		fmt.Fprintf(w, "next: %s\n", withDir(then))
	})
}

func rekeepCommand() *cobra.Command {
	var who admin
	var to keeper
	cmd := &cobra.Command{
		Use:   "rekeep --keeper custodians:2of3",
		Short: "Change who keeps the root key",
		Long: `Change the keeper of the root key: from a file to custodians, from custodians to a file, or to new
shares. What opened it before does not any more. Keys and programs notice nothing.

  genbu rekeep --keeper custodians:2of3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var shares [][]byte
			err := who.as("sealing the root key", func(s *session) (err error) {
				shares, err = s.conn.Rekeep(to.name, to.m, to.n)
				return err
			})
			if err != nil {
				return err
			}
			return showShares(cmd, &to, shares, "genbu status")
		},
	}
	who.add(cmd)
	to.add(cmd)
	cmd.MarkFlagRequired("keeper")
	return cmd
}
