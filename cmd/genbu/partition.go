// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func partitionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partition",
		Short: "Tenants: each a PKCS #11 token with its own key, operators and quotas",
		Long: `A partition is a tenant: a PKCS #11 token with a partition key, operators, policy and quotas of
its own. An admin of the domain makes partitions; their own officers manage them.

  genbu partition create payments --so-pin-file so.pin --pin-file user.pin`,
	}
	cmd.AddCommand(partitionCreate(), partitionList(), partitionSet(), partitionDestroy())
	return cmd
}

// policyFlags are the switches of a partition's policy.
type policyFlags struct{ initToken, uidLogin, auditEach bool }

func (p *policyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.initToken, "allow-init", false, "C_InitToken may empty the partition and C_InitPIN set its first user's PIN")
	f.BoolVar(&p.uidLogin, "uid-login", false, "operators may log in by unix uid, which the host asserts")
	f.BoolVar(&p.auditEach, "audit-each", false, "every use of a key is an audit entry of its own (else uses are counted)")
}

func (p *policyFlags) bits() (flags uint64) {
	if p.initToken {
		flags |= client.InitAllowed
	}
	if p.uidLogin {
		flags |= client.UIDLogin
	}
	if p.auditEach {
		flags |= client.AuditEach
	}
	return flags
}

func policyText(flags uint64) string {
	var on []string
	for _, f := range []struct {
		bit  uint64
		name string
	}{{client.InitAllowed, "allow-init"}, {client.UIDLogin, "uid-login"}, {client.AuditEach, "audit-each"}} {
		if flags&f.bit != 0 {
			on = append(on, f.name)
		}
	}
	return strings.Join(on, ",")
}

func partitionCreate() *cobra.Command {
	var policy policyFlags
	var adminPIN, soFile, userFile string
	cmd := &cobra.Command{
		Use:   "create LABEL",
		Short: "Make a partition",
		Long: `Make a partition with an officer "so" and a user "user". PINs that are not given are drawn and
printed once. Without any PIN, --allow-init leaves the token for C_InitToken.

  genbu partition create payments --audit-each`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var so, user []byte
			var err error
			drawn := map[string]string{}
			for _, p := range []struct {
				name, file string
				pin        *[]byte
			}{{"so_pin", soFile, &so}, {"user_pin", userFile, &user}} {
				if p.file == "" && policy.initToken && soFile == "" && userFile == "" {
					continue // C_InitToken and C_InitPIN will set them
				} else if p.file == "" {
					drawn[p.name] = newPIN()
					*p.pin = []byte(drawn[p.name])
				} else if *p.pin, err = readPIN(p.file); err != nil {
					return err
				}
			}
			conn, err := domain(adminPIN)
			if err != nil {
				return err
			}
			defer conn.Close()
			id, slot, err := conn.PartitionCreate(args[0], so, user, policy.bits())
			if err != nil {
				return err
			}
			out := map[string]any{"id": id.String(), "label": args[0], "slot": slot}
			for name, pin := range drawn {
				out[name] = pin
			}
			return show(cmd.OutOrStdout(), out, func(w io.Writer) {
				fmt.Fprintf(w, "partition %q: slot %d, id %s\n", args[0], slot, id)
				for _, name := range slices.Sorted(maps.Keys(drawn)) {
					fmt.Fprintf(w, "%s: %s   (shown once)\n", name, drawn[name])
				}
			})
		},
	}
	policy.add(cmd)
	f := cmd.Flags()
	f.StringVar(&adminPIN, "admin-pin-file", "", "read the domain admin's PIN from this file")
	f.StringVar(&soFile, "so-pin-file", "", "read the officer's new PIN from this file (default: drawn)")
	f.StringVar(&userFile, "pin-file", "", "read the user's new PIN from this file (default: drawn)")
	return cmd
}

