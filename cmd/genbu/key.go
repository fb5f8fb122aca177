// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
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
	cmd.AddCommand(keyCreate(), keyList(), keyShow(), keyAttest(), keyImport(), keyWrap(), keyUnwrap(), keyReplicate(), keyShareCommand(), keyStateCommand(), keyDestroy())
	return cmd
}

// newKey is what every new key is told: its CKA_ID, and whether it may leave.
type newKey struct {
	id          string
	extractable bool
}

func (n *newKey) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&n.id, "id", "", "CKA_ID in hex (default: drawn)")
	cmd.Flags().BoolVar(&n.extractable, "extractable", false, "another key may wrap it out")
}

// templates answers the attributes that both halves of a key have, and those of its secret half.
func (n *newKey) templates(label string) (common, secret client.Template, err error) {
	id := make([]byte, 8)
	if n.id == "" {
		rand.Read(id)
	} else if id, err = hex.DecodeString(n.id); err != nil {
		return nil, nil, next(fmt.Errorf("--id %q: an id is hex digits", n.id), "genbu key create LABEL --id 01")
	}
	common = client.Template{client.Text(key.AttrLabel, label), client.Bytes(key.AttrID, id), client.Bool(key.AttrToken, true)}
	secret = append(client.Template{client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSensitive, true),
		client.Bool(key.AttrExtractable, n.extractable)}, common...)
	return common, secret, nil
}

// mustBeNew refuses a label that is in use: PKCS #11 allows it, and then nobody can name the key.
func (s *session) mustBeNew(label string) error {
	have, err := s.lookup(label)
	for _, o := range have {
		if o.Class == key.ClassPrivate || o.Class == key.ClassSecret {
			return next(fmt.Errorf("there is a key %q already", label), "genbu key show "+word(label))
		}
	}
	return err
}

func keyCreate() *cobra.Command {
	var who login
	var as newKey
	var typ string
	var always bool
	cmd := &cobra.Command{
		Use:   "create LABEL",
		Short: "Make a key, or a pair",
		Long: `Make a key inside the module. It cannot leave unless it is made --extractable, and then only
wrapped by another key. Types:` + wrapped(specNames(), 95) + `

  genbu key create release --type ec-p256`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sp, err := findSpec(typ)
			if err != nil {
				return err
			}
			common, secret, err := as.templates(args[0])
			if err != nil {
				return err
			}
			if always {
				secret = append(secret, client.Bool(key.AttrAlwaysAuth, true))
			}
			var made []keyInfo
			err = who.as(client.User, "making the key", func(s *session) error {
				if err := s.mustBeNew(args[0]); err != nil {
					return err
				}
				list, err := sp.generate(s.Session, common, secret)
				if err == nil {
					made, err = s.describeAll(list)
				}
				return err
			})
			if err != nil {
				return err
			}
			return showKeys(cmd, made)
		},
	}
	who.add(cmd)
	as.add(cmd)
	cmd.Flags().StringVar(&typ, "type", "ec-p256", "type of key")
	cmd.Flags().BoolVar(&always, "always-authenticate", false, "ask for the PIN at each use")
	cmd.RegisterFlagCompletionFunc("type", fixed(specNames()))
	return cmd
}

// generate makes a key with all uses its type has.
func (sp *spec) generate(s *client.Session, common, secret client.Template) ([]client.Summary, error) {
	if !sp.pair {
		o, err := s.Generate(client.Mech(sp.mech), append(append(secret, sp.template()...), client.ULong(key.AttrKeyType, sp.typ)))
		return []client.Summary{o}, err
	}
	pub, priv, err := s.GeneratePair(client.Mech(sp.mech), append(common, sp.template()...), secret)
	return []client.Summary{priv, pub}, err
}

// wrapped is a list in lines of at most so many letters, for help texts.
func wrapped(list []string, width int) string {
	var b strings.Builder
	n := width // the first goes to a line of its own
	for i, s := range list {
		if i < len(list)-1 {
			s += ","
		}
		if n+1+len(s) > width {
			b.WriteString("\n ")
			n = 1
		}
		b.WriteString(" " + s)
		n += 1 + len(s)
	}
	return b.String()
}
