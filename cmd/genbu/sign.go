// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func signCommand() *cobra.Command {
	var who login
	var h how
	var out string
	cmd := &cobra.Command{
		Use:   "sign KEY FILE",
		Short: "Sign a file",
		Long: `Sign a file (- for standard input). ECDSA signatures are DER, as openssl reads them, unless --raw.

  genbu sign release app.tar --out app.tar.sig
  genbu key show release --public > release.pub
  openssl dgst -sha256 -verify release.pub -signature app.tar.sig app.tar`,
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := open(args[1])
			if err != nil {
				return err
			}
			defer data.Close()
			var sig []byte
			var m client.Mechanism
			var approved bool
			err = who.as(client.User, "signing", func(s *session) error {
				o, err := s.one(args[0], client.CanSign)
				if err != nil {
					return err
				}
				params, err := s.params(o)
				if err != nil {
					return err
				}
				if m, err = h.mechanism(o, params); err != nil {
					return err
				}
				if sig, err = s.use(client.UseSign, m, o, data, nil); err != nil {
					return err
				}
				approved = s.conn.Approved()
				if o.Type == key.TypeEC && !h.raw {
					sig, err = derSignature(sig)
				}
				return err
			})
			if err != nil {
				return err
			}
			return deliver(cmd, out, sig, 0o644, map[string]any{"key": args[0], "mechanism": fmt.Sprintf("0x%x", uint64(m.ID)), "signature": sig, "approved": approved})
		},
	}
	who.add(cmd)
	h.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

func verifyCommand() *cobra.Command {
	var who login
	var h how
	var sigFile string
	cmd := &cobra.Command{
		Use:   "verify KEY FILE --signature FILE",
		Short: "Verify a signature",
		Long: `Verify a signature made with the same flags. The exit code is 0 only for a valid one.

  genbu verify release app.tar --signature app.tar.sig`,
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := open(args[1])
			if err != nil {
				return err
			}
			defer data.Close()
			sig, err := input(sigFile)
			if err != nil {
				return err
			}
			err = who.as(client.User, "verifying", func(s *session) error {
				o, err := s.one(args[0], client.CanVerify)
				if err != nil {
					return err
				}
				params, err := s.params(o)
				if err != nil {
					return err
				}
				m, err := h.mechanism(o, params)
				if err != nil {
					return err
				}
				if o.Type == key.TypeEC && !h.raw {
					if sig, err = rawSignature(sig, int(o.Bits+7)/8); err != nil {
						return err
					}
				}
				_, err = s.use(client.UseVerify, m, o, data, sig)
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"valid": true}, func(w io.Writer) { fmt.Fprintln(w, "signature is valid") })
		},
	}
	who.add(cmd)
	h.add(cmd)
	cmd.Flags().StringVar(&sigFile, "signature", "", "the signature's file")
	cmd.MarkFlagRequired("signature")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}
