// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

var roles = map[string]uint64{"admin": client.Admin, "crypto-user": client.CryptoUser, "auditor": client.Auditor}

func roleName(role uint64) string {
	for name, r := range roles {
		if r == role {
			return name
		}
	}
	return "unknown"
}

func operatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Who may log in to a partition, and how",
		Long: `Operators of a partition: admin (the security officer), crypto-user, auditor. They log in with a PIN
(PKCS #11 programs give it as NAME:PIN), or by unix uid where the partition allows it.

  genbu operator create ci --role crypto-user --uid 1001`,
	}
	cmd.AddCommand(operatorCreate(), operatorList(), operatorSet(), operatorDestroy())
	return cmd
}

// officer connects as the partition's officer, or, with --domain, as the domain's admin.
type officer struct {
	loginFlags
	domain bool
}

func (o *officer) add(cmd *cobra.Command) {
	o.loginFlags.add(cmd)
	cmd.Flags().BoolVar(&o.domain, "domain", false, "act as the domain's admin (needed for operators of the domain, and to unlock an officer)")
}

func (o *officer) open() (*client.Conn, uint64, error) {
	if !o.domain {
		conn, s, err := o.loginFlags.open(client.Officer)
		if err != nil {
			return nil, 0, err
		}
		return conn, s.Slot, nil
	}
	conn, err := domain(o.pinFile)
	if err != nil || o.token == "" {
		return conn, 0, err
	}
	t, err := o.slot(conn)
	return conn, t.Slot, err
}

func operatorCreate() *cobra.Command {
	var who officer
	var role, newPINFile string
	var uids []uint
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an operator",
		Long: `Make an operator. Without --new-pin-file and --uid, a PIN is drawn and printed once.

  genbu operator create audit --role auditor`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, ok := roles[role]
			if !ok {
				return hinted{fmt.Errorf("%q is no role", role), "--role admin, crypto-user or auditor"}
			}
			pin, drawn, err := newOperatorPIN(newPINFile, len(uids) == 0)
			if err != nil {
				return err
			}
			conn, slot, err := who.open()
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.OperatorCreate(slot, args[0], r, pin, wide(uids)...); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"name": args[0], "role": role, "pin": drawn, "uids": uids}, func(w io.Writer) {
				fmt.Fprintf(w, "operator %q (%s)\n", args[0], role)
				if drawn != "" {
					fmt.Fprintf(w, "pin: %s   (shown once; PKCS #11 programs log in with %s:%s)\n", drawn, args[0], drawn)
				}
			})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&role, "role", "crypto-user", "admin, crypto-user or auditor")
	f.StringVar(&newPINFile, "new-pin-file", "", "read the operator's PIN from this file (- for standard input)")
	f.UintSliceVar(&uids, "uid", nil, "a unix uid that logs in as this operator without a PIN")
	return cmd
}

func newOperatorPIN(file string, draw bool) (pin []byte, drawn string, err error) {
	if file != "" {
		pin, err = readPIN(file)
		return pin, "", err
	}
	if draw {
		drawn = newPIN()
	}
	return []byte(drawn), drawn, nil
}

func wide(uids []uint) (list []uint64) {
	for _, u := range uids {
		list = append(list, uint64(u))
	}
	return list
}

func operatorList() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operators",
		Long: `List a partition's operators, or with --domain and no --token the domain's.

  genbu operator list --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, slot, err := who.open()
			if err != nil {
				return err
			}
			defer conn.Close()
			list, err := conn.Operators(slot)
			if err != nil {
				return err
			}
			type item struct {
				ID        string   `json:"id"`
				Name      string   `json:"name"`
				Role      string   `json:"role"`
				TriesLeft uint64   `json:"pin_tries_left"`
				Disabled  bool     `json:"disabled"`
				HasPIN    bool     `json:"has_pin"`
				UIDs      []uint64 `json:"uids"`
			}
			items, rows := []item{}, [][]string{}
			for _, o := range list {
				items = append(items, item{o.ID.String(), o.Name, roleName(o.Role), o.Left, o.Flags&1 != 0, o.Flags&2 != 0, o.UIDs})
				state := "active"
				if o.Flags&1 != 0 {
					state = "disabled"
				} else if o.Left == 0 {
					state = "locked"
				}
				rows = append(rows, []string{o.Name, roleName(o.Role), state, strconv.FormatUint(o.Left, 10), strings.Trim(fmt.Sprint(o.UIDs), "[]")})
			}
			return show(cmd.OutOrStdout(), items, func(w io.Writer) { table(w, "NAME ROLE STATE TRIES UIDS", rows) })
		},
	}
	who.add(cmd)
	return cmd
}

func operatorSet() *cobra.Command {
	var who officer
	var newPINFile string
	var draw, disable, enable bool
	var uids []uint
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change an operator's PIN or uids, disable or enable",
		Long: `Change what the flags name. A new PIN unlocks a locked one. Disabling ends open sessions at once.

  genbu operator set user --new-pin`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var mask uint64
			var pin []byte
			var drawn string
			var err error
			if draw || newPINFile != "" {
				mask |= client.SetPINOf
				if pin, drawn, err = newOperatorPIN(newPINFile, draw); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("uid") {
				mask |= client.SetUIDs
			}
			if disable {
				mask |= client.Disable
			}
			if enable {
				mask |= client.Enable
			}
			if mask == 0 {
				return hinted{errors.New("nothing to change"), "genbu operator set --help"}
			}
			conn, slot, err := who.open()
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.OperatorSet(slot, args[0], mask, pin, wide(uids)...); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"name": args[0], "pin": drawn}, func(w io.Writer) {
				fmt.Fprintf(w, "operator %q changed\n", args[0])
				if drawn != "" {
					fmt.Fprintf(w, "pin: %s   (shown once)\n", drawn)
				}
			})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&newPINFile, "new-pin-file", "", "read the new PIN from this file (- for standard input)")
	f.BoolVar(&draw, "new-pin", false, "draw a new PIN and print it once")
	f.BoolVar(&disable, "disable", false, "end logins and open sessions")
	f.BoolVar(&enable, "enable", false, "allow logins again")
	f.UintSliceVar(&uids, "uid", nil, "the uids that log in without a PIN (replaces those before)")
	return cmd
}

func operatorDestroy() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "destroy NAME",
		Short: "Remove an operator",
		Long: `Remove an operator. Keys that it owns stay, and its partition's admin can share or destroy them.

  genbu operator destroy ci`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, slot, err := who.open()
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.OperatorDestroy(slot, args[0]); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"destroyed": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "operator %q destroyed\n", args[0]) })
		},
	}
	who.add(cmd)
	return cmd
}
