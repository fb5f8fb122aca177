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

var roles = map[string]uint64{"admin": client.Admin, "crypto-user": client.CryptoUser, "auditor": client.Auditor, "service": client.Service}

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
(PKCS #11 programs give it as NAME:PIN), or by unix uid where the partition allows it. Operators of the
domain are its admins, and service identities: programs that show other evidence, and may do in each
partition what they are granted there.

  genbu operator create ci --role crypto-user --uid 1001`,
	}
	cmd.AddCommand(operatorCreate(), operatorList(), operatorSet(), operatorPIN(), operatorDestroy(),
		operatorGrant(), operatorRevoke(), operatorGrants(), operatorRoles(), credentialCommand())
	return cmd
}

func operatorCreate() *cobra.Command {
	var who officer
	var role, pinFile string
	var uids []uint
	var evidence evidenceFlags
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an operator",
		Long: `Make an operator. Without --new-pin-file and --uid, a PIN is drawn and printed once. With
--client-secret, --certificate or --federated it is a service identity of the domain, with a client id.

  genbu operator create audit --role auditor
  genbu operator create shop --client-secret`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if evidence.any() || role == "service" {
				return makeIdentity(cmd, &who, args[0], &evidence)
			}
			r, ok := roles[role]
			if !ok {
				return hinted{fmt.Errorf("%q is no role", role), hint{"genbu operator create NAME --role crypto-user", "or admin, auditor"}}
			}
			var drawn string
			pin, err := givenOrDrawn(pinFile, len(uids) > 0, &drawn)
			if err != nil {
				return err
			}
			err = who.as("", func(s *session, slot uint64) error {
				return s.conn.OperatorCreate(slot, args[0], r, pin, wide(uids)...)
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"name": args[0], "role": role, "pin": drawn, "uids": uids}, func(w io.Writer) {
				fmt.Fprintf(w, "operator %q (%s)\n", args[0], role)
				if drawn != "" {
					fmt.Fprintf(w, "PIN: %s   (shown once; PKCS #11 programs log in with %s:%s)\n", drawn, args[0], drawn)
				}
			})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&role, "role", "crypto-user", "admin, crypto-user, auditor or service")
	f.StringVar(&pinFile, "new-pin-file", "", "read the operator's PIN from this file (- for standard input)")
	f.UintSliceVar(&uids, "uid", nil, "a unix uid that logs in as this operator without a PIN")
	evidence.add(cmd)
	cmd.RegisterFlagCompletionFunc("role", fixed(sorted(roles)))
	return cmd
}

// makeIdentity makes a service identity of the domain with its first credentials.
func makeIdentity(cmd *cobra.Command, who *officer, name string, evidence *evidenceFlags) error {
	var list []issued
	var id string
	err := (&admin{who.operator, who.pinFile}).as("", func(s *session) error {
		if err := s.conn.OperatorCreate(domainSlot, name, client.Service, nil); err != nil {
			return err
		}
		o, err := identity(s.conn, name)
		if err != nil {
			return err
		}
		id = clientID(o.ID)
		if list, err = evidence.give(s.conn, name); err != nil {
			err = errors.Join(err, s.conn.OperatorDestroy(domainSlot, name)) // nothing is half made
		}
		return err
	})
	if err != nil {
		return err
	}
	return show(cmd, map[string]any{"name": name, "role": "service", "client_id": id, "credentials": list}, func(w io.Writer) {
		fmt.Fprintf(w, "service identity %q: client id %s\n", name, id)
		tellIssued(w, list)
	})
}

func wide(uids []uint) (list []uint64) {
	for _, u := range uids {
		list = append(list, uint64(u))
	}
	return list
}

// operatorInfo is one row of genbu operator list.
type operatorInfo struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	State     string   `json:"state"`
	TriesLeft uint64   `json:"pin_tries_left"`
	HasPIN    bool     `json:"has_pin"`
	UIDs      []uint64 `json:"uids"`
}

func operatorList() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List operators",
		Long: `List a partition's operators, or with --domain and no --token the domain's.

  genbu operator list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			items, rows := []operatorInfo{}, [][]string{}
			err := who.as("", func(s *session, slot uint64) error {
				list, err := s.conn.Operators(slot)
				for _, o := range list {
					i := operatorInfo{o.ID.String(), o.Name, roleName(o.Role), "active", o.Left, o.Flags&2 != 0, append([]uint64{}, o.UIDs...)}
					if o.Flags&1 != 0 {
						i.State = "disabled"
					} else if o.Left == 0 {
						i.State = "locked"
					}
					items = append(items, i)
					rows = append(rows, []string{i.Name, i.Role, i.State, strconv.FormatUint(i.TriesLeft, 10), dash(strings.Trim(fmt.Sprint(o.UIDs), "[]"))})
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, items, func(w io.Writer) { table(w, "NAME ROLE STATE TRIES UIDS", rows) })
		},
	}
	who.add(cmd)
	return cmd
}

func operatorDestroy() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "destroy NAME",
		Short: "Remove an operator",
		Long: `Remove an operator. Keys that it owns stay, and its partition's officer can share or destroy them.

  genbu operator destroy ci`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("", func(s *session, slot uint64) error { return s.conn.OperatorDestroy(slot, args[0]) })
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"destroyed": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "operator %q destroyed\n", args[0]) })
		},
	}
	who.add(cmd)
	cmd.ValidArgsFunction = completeOperators(&who)
	return cmd
}
