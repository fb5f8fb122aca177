// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Create, list, show, import, wrap, share and destroy keys",
		Long: `Keys of a partition. A key is named by its label, or by id:HEX (CKA_ID), or by its unique id.

  genbu key create release --type ec-p256`,
	}
	cmd.AddCommand(keyCreate(), keyList(), keyShow(), keyImport(), keyWrap(), keyUnwrap(), keyShareCommand(), keyStateCommand(), keyDestroy())
	return cmd
}

func keyCreate() *cobra.Command {
	var who loginFlags
	var typ, id string
	var extractable, always bool
	cmd := &cobra.Command{
		Use:   "create LABEL",
		Short: "Make a key, or a pair",
		Long: `Make a key inside the module. It cannot leave unless it is made --extractable, and then only
wrapped by another key. Types: ` + strings.Join(specNames(), ", ") + `.

  genbu key create release --type ec-p256`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := findSpec(typ)
			if err != nil {
				return err
			}
			ckaID, err := parseID(id)
			if err != nil {
				return err
			}
			conn, session, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			if have, err := lookup(session, args[0]); err == nil && len(have) > 0 {
				return hinted{fmt.Errorf("there is a key %q already", args[0]), "genbu key show " + args[0]}
			}
			done := progress("making the key")
			made, err := makeKey(session, s, args[0], ckaID, extractable, always)
			done()
			if err != nil {
				return err
			}
			return showKeys(cmd.OutOrStdout(), session, made)
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&typ, "type", "ec-p256", "type of key")
	f.StringVar(&id, "id", "", "CKA_ID in hex (default: drawn)")
	f.BoolVar(&extractable, "extractable", false, "another key may wrap it out")
	f.BoolVar(&always, "always-authenticate", false, "ask for the PIN at each use")
	return cmd
}

func parseID(text string) ([]byte, error) {
	if text != "" {
		return hex.DecodeString(text)
	}
	id := make([]byte, 8)
	rand.Read(id)
	return id, nil
}

// makeKey generates a key with all uses its type has.
func makeKey(s *client.Session, sp *spec, label string, id []byte, extractable, always bool) ([]client.Summary, error) {
	common := client.Template{client.Text(key.AttrLabel, label), client.Bytes(key.AttrID, id), client.Bool(key.AttrToken, true)}
	secret := append(client.Template{client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSensitive, true),
		client.Bool(key.AttrExtractable, extractable)}, common...)
	if always {
		secret = append(secret, client.Bool(key.AttrAlwaysAuth, true))
	}
	if !sp.pair {
		o, err := s.Generate(client.Mech(sp.mech), append(append(secret, sp.template()...), client.ULong(key.AttrKeyType, sp.typ)))
		return []client.Summary{o}, err
	}
	pub, priv, err := s.GeneratePair(client.Mech(sp.mech), append(common, sp.template()...), secret)
	return []client.Summary{priv, pub}, err
}

