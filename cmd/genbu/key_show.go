// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// keyInfo is one object as the command line shows it.
type keyInfo struct {
	UniqueID    string   `json:"unique_id"`
	Label       string   `json:"label"`
	ID          string   `json:"id"`
	Class       string   `json:"class"`
	Type        string   `json:"type,omitempty"`
	Uses        []string `json:"uses,omitempty"`
	State       string   `json:"state,omitempty"`
	Private     bool     `json:"private"`
	Sensitive   bool     `json:"sensitive"`
	Extractable bool     `json:"extractable"`
	Always      bool     `json:"always_authenticate"`
	Local       bool     `json:"generated_here"`
	Owner       string   `json:"owner,omitempty"`
	Public      string   `json:"public_key,omitempty"`
	Handle      uint64   `json:"handle"`
}

var classNames = map[key.Class]string{key.ClassData: "data", key.ClassCertificate: "certificate", key.ClassPublic: "public",
	key.ClassPrivate: "private", key.ClassSecret: "secret", key.ClassProfile: "profile"}

var useNames = []string{"encrypt", "decrypt", "sign", "verify", "wrap", "unwrap", "derive", "encapsulate", "decapsulate"}

func (s *session) describe(o client.Summary) (keyInfo, error) {
	i := keyInfo{Class: classNames[o.Class], Private: o.Flags&client.IsPrivate != 0, Sensitive: o.Flags&client.IsSensitive != 0,
		Extractable: o.Flags&client.IsExtractable != 0, Always: o.Flags&client.AlwaysAuth != 0, Handle: o.Handle}
	for bit, name := range useNames {
		if o.Usage&(1<<bit) != 0 {
			i.Uses = append(i.Uses, name)
		}
	}
	values, err := s.Get(o.Handle, key.AttrUniqueID, key.AttrLabel, key.AttrID, key.AttrECParams, key.AttrLocal, key.AttrState,
		key.AttrOwnerID, key.AttrPublicKeyInfo)
	if err != nil {
		return i, err
	}
	get := map[key.Attr]client.Value{}
	for _, v := range values {
		get[v.Type] = v
	}
	i.UniqueID, i.Label, i.ID = string(get[key.AttrUniqueID].Value), string(get[key.AttrLabel].Value), hex.EncodeToString(get[key.AttrID].Value)
	i.Local = get[key.AttrLocal].Bool()
	if o.Class == key.ClassPublic || o.Class == key.ClassPrivate || o.Class == key.ClassSecret {
		i.Type = typeName(o, get[key.AttrECParams].Value)
		if v := get[key.AttrState]; v.Status == client.Given && o.Class != key.ClassPublic {
			i.State = stateName(key.State(v.ULong()))
		}
	}
	if owner := get[key.AttrOwnerID].Value; strings.Trim(hex.EncodeToString(owner), "0") != "" {
		i.Owner = hex.EncodeToString(owner)
	}
	if der := get[key.AttrPublicKeyInfo].Value; len(der) > 0 {
		i.Public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return i, nil
}

func typeName(o client.Summary, params []byte) string {
	if sp := specOf(o, params); sp != nil {
		return sp.name
	}
	return fmt.Sprintf("%#x/%d", uint64(o.Type), o.Bits)
}

func keyShow() *cobra.Command {
	var who login
	var public bool
	cmd := &cobra.Command{
		Use:   "show LABEL",
		Short: "Show a key, or print its public key",
		Long: `Show what is known of a key. With --public print its public key as PEM.

  genbu key show release --public > release.pub`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var list []keyInfo
			err := who.as(client.User, "", func(s *session) error {
				found, err := s.named(args[0])
				if err == nil {
					list, err = s.describeAll(found)
				}
				return err
			})
			if err != nil {
				return err
			}
			if !public {
				return show(cmd, list, func(w io.Writer) {
					for _, i := range list {
						i.text(w)
					}
				})
			}
			for _, i := range list {
				if i.Public != "" {
					return show(cmd, map[string]string{"public_key": i.Public}, func(w io.Writer) { fmt.Fprint(w, i.Public) })
				}
			}
			return next(fmt.Errorf("%q has no public key", args[0]), "genbu key show "+word(args[0]))
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&public, "public", false, "print the public key as PEM")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

func (i *keyInfo) text(w io.Writer) {
	fmt.Fprintf(w, "%s %s\n", i.Class, strconv.Quote(i.Label))
	row := func(name, value string) { fmt.Fprintf(w, "  %-12s %s\n", name, value) }
	row("unique id", i.UniqueID)
	row("id", dash(i.ID))
	if i.Type == "" {
		return
	}
	row("type", i.Type)
	row("uses", dash(strings.Join(i.Uses, ", ")))
	if i.Class == "public" {
		return
	}
	row("state", dash(i.State))
	row("made here", strconv.FormatBool(i.Local))
	row("sensitive", strconv.FormatBool(i.Sensitive))
	row("extractable", strconv.FormatBool(i.Extractable))
	if i.Always {
		row("PIN", "asked for at each use")
	}
	row("owner", dash(i.Owner))
}
