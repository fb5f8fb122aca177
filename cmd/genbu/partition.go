// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

func partitionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partition",
		Short: "Tenants: each a PKCS #11 token with its own key, operators and quotas",
		Long: `A partition is a tenant: a PKCS #11 token with a partition key, operators, policy and quotas of
its own. An admin of the domain makes partitions; their own officers manage them.

  genbu partition create payments --so-pin-file so.pin --user-pin-file user.pin`,
	}
	cmd.AddCommand(partitionCreate(), partitionList(), partitionSet(), partitionRecover(), partitionDestroy())
	return cmd
}

// created is what genbu partition create answers; PINs only where they were drawn.
type created struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Slot  uint64 `json:"slot"`
	SO    string `json:"so_pin,omitempty"`
	User  string `json:"user_pin,omitempty"`
}

func (c *created) text(w io.Writer) {
	fmt.Fprintf(w, "partition %q: slot %d, id %s\n", c.Label, c.Slot, c.ID)
	if c.SO != "" {
		fmt.Fprintf(w, "PIN of its officer \"so\": %s   (shown once)\n", c.SO)
	}
	if c.User != "" {
		fmt.Fprintf(w, "PIN of its user \"user\": %s   (shown once)\n", c.User)
	}
}

func partitionCreate() *cobra.Command {
	var who admin
	var policy policyFlags
	var soFile, userFile, kind string
	cmd := &cobra.Command{
		Use:   "create LABEL",
		Short: "Make a partition",
		Long: `Make a partition with an officer "so" and a user "user". PINs that are not given are drawn and
printed once. With --allow-init and no PIN given, the token waits for C_InitToken instead. A vault or
managed HSM keeps what is deleted for 90 days, and can be reached through the web doors.

  genbu partition create payments --audit-each
  genbu partition create vault1 --kind vault`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flag, ok := kinds[kind]
			if !ok {
				return hinted{fmt.Errorf("%q is no kind of partition", kind), hint{"genbu partition create LABEL --kind vault", "or managed-hsm, hsm"}}
			}
			answer := created{Label: args[0]}
			waits := policy.initToken && soFile == "" && userFile == "" // for C_InitToken and C_InitPIN, which set the PINs
			so, err := givenOrDrawn(soFile, waits, &answer.SO)
			if err != nil {
				return err
			}
			user, err := givenOrDrawn(userFile, waits, &answer.User)
			if err != nil {
				return err
			}
			err = who.as("making the partition", func(s *session) error {
				id, slot, err := s.conn.PartitionCreate(args[0], so, user, policy.bits(cmd, flag))
				answer.ID, answer.Slot = id.String(), slot
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, answer, answer.text)
		},
	}
	who.add(cmd)
	policy.add(cmd)
	cmd.Flags().StringVar(&soFile, "so-pin-file", "", "read the officer's new PIN from this file (default: drawn)")
	cmd.Flags().StringVar(&userFile, "user-pin-file", "", "read the user's new PIN from this file (default: drawn)")
	cmd.Flags().StringVar(&kind, "kind", "hsm", "hsm (PKCS #11), vault or managed-hsm")
	cmd.RegisterFlagCompletionFunc("kind", fixed(sorted(kinds)))
	return cmd
}

// kinds are the flags that say what kind of partition it is.
var kinds = map[string]uint64{"hsm": 0, "vault": client.KindVault, "managed-hsm": client.KindManagedHSM}

func kindOf(flags uint64) string {
	switch {
	case flags&client.KindVault != 0:
		return "vault"
	case flags&client.KindManagedHSM != 0:
		return "managed-hsm"
	}
	return "hsm"
}

// givenOrDrawn is a new PIN from a file, or a drawn one, which is told to drawn; none when it is to be left unset.
func givenOrDrawn(file string, unset bool, drawn *string) ([]byte, error) {
	if file != "" {
		return readPIN(file)
	}
	if unset {
		return nil, nil
	}
	pin := newPIN()
	*drawn = string(pin)
	return pin, nil
}

