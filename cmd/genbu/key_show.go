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
	Sensitive   bool     `json:"sensitive,omitempty"`
	Extractable bool     `json:"extractable,omitempty"`
	Local       bool     `json:"generated_here,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Public      string   `json:"public_key,omitempty"`
	Handle      uint64   `json:"handle"`
}

var classNames = map[key.Class]string{key.ClassData: "data", key.ClassCertificate: "certificate", key.ClassPublic: "public",
	key.ClassPrivate: "private", key.ClassSecret: "secret", key.ClassProfile: "profile"}

var useNames = []string{"encrypt", "decrypt", "sign", "verify", "wrap", "unwrap", "derive", "encapsulate", "decapsulate"}

func describe(s *client.Session, o client.Summary) (keyInfo, error) {
	i := keyInfo{Class: classNames[o.Class], Private: o.Flags&client.IsPrivate != 0, Sensitive: o.Flags&client.IsSensitive != 0,
		Extractable: o.Flags&client.IsExtractable != 0, Handle: o.Handle}
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

// showKeys lists objects.
func showKeys(w io.Writer, s *client.Session, found []client.Summary) error {
	infos, rows := make([]keyInfo, 0, len(found)), make([][]string, 0, len(found))
	for _, o := range found {
		i, err := describe(s, o)
		if err != nil {
			return err
		}
		infos = append(infos, i)
		rows = append(rows, []string{i.Label, i.Class, dash(i.Type), dash(i.State), i.ID, strings.Join(i.Uses, ","), i.UniqueID})
	}
	return show(w, infos, func(w io.Writer) { table(w, "LABEL CLASS TYPE STATE ID USES UNIQUE-ID", rows) })
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func keyShow() *cobra.Command {
	var who loginFlags
	var public bool
	cmd := &cobra.Command{
		Use:   "show LABEL",
		Short: "Show a key, or print its public key",
		Long: `Show what is known of a key. With --public print its public key as PEM.

  genbu key show release --public > release.pub`,
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
			var infos []keyInfo
			for _, o := range found {
				i, err := describe(s, o)
				if err != nil {
					return err
				}
				if public && i.Public != "" {
					return show(cmd.OutOrStdout(), map[string]string{"public_key": i.Public}, func(w io.Writer) { fmt.Fprint(w, i.Public) })
				}
				infos = append(infos, i)
			}
			if public {
				return fmt.Errorf("%q has no public key", args[0])
			}
			return show(cmd.OutOrStdout(), infos, func(w io.Writer) {
				for _, i := range infos {
					fmt.Fprintf(w, "%s %s\n  unique id    %s\n  id           %s\n  handle       %s\n", i.Class, strconv.Quote(i.Label), i.UniqueID, i.ID, strconv.FormatUint(i.Handle, 10))
					if i.Type != "" {
						fmt.Fprintf(w, "  type         %s\n  uses         %s\n  state        %s\n  sensitive    %t\n  extractable  %t\n  made here    %t\n",
							i.Type, strings.Join(i.Uses, ", "), dash(i.State), i.Sensitive, i.Extractable, i.Local)
					}
				}
			})
		},
	}
	who.add(cmd)
	cmd.Flags().BoolVar(&public, "public", false, "print the public key as PEM")
	return cmd
}