// lookup finds objects by label, id:HEX or unique id.
func lookup(s *client.Session, name string, more ...client.Attribute) ([]client.Summary, error) {
	t := append(client.Template{}, more...)
	if text, ok := strings.CutPrefix(name, "id:"); ok {
		id, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		return s.FindAll(append(t, client.Bytes(key.AttrID, id)))
	}
	if _, ok := key.ParseID(name); ok {
		if found, err := s.FindAll(append(t, client.Text(key.AttrUniqueID, name))); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return s.FindAll(append(t, client.Text(key.AttrLabel, name)))
}

// one finds the key of a name that can do what is asked for.
func one(s *client.Session, name string, usage uint64) (client.Summary, error) {
	found, err := lookup(s, name)
	if err != nil {
		return client.Summary{}, err
	}
	var able []client.Summary
	for _, o := range found {
		if o.Usage&usage == usage && (usage != 0 || o.Class != key.ClassPublic) {
			able = append(able, o)
		}
	}
	switch {
	case len(found) == 0:
		return client.Summary{}, hinted{fmt.Errorf("no key %q", name), "genbu key list"}
	case len(able) == 0:
		return client.Summary{}, hinted{fmt.Errorf("key %q is not for this use", name), "genbu key show " + name}
	case len(able) > 1:
		return client.Summary{}, hinted{fmt.Errorf("there are %d keys %q", len(able), name), "name it by id:HEX or its unique id (genbu key list)"}
	}
	return able[0], nil
}

func keyList() *cobra.Command {
	var who loginFlags
	cmd := &cobra.Command{
		Use:   "list [LABEL]",
		Short: "List keys, certificates and data objects",
		Long: `List what the partition holds and the login may see.

  genbu key list --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			done := progress("listing")
			var found []client.Summary
			if len(args) == 1 {
				found, err = lookup(s, args[0])
			} else {
				found, err = s.FindAll(client.Template{client.Bool(key.AttrToken, true)})
			}
			done()
			if err != nil {
				return err
			}
			return showKeys(cmd.OutOrStdout(), s, found)
		},
	}
	who.add(cmd)
	return cmd
}

func keyDestroy() *cobra.Command {
	var who loginFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "destroy LABEL",
		Short: "Destroy a key for ever",
		Long: `Destroy a key: a pair goes with its public key and certificate when --all is given. When the command
returns, no node uses it any more and no backup of the store brings it back by itself.

  genbu key destroy release --all`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			found, err := lookup(s, args[0])
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return hinted{fmt.Errorf("no key %q", args[0]), "genbu key list"}
			}
			if len(found) > 1 && !all {
				return hinted{fmt.Errorf("%d objects are called %q", len(found), args[0]), "genbu key destroy " + args[0] + " --all"}
			}
			for _, o := range found {
				if err := s.Destroy(o.Handle); err != nil {
					return err
				}
			}
			return show(cmd.OutOrStdout(), map[string]any{"destroyed": len(found)}, func(w io.Writer) { fmt.Fprintf(w, "%d objects destroyed\n", len(found)) })
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every object of that name")
	return cmd
}

func keyShareCommand() *cobra.Command {
	var who loginFlags
	var off bool
	cmd := &cobra.Command{
		Use:   "share LABEL OPERATOR",
		Short: "Let another operator use a key",
		Long: `Let another operator of the partition use a key, or with --off no longer. Only its owner, or an
admin, may; whoever it is shared with can use it, not manage it.

  genbu key share release ci`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := one(s, args[0], 0)
			if err != nil {
				return err
			}
			if err := s.KeyShare(o.Handle, args[1], !off); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"key": args[0], "operator": args[1], "shared": !off}, func(w io.Writer) {
				fmt.Fprintf(w, "key %q: shared with %q: %t\n", args[0], args[1], !off)
			})
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&off, "off", false, "take it back")
	return cmd
}

var keyStates = map[string]key.State{"active": key.StateActive, "suspended": key.StateSuspended, "deactivated": key.StateDeactivated, "compromised": key.StateCompromised}

func stateName(s key.State) string {
	for name, v := range keyStates {
		if v == s {
			return name
		}
	}
	return "unknown"
}

func keyStateCommand() *cobra.Command {
	var who loginFlags
	cmd := &cobra.Command{
		Use:   "state LABEL STATE",
		Short: "Suspend, activate, deactivate, or mark a key as compromised (SP 800-57)",
		Long: `Move a key to another state: active, suspended (and back), deactivated, compromised.

  genbu key state release suspended`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			state, ok := keyStates[args[1]]
			if !ok {
				return hinted{errors.New("no such state"), "active, suspended, deactivated or compromised"}
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := one(s, args[0], 0)
			if err != nil {
				return err
			}
			if err := s.KeyState(o.Handle, state); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"key": args[0], "state": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "key %q is %s\n", args[0], args[1]) })
		},
	}
	who.add(cmd)
	return cmd
}
