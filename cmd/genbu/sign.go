// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// how says how a file is signed.
type how struct {
	hash string
	pss  bool
	raw  bool
}

func (h *how) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.hash, "hash", "", "sha256, sha384 or sha512 (default: what fits the key)")
	f.BoolVar(&h.pss, "pss", false, "RSA: PSS instead of PKCS #1 v1.5")
	f.BoolVar(&h.raw, "raw", false, "ECDSA: r||s instead of DER")
}

// mechanism chooses the mechanism for a key.
func (h *how) mechanism(o client.Summary, params []byte) (client.Mechanism, error) {
	sp := specOf(o, params)
	hash := h.hash
	if hash == "" {
		hash = "sha256"
	}
	if h.pss {
		p, ok := pssHashes[hash]
		if !ok || o.Type != key.TypeRSA {
			return client.Mechanism{}, fmt.Errorf("--pss is for RSA keys with sha256, sha384 or sha512")
		}
		return client.PSS(p.mech, p.hash, p.mgf, p.salt), nil
	}
	if h.hash == "" && sp != nil && sp.sign != 0 {
		return plain(sp.sign), nil
	}
	if m, ok := signatures[hash][o.Type]; ok {
		return client.Mech(m), nil
	}
	if sp != nil && sp.sign != 0 {
		return client.Mechanism{}, fmt.Errorf("%s keys hash by themselves: leave --hash out", sp.name)
	}
	return client.Mechanism{}, fmt.Errorf("this type of key does not sign")
}

// plain is a mechanism whose optional parameter is left out.
func plain(id key.Mechanism) client.Mechanism {
	switch id {
	case key.MechEDDSA, key.MechMLDSA, key.MechSLHDSA:
		return client.Mechanism{ID: id, Param: make([]byte, 8)} // "not present"
	}
	return client.Mech(id)
}

// ecParams reads CKA_EC_PARAMS, nil for keys that have none.
func ecParams(s *client.Session, o client.Summary) ([]byte, error) {
	v, err := s.Get(o.Handle, key.AttrECParams)
	if err != nil || len(v) != 1 || v[0].Status != client.Given {
		return nil, err
	}
	return v[0].Value, nil
}

func signCommand() *cobra.Command {
	var who loginFlags
	var h how
	var out string
	cmd := &cobra.Command{
		Use:   "sign KEY FILE",
		Short: "Sign a file",
		Long: `Sign a file (- for standard input). ECDSA signatures are DER, as openssl reads them, unless --raw.

  genbu sign release app.tar --out app.tar.sig
  genbu key show release --public > release.pub
  openssl dgst -sha256 -verify release.pub -signature app.tar.sig app.tar`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := input(args[1])
			if err != nil {
				return err
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := one(s, args[0], client.CanSign)
			if err != nil {
				return err
			}
			params, err := ecParams(s, o)
			if err != nil {
				return err
			}
			m, err := h.mechanism(o, params)
			if err != nil {
				return err
			}
			done := progress("signing")
			sig, err := s.Sign(m, o.Handle, data)
			done()
			if err != nil {
				return err
			}
			if o.Type == key.TypeEC && !h.raw {
				if sig, err = derSignature(sig); err != nil {
					return err
				}
			}
			if global.json {
				return show(cmd.OutOrStdout(), map[string]any{"key": args[0], "mechanism": uint64(m.ID), "signature": sig, "approved": conn.Approved()}, nil)
			}
			return output(cmd.OutOrStdout(), out, sig, 0o644)
		},
	}
	who.add(cmd)
	h.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	return cmd
}

func verifyCommand() *cobra.Command {
	var who loginFlags
	var h how
	var sigFile string
	cmd := &cobra.Command{
		Use:   "verify KEY FILE",
		Short: "Verify a signature",
		Long: `Verify a signature made with the same flags.

  genbu verify release app.tar --signature app.tar.sig`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := input(args[1])
			if err != nil {
				return err
			}
			sig, err := input(sigFile)
			if err != nil {
				return err
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := one(s, args[0], client.CanVerify)
			if err != nil {
				return err
			}
			params, err := ecParams(s, o)
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
			if err := s.Verify(m, o.Handle, data, sig); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]any{"valid": true}, func(w io.Writer) { fmt.Fprintln(w, "signature is valid") })
		},
	}
	who.add(cmd)
	h.add(cmd)
	cmd.Flags().StringVar(&sigFile, "signature", "", "the signature's file")
	cmd.MarkFlagRequired("signature")
	return cmd
}
