// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// keeper is who holds the root key: a file, m of n custodians, this machine's TPM, or the other nodes.
type keeper struct {
	name string
	m, n int
	pcrs string // the TPM's registers that it is bound to besides
}

// keepersAlone are those that need no number.
var keepersAlone = []string{"file", "tpm", "peers", "peers-tpm"}

// Set, String and Type make it a flag.
func (k *keeper) Set(s string) error {
	name, rest, has := strings.Cut(s, ":")
	if slices.Contains(keepersAlone, name) && !has {
		*k = keeper{name: name, pcrs: k.pcrs}
		return nil
	}
	left, right, ok := strings.Cut(rest, "of")
	m, err1 := strconv.Atoi(left)
	n, err2 := strconv.Atoi(right)
	if name != "custodians" || !ok || err1 != nil || err2 != nil || m < 1 || m > n || n > 255 {
		return fmt.Errorf("it is file, custodians:MofN such as custodians:2of3, tpm, or for one node of several peers or peers-tpm")
	}
	*k = keeper{name: name, m: m, n: n, pcrs: k.pcrs}
	return nil
}

// said is its name as the core takes it, with the TPM's registers.
func (k *keeper) said() (string, error) {
	if k.pcrs == "" {
		return k.name, nil
	}
	if k.name != "tpm" && k.name != "peers-tpm" {
		return "", next(fmt.Errorf("--tpm-pcrs is for the keepers tpm and peers-tpm"), "genbu init --keeper tpm --tpm-pcrs 7")
	}
	for _, n := range strings.Split(k.pcrs, ",") {
		if i, err := strconv.ParseUint(n, 10, 8); err != nil || i > 23 {
			return "", next(fmt.Errorf("--tpm-pcrs %s: numbers from 0 to 23, with commas between", k.pcrs), "genbu init --keeper tpm --tpm-pcrs 7,11")
		}
	}
	return k.name + ":" + k.pcrs, nil
}

func (k *keeper) String() string {
	if k.name == "custodians" {
		return fmt.Sprintf("custodians:%dof%d", k.m, k.n)
	}
	return k.name
}

func (k *keeper) Type() string { return "KEEPER" }

func (k *keeper) add(cmd *cobra.Command) {
	cmd.Flags().Var(k, "keeper", "file, tpm, custodians:MofN, or for one node of several peers or peers-tpm")
	cmd.RegisterFlagCompletionFunc("keeper", fixed([]string{"file", "tpm", "custodians:2of3", "custodians:3of5"}))
	k.addPCRs(cmd)
}

func (k *keeper) addPCRs(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.pcrs, "tpm-pcrs", "", "with a TPM: open only while these of its registers hold what they hold now, such as 7")
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
  --keeper tpm               unattended, by this machine's TPM: the disk alone opens nothing
  --keeper custodians:2of3   by people: any 2 of 3 shares unlock, fewer learn nothing

  genbu init --keeper custodians:2of3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := by.said()
			if err != nil {
				return err
			}
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
			shares, err := conn.Init(name, by.m, by.n, pin)
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
		Long: `Change the keeper of the root key: from a file to custodians, to this machine's TPM, or to new
shares. What opened it before does not any more, but for custodians: where the keeper is from then
on the TPM or the other nodes, their shares stay good, as the way back when those are gone. Keys
and programs notice nothing. With the same keeper again, the TPM's registers are taken as they are
now.

  genbu rekeep --keeper custodians:2of3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var shares [][]byte
			name, err := to.said()
			if err != nil {
				return err
			}
			err = who.as("sealing the root key", func(s *session) (err error) {
				shares, err = s.conn.Rekeep(name, to.m, to.n)
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
