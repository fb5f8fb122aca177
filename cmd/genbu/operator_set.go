// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

func operatorSet() *cobra.Command {
	var who officer
	var pinFile string
	var draw, disable, enable bool
	var uids []uint
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change an operator's PIN or uids, disable or enable",
		Long: `Change what the flags name. A new PIN unlocks a locked one. Disabling ends open sessions at once.

  genbu operator set user --new-pin`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var mask uint64
			var pin []byte
			var drawn string
			var err error
			if draw || pinFile != "" {
				mask |= client.SetPINOf
				if pin, err = givenOrDrawn(pinFile, false, &drawn); err != nil {
					return err
				}
			}
			for bit, on := range map[uint64]bool{client.SetUIDs: cmd.Flags().Changed("uid"), client.Disable: disable, client.Enable: enable} {
				if on {
					mask |= bit
				}
			}
			if mask == 0 {
				return next(errors.New("nothing to change"), "genbu operator set --help")
			}
			label := ""
			err = who.as("", func(s *session, slot uint64) error {
				label = labelOf(s.conn, slot)
				return s.conn.OperatorSet(slot, args[0], mask, pin, wide(uids)...)
			})
			if err == nil && mask&client.SetPINOf != 0 {
				err = forgetPIN(label, args[0])
			}
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"name": args[0], "pin": drawn}, func(w io.Writer) {
				fmt.Fprintf(w, "operator %q changed\n", args[0])
				if drawn != "" {
					fmt.Fprintf(w, "PIN: %s   (shown once)\n", drawn)
				}
			})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&pinFile, "new-pin-file", "", "read the new PIN from this file (- for standard input)")
	f.BoolVar(&draw, "new-pin", false, "draw a new PIN and print it once")
	f.BoolVar(&disable, "disable", false, "end logins and open sessions")
	f.BoolVar(&enable, "enable", false, "allow logins again")
	f.UintSliceVar(&uids, "uid", nil, "the uids that log in without a PIN (replaces those before)")
	cmd.ValidArgsFunction = completeOperators(&who)
	cmd.MarkFlagsMutuallyExclusive("new-pin", "new-pin-file")
	cmd.MarkFlagsMutuallyExclusive("disable", "enable")
	return cmd
}

// labelOf is the label of a slot; empty for the domain.
func labelOf(conn *client.Conn, slot uint64) string {
	list, err := conn.Slots()
	if err == nil {
		for _, t := range list {
			if t.Slot == slot {
				return t.Label
			}
		}
	}
	return ""
}

func operatorPIN() *cobra.Command {
	var who officer
	var newFile string
	var isOfficer bool
	cmd := &cobra.Command{
		Use:   "pin",
		Short: "Change your own PIN",
		Long: `Change the PIN of the user, of another operator with --operator, of the officer with --officer, or of
the domain's admin with --domain. The old one has to be known.

  genbu operator pin --new-pin-file new.pin`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			label, name := "", who.operator
			change := func(s *session) error {
				label = labelOf(s.conn, s.Slot)
				pin, err := newPINFrom(newFile)
				if err == nil {
					err = s.SetPIN(s.pin, pin)
				}
				return err
			}
			var err error
			switch {
			case who.domain:
				name = cmp.Or(name, "admin")
				err = (&admin{who.operator, who.pinFile}).as("", change)
			case isOfficer:
				name = cmp.Or(name, "so")
				err = who.login.as(client.Officer, "", change)
			default:
				name = cmp.Or(name, "user")
				err = who.login.as(client.User, "", change)
			}
			if err == nil {
				err = forgetPIN(label, name)
			}
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"name": name}, func(w io.Writer) { fmt.Fprintf(w, "the PIN of %q is changed\n", name) })
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&newFile, "new-pin-file", "", "read the new PIN from this file (default: ask)")
	cmd.Flags().BoolVar(&isOfficer, "officer", false, "of the partition's officer")
	cmd.MarkFlagsMutuallyExclusive("officer", "domain")
	return cmd
}

func newPINFrom(file string) ([]byte, error) {
	if file != "" {
		return readPIN(file)
	}
	return askNew("new PIN", hint{"genbu operator pin --new-pin-file FILE", ""})
}
