// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// actionPrefix is what stands before an action of genbu operator grant --action; the core knows it as Azure does.
const actionPrefix = "Microsoft.KeyVault/vaults/"

func operatorGrant() *cobra.Command {
	var who officer
	var role, scope string
	var actions []string
	cmd := &cobra.Command{
		Use:   "grant NAME",
		Short: "Give an operator a role in a partition, which it then keeps to",
		Long: `Give a service identity, or a crypto-user of the partition, a role for a scope. With its first grant an
operator is limited to what it is granted, over PKCS #11 too; the limit stays when the last grant goes.
Roles: genbu operator roles. Instead of a role, --action names what may be done (keys/sign, keys/read,
secrets/getSecret ...). NAME may be a client id. With --domain the domain's admin acts.

  genbu operator grant shop --domain --token vault1 --role "Key Vault Crypto User"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (role == "") == (len(actions) == 0) {
				return next(errors.New("name a role, or actions"), "genbu operator roles")
			}
			var given client.Assignment
			err := who.as("", func(s *session, slot uint64) error {
				principal, err := principalOf(s.conn, slot, args[0])
				if err != nil {
					return err
				}
				id := ""
				if role != "" {
					id, err = roleNamed(s.conn, slot, role)
				} else {
					id, err = roleOf(s.conn, slot, actions)
				}
				if err != nil {
					return err
				}
				given = client.Assignment{ID: newUUID(), Scope: scope, Role: id, Principal: principal}
				return s.conn.PutAssignment(slot, given)
			})
			if err != nil {
				return err
			}
			answer := map[string]any{"id": given.ID, "name": args[0], "principal": given.Principal, "role": given.Role, "scope": given.Scope}
			return show(cmd, answer, func(w io.Writer) { fmt.Fprintf(w, "%q may act by role %s on %s\n", args[0], given.Role, given.Scope) })
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "a role's name or id")
	f.StringSliceVar(&actions, "action", nil, "what may be done, such as keys/sign; may be given several times")
	f.StringVar(&scope, "scope", "/", "/, /keys, /keys/NAME, /secrets, /secrets/NAME, /certificates, /certificates/NAME")
	return cmd
}

func operatorRevoke() *cobra.Command {
	var who officer
	var role, scope string
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Take roles from an operator",
		Long: `Take the roles from an operator that the flags name, or all. It holds at once, in open sessions too. An
operator that was limited stays so, and may then do nothing.

  genbu operator revoke shop --domain --token vault1 --scope /keys/till`,
		RunE: func(cmd *cobra.Command, args []string) error {
			removed := []string{}
			err := who.as("", func(s *session, slot uint64) error {
				principal, err := principalOf(s.conn, slot, args[0])
				if err != nil {
					return err
				}
				wanted := ""
				if role != "" {
					if wanted, err = roleNamed(s.conn, slot, role); err != nil {
						return err
					}
				}
				list, err := s.conn.Assignments(slot)
				if err != nil {
					return err
				}
				for _, a := range list {
					if a.Principal != principal || wanted != "" && a.Role != wanted || cmd.Flags().Changed("scope") && a.Scope != scope {
						continue
					}
					if err := s.conn.RemoveAssignment(slot, a.ID); err != nil {
						return err
					}
					removed = append(removed, a.ID)
				}
				return nil
			})
			if err == nil && len(removed) == 0 {
				err = next(fmt.Errorf("%q has no such role", args[0]), "genbu operator grants")
			}
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"removed": removed}, func(w io.Writer) { fmt.Fprintf(w, "%d roles taken from %q\n", len(removed), args[0]) })
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&role, "role", "", "only this role")
	cmd.Flags().StringVar(&scope, "scope", "", "only for this scope")
	return cmd
}

// granted is one row of genbu operator grants.
type grantInfo struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Principal string `json:"principal"`
	Role      string `json:"role"`
	RoleID    string `json:"role_id"`
	Scope     string `json:"scope"`
}

func operatorGrants() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "List who has which role in a partition",
		Long: `List the role assignments of a partition.

  genbu operator grants --domain --token vault1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			items, rows := []grantInfo{}, [][]string{}
			err := who.as("", func(s *session, slot uint64) error {
				list, err := s.conn.Assignments(slot)
				if err != nil {
					return err
				}
				roles, err := s.conn.Roles(slot)
				if err != nil {
					return err
				}
				names := operatorNames(s.conn, slot)
				for _, a := range list {
					i := grantInfo{a.ID, names[a.Principal], a.Principal, "", a.Role, a.Scope}
					for _, r := range roles {
						if r.ID == a.Role {
							i.Role = r.Name
						}
					}
					items = append(items, i)
					rows = append(rows, []string{dash(i.Name), i.Role, i.Scope, i.Principal})
				}
				return nil
			})
			if err != nil {
				return err
			}
			return show(cmd, items, func(w io.Writer) { table(w, "NAME ROLE SCOPE PRINCIPAL", rows) })
		},
	}
	who.add(cmd)
	return cmd
}