func partitionList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List partitions",
		Long: `List partitions. How many objects each holds is shown to its operators and to the domain's admin.

  genbu partition list --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := domain("")
			if err != nil { // everybody may list; only the counts need a login
				if conn, err = dial(); err != nil {
					return err
				}
			}
			defer conn.Close()
			list, err := conn.Partitions()
			if err != nil {
				return err
			}
			type item struct {
				ID         string `json:"id"`
				Label      string `json:"label"`
				Slot       uint64 `json:"slot"`
				Objects    uint64 `json:"objects"`
				MaxObjects uint64 `json:"max_objects"`
				Policy     string `json:"policy"`
			}
			items, rows := []item{}, [][]string{}
			for _, p := range list {
				items = append(items, item{p.ID.String(), p.Label, p.Slot, p.Objects, p.MaxObjects, policyText(p.Flags)})
				rows = append(rows, []string{strconv.FormatUint(p.Slot, 10), p.Label, strconv.FormatUint(p.Objects, 10),
					strconv.FormatUint(p.MaxObjects, 10), policyText(p.Flags), p.ID.String()})
			}
			return show(cmd.OutOrStdout(), items, func(w io.Writer) { table(w, "SLOT LABEL OBJECTS MAX POLICY ID", rows) })
		},
	}
}

// find answers the partition with a label.
func find(conn *client.Conn, label string) (client.Partition, error) {
	list, err := conn.Partitions()
	if err != nil {
		return client.Partition{}, err
	}
	for _, p := range list {
		if p.Label == label {
			return p, nil
		}
	}
	return client.Partition{}, fault.PartitionUnknown
}

func partitionSet() *cobra.Command {
	var policy policyFlags
	var adminPIN, label string
	var objects, operators uint64
	cmd := &cobra.Command{
		Use:   "set LABEL",
		Short: "Change a partition's policy, quotas or label",
		Long: `Change what the flags name. The switches of the policy are set together: those not given are off.

  genbu partition set payments --audit-each --max-objects 5000`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := domain(adminPIN)
			if err != nil {
				return err
			}
			defer conn.Close()
			p, err := find(conn, args[0])
			if err != nil {
				return err
			}
			var mask uint64
			changed := cmd.Flags().Changed
			if changed("allow-init") || changed("uid-login") || changed("audit-each") {
				mask, p.Flags = mask|client.SetFlags, policy.bits()
			}
			if changed("max-objects") {
				mask, p.MaxObjects = mask|client.SetQuotas, objects
			}
			if changed("max-operators") {
				mask, p.MaxOperators = mask|client.SetQuotas, operators
			}
			if changed("label") {
				mask, p.Label = mask|client.SetLabel, label
			}
			if mask == 0 {
				return hinted{errors.New("nothing to change"), "genbu partition set --help"}
			}
			if err := conn.PartitionSet(mask, p); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"label": p.Label, "policy": policyText(p.Flags)}, func(w io.Writer) {
				fmt.Fprintf(w, "partition %q: policy %s, at most %d objects\n", p.Label, policyText(p.Flags), p.MaxObjects)
			})
		},
	}
	policy.add(cmd)
	f := cmd.Flags()
	f.StringVar(&adminPIN, "admin-pin-file", "", "read the domain admin's PIN from this file")
	f.StringVar(&label, "label", "", "the new label")
	f.Uint64Var(&objects, "max-objects", 0, "how many objects it may hold")
	f.Uint64Var(&operators, "max-operators", 0, "how many operators it may have")
	return cmd
}

func partitionDestroy() *cobra.Command {
	var adminPIN, confirm string
	cmd := &cobra.Command{
		Use:   "destroy LABEL",
		Short: "Destroy a partition with every key in it",
		Long: `Destroy a partition: its key goes first, so everything in it is noise from then on.

  genbu partition destroy payments --confirm payments`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirm != args[0] {
				return hinted{errors.New("this destroys every key in the partition"), "repeat the label: --confirm " + args[0]}
			}
			conn, err := domain(adminPIN)
			if err != nil {
				return err
			}
			defer conn.Close()
			p, err := find(conn, args[0])
			if err != nil {
				return err
			}
			if err := conn.PartitionDestroy(p.ID, confirm); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"destroyed": p.ID.String()}, func(w io.Writer) {
				fmt.Fprintf(w, "partition %q destroyed\n", args[0])
			})
		},
	}
	cmd.Flags().StringVar(&adminPIN, "admin-pin-file", "", "read the domain admin's PIN from this file")
	cmd.Flags().StringVar(&confirm, "confirm", "", "the label again")
	return cmd
}
