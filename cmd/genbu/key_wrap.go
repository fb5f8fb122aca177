// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// wrapMechanism chooses how a key wraps another: AES by KWP (SP 800-38F), RSA by OAEP and AES together.
func wrapMechanism(o client.Summary) (client.Mechanism, error) {
	switch o.Type {
	case key.TypeAES:
		return client.Mech(key.MechAESKeyWrapKWP), nil
	case key.TypeRSA:
		return client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil), nil
	}
	return client.Mechanism{}, next(errors.New("an AES or RSA key wraps others"), "genbu key create LABEL --type aes-256")
}

func keyWrap() *cobra.Command {
	var who login
	var with, out string
	cmd := &cobra.Command{
		Use:   "wrap LABEL --with KEY",
		Short: "Take an extractable key out, wrapped by another",
		Long: `Wrap a key that was made --extractable: by an AES key with AES-KWP, by an RSA key with RSA-AES key wrap.

  genbu key wrap data --with kek --out data.wrapped`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var wrapped []byte
			err := who.as(client.User, "wrapping", func(s *session) error {
				kek, err := s.one(with, client.CanWrap)
				if err != nil {
					return err
				}
				o, err := s.one(args[0], 0)
				if err != nil {
					return err
				}
				m, err := wrapMechanism(kek)
				if err != nil {
					return err
				}
				wrapped, err = s.Wrap(m, kek.Handle, o.Handle)
				return err
			})
			if err != nil {
				return err
			}
			return deliver(cmd, out, wrapped, 0o600, map[string]any{"wrapped": wrapped, "with": with})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&with, "with", "", "the wrapping key")
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.MarkFlagRequired("with")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	cmd.RegisterFlagCompletionFunc("with", completeKeyFlag(&who))
	return cmd
}

func keyUnwrap() *cobra.Command {
	var who login
	var as newKey
	var with, typ string
	cmd := &cobra.Command{
		Use:   "unwrap LABEL FILE --with KEY",
		Short: "Bring in a key that another wrapped",
		Long: `Unwrap what genbu key wrap, or anybody with the same mechanism, has wrapped.

  genbu key unwrap data data.wrapped --with kek --type aes-256`,
		RunE: func(cmd *cobra.Command, args []string) error {
			sp, err := findSpec(typ)
			if err != nil {
				return err
			}
			wrapped, err := input(args[1])
			if err != nil {
				return err
			}
			_, secret, err := as.templates(args[0])
			if err != nil {
				return err
			}
			class := key.ClassSecret
			if sp.pair {
				class = key.ClassPrivate
			}
			t := append(secret, client.ULong(key.AttrClass, class), client.ULong(key.AttrKeyType, sp.typ))
			var made []keyInfo
			err = who.as(client.User, "unwrapping", func(s *session) error {
				if err := s.mustBeNew(args[0]); err != nil {
					return err
				}
				kek, err := s.one(with, client.CanUnwrap)
				if err != nil {
					return err
				}
				m, err := wrapMechanism(kek)
				if err != nil {
					return err
				}
				o, err := s.Unwrap(m, kek.Handle, wrapped, t)
				if err == nil {
					made, err = s.describeAll([]client.Summary{o})
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
	cmd.Flags().StringVar(&with, "with", "", "the unwrapping key")
	cmd.Flags().StringVar(&typ, "type", "aes-256", "type of the key that comes in")
	cmd.MarkFlagRequired("with")
	cmd.RegisterFlagCompletionFunc("with", completeKeyFlag(&who))
	cmd.RegisterFlagCompletionFunc("type", fixed(specNames()))
	return cmd
}