func operatorRoles() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "roles",
		Short: "List the roles that can be given in a partition",
		Long: `List the roles that can be given in a partition: Azure's, and those made here. With --json their actions.

  genbu operator roles --domain --token vault1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []client.Role
			err := who.as("", func(s *session, slot uint64) (err error) {
				list, err = s.conn.Roles(slot)
				return err
			})
			if err != nil {
				return err
			}
			items, rows := []map[string]any{}, [][]string{}
			for _, r := range list {
				items = append(items, map[string]any{"id": r.ID, "name": r.Name, "description": r.Description, "built_in": r.BuiltIn,
					"actions": append([]string{}, r.Actions...), "not_actions": append([]string{}, r.NotActions...)})
				rows = append(rows, []string{r.Name, r.ID, r.Description})
			}
			return show(cmd, items, func(w io.Writer) { table(w, "NAME ID WHAT", rows) })
		},
	}
	who.add(cmd)
	return cmd
}

// operatorNames are names by id in UUID form: the partition's operators, and the domain's where the login may list them.
func operatorNames(conn *client.Conn, slot uint64) map[string]string {
	names := map[string]string{}
	for _, at := range []uint64{domainSlot, slot} {
		list, err := conn.Operators(at)
		if err != nil {
			continue
		}
		for _, o := range list {
			names[clientID(o.ID)] = o.Name
		}
	}
	return names
}

// principalOf is the id of an operator of the partition, of a service identity, or a client id itself.
func principalOf(conn *client.Conn, slot uint64, name string) (string, error) {
	if len(name) == 36 {
		if _, ok := key.ParseID(strings.ReplaceAll(name, "-", "")); ok {
			return strings.ToLower(name), nil
		}
	}
	for _, at := range []uint64{slot, domainSlot} {
		list, err := conn.Operators(at)
		if err != nil {
			continue
		}
		for _, o := range list {
			if o.Name == name && (at == slot || o.Role == client.Service) {
				return clientID(o.ID), nil
			}
		}
	}
	return "", hinted{fmt.Errorf("no operator %q is to be seen here", name), hint{"genbu operator list --domain", "or give a client id; with --domain the domain's own are found too"}}
}

func roleNamed(conn *client.Conn, slot uint64, name string) (string, error) {
	list, err := conn.Roles(slot)
	if err != nil {
		return "", err
	}
	for _, r := range list {
		if strings.EqualFold(r.Name, name) || strings.EqualFold(r.ID, name) {
			return r.ID, nil
		}
	}
	return "", next(fmt.Errorf("no role %q", name), "genbu operator roles")
}

// roleOf finds the role that allows just these actions, or makes it.
func roleOf(conn *client.Conn, slot uint64, actions []string) (string, error) {
	list, err := conn.Roles(slot)
	if err != nil {
		return "", err
	}
	wanted := make([]string, len(actions))
	for i, a := range actions {
		wanted[i] = actionPrefix + strings.TrimSuffix(a, "/action")
		if !slices.Contains([]string{"read", "delete", "write"}, a[strings.LastIndexByte(a, '/')+1:]) && !strings.HasSuffix(a, "*") {
			wanted[i] += "/action"
		}
	}
	slices.Sort(wanted)
	for _, r := range list {
		if !r.BuiltIn && slices.Equal(r.Actions, wanted) && len(r.NotActions) == 0 {
			return r.ID, nil
		}
	}
	r := client.Role{ID: newUUID(), Name: strings.Join(actions, ", "), Actions: wanted}
	return r.ID, conn.PutRole(slot, r)
}

func newUUID() string {
	var id key.ID
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0F|0x40, id[8]&0x3F|0x80 // RFC 9562, version 4
	return clientID(id)
}
