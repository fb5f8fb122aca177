// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

func keyAttest() *cobra.Command {
	var who login
	var nonce, out, ca string
	var public bool
	cmd := &cobra.Command{
		Use:   "attest LABEL",
		Short: "A signed statement that a key is in the module, and what it is",
		Long: `Print the module's statement about a private or secret key: where it was made, whether it can leave, its
public half. It is a JWS, signed by a key of the domain; --ca-out writes the certificate that others
check it by (docs/spec/azure.md says how, with openssl). --public states the public half only.

  genbu key attest release --nonce 4711 --ca-out ca.pem > release.jws`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var statement, other string
			err := who.as(client.User, "", func(s *session) error {
				o, err := s.one(args[0], 0)
				if err != nil {
					return err
				}
				statement, other, err = s.Attest(o.Handle, "", nonce)
				return err
			})
			if err == nil && public {
				if statement = other; statement == "" {
					err = next(fmt.Errorf("%q has no public key", args[0]), "genbu key show "+word(args[0]))
				}
			}
			if err != nil {
				return err
			}
			authority, err := authorityOfStatement(statement)
			if err == nil && ca != "" {
				err = writeFile(ca, authority, 0o644)
			}
			if err != nil {
				return err
			}
			return deliver(cmd, out, []byte(statement+"\n"), 0o644, map[string]any{"statement": statement, "ca": string(authority)})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&nonce, "nonce", "", "put this into the statement, to show that it is fresh")
	cmd.Flags().BoolVar(&public, "public", false, "state the public half only")
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.Flags().StringVar(&ca, "ca-out", "", "write the domain's CA, as PEM, to this file")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

// authorityOfStatement is the domain's CA, which the core put last into the statement's header.
func authorityOfStatement(statement string) ([]byte, error) {
	first, _, _ := strings.Cut(statement, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		Chain [][]byte `json:"x5c"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil || len(header.Chain) == 0 {
		return nil, errors.New("the core's statement has no certificates")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: header.Chain[len(header.Chain)-1]}), nil
}