// listed is one row of genbu partition list.
type listed struct {
	ID          string   `json:"id"`
	Label       string   `json:"label"`
	Slot        uint64   `json:"slot"`
	Kind        string   `json:"kind"`
	Host        string   `json:"host,omitempty"` // by which clients of the web doors reach it at this node
	Objects     *uint64  `json:"objects"`        // null without a login that may see it
	MaxObjects  uint64   `json:"max_objects"`
	MaxOps      uint64   `json:"max_operators"`
	Policy      []string `json:"policy"`
	Initialized bool     `json:"initialized"`
}

func partitionList() *cobra.Command {
	var who admin
	var deleted bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List partitions",
		Long: `List partitions. Everybody may; how many objects each holds is shown to the domain's admin. HOST is
the name by which programs for Azure reach a vault or managed HSM (genbu connect azure). With --deleted
list those of them that were deleted and can be recovered.

  genbu partition list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if deleted {
				return listDeleted(cmd, &who)
			}
			var list []client.Partition
			read := func(conn *client.Conn) (err error) { list, err = conn.Partitions(); return err }
			counts := who.pinFile != "" || who.operator != "" || who.known() != nil // nobody is asked for a PIN for this
			var err error
			if counts {
				err = who.as("listing", func(s *session) error { return read(s.conn) })
			} else if conn, e := dial(); e != nil {
				err = e
			} else {
				defer conn.Close()
				err = read(conn)
			}
			if err != nil {
				return err
			}
			items, rows := []listed{}, [][]string{}
			suffix := ""
			if c, err := nodeConfig(); err == nil && *c.Azure.Listen != "" {
				suffix = "." + c.Azure.Suffix
			}
			for _, p := range list {
				host := ""
				if label := webLabel(p); label != "" && suffix != "" {
					host = label + suffix
				}
				i := listed{p.ID.String(), p.Label, p.Slot, kindOf(p.Flags), host, nil, p.MaxObjects, p.MaxOperators, policyNames(p.Flags), p.Initialized}
				objects := "-"
				if counts {
					i.Objects, objects = &p.Objects, fmt.Sprint(p.Objects)
				}
				items = append(items, i)
				rows = append(rows, []string{fmt.Sprint(p.Slot), p.Label, kindOf(p.Flags), objects, fmt.Sprint(p.MaxObjects), policyText(p.Flags), p.ID.String(), dash(host)})
			}
			return show(cmd, items, func(w io.Writer) { table(w, "SLOT LABEL KIND OBJECTS MAX POLICY ID HOST", rows) })
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&deleted, "deleted", false, "vaults and managed HSMs that were deleted and can be recovered")
	return cmd
}

// partitionNamed answers the partition with a label.
func partitionNamed(conn *client.Conn, label string) (client.Partition, error) {
	list, err := conn.Partitions()
	i := slices.IndexFunc(list, func(p client.Partition) bool { return p.Label == label })
	if err == nil && i < 0 {
		err = next(fmt.Errorf("no partition %q", label), "genbu partition list")
	}
	if err != nil {
		return client.Partition{}, err
	}
	return list[i], nil
}

func partitionDestroy() *cobra.Command {
	var who admin
	var confirm string
	cmd := &cobra.Command{
		Use:   "destroy LABEL",
		Short: "Destroy a partition with every key in it",
		Long: `Destroy a partition: its key goes first, so everything in it is noise from then on. One that was deleted
by Azure's resource manager is destroyed before its time, if it has no purge protection.

  genbu partition destroy payments --confirm payments`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirm != args[0] {
				return next(errors.New("this destroys every key in the partition; repeat its label to confirm"),
					"genbu partition destroy "+word(args[0])+" --confirm "+word(args[0]))
			}
			var p client.Partition
			err := who.as("destroying the partition", func(s *session) (err error) {
				if v, failed := deletedNamed(s.conn, args[0]); failed == nil {
					p.ID = v.ID
					return s.conn.VaultPurge(v.ID)
				}
				if p, err = partitionNamed(s.conn, args[0]); err == nil {
					err = s.conn.PartitionDestroy(p.ID, confirm)
				}
				return err
			})
			if err == nil {
				err = forgetToken(args[0])
			}
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"destroyed": args[0], "id": p.ID.String()}, func(w io.Writer) {
				fmt.Fprintf(w, "partition %q destroyed\n", args[0])
			})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&confirm, "confirm", "", "the label again")
	cmd.ValidArgsFunction = completeTokens
	return cmd
}
