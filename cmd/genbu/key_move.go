// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func keyImport() *cobra.Command {
	var who loginFlags
	var typ, id string
	var extractable bool
	cmd := &cobra.Command{
		Use:   "import LABEL FILE",
		Short: "Import a private key (PEM or DER PKCS #8) or a secret value",
		Long: `Import a private key from PKCS #8, or with --type aes-256, hmac-256 ... a secret's raw bytes. Such a key has
been outside, and says so (generated_here: false).

  genbu key import legacy legacy.pem`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := input(args[1])
			if err != nil {
				return err
			}
			defer clear(raw)
			ckaID, err := parseID(id)
			if err != nil {
				return err
			}
			t := client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, args[0]), client.Bytes(key.AttrID, ckaID),
				client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSensitive, true), client.Bool(key.AttrExtractable, extractable)}
			var public client.Template
			if typ != "" {
				s, err := findSpec(typ)
				if err != nil {
					return err
				}
				if s.pair || s.size != uint64(len(raw)) && s.typ != key.TypeGeneric {
					return hinted{fmt.Errorf("%d bytes are no %s", len(raw), typ), "give the raw value, as many bytes as the type has"}
				}
				t = append(t, client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, s.typ), client.Bytes(key.AttrValue, raw))
			} else {
				var private client.Template
				if private, public, err = parsePrivate(raw); err != nil {
					return err
				}
				t = append(t, private...)
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := s.Create(t)
			if err != nil {
				return err
			}
			made := []client.Summary{o}
			if public != nil {
				p, err := s.Create(append(public, client.ULong(key.AttrClass, key.ClassPublic), client.Bool(key.AttrToken, true),
					client.Text(key.AttrLabel, args[0]), client.Bytes(key.AttrID, ckaID)))
				if err != nil {
					return errors.Join(err, s.Destroy(o.Handle))
				}
				made = append(made, p)
			}
			return showKeys(cmd.OutOrStdout(), s, made)
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&typ, "type", "", "for a secret's raw bytes: aes-128, aes-192, aes-256, hmac-256, hmac-512, chacha20")
	f.StringVar(&id, "id", "", "CKA_ID in hex (default: drawn)")
	f.BoolVar(&extractable, "extractable", false, "another key may wrap it out")
	return cmd
}

// parsePrivate turns a PKCS #8 key into templates of its private and public half.
func parsePrivate(raw []byte) (private, public client.Template, err error) {
	if block, _ := pem.Decode(raw); block != nil {
		if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, nil, hinted{errors.New("the file is encrypted"), "openssl pkcs8 -topk8 -nocrypt -in FILE"}
		}
		raw = block.Bytes
	}
	k, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		if k1, err1 := x509.ParsePKCS1PrivateKey(raw); err1 == nil {
			k = k1
		} else if k2, err2 := x509.ParseECPrivateKey(raw); err2 == nil {
			k = k2
		} else {
			return nil, nil, hinted{fmt.Errorf("not a PKCS #8 key: %w", err), "openssl pkcs8 -topk8 -nocrypt -in FILE"}
		}
	}
	class := client.ULong(key.AttrClass, key.ClassPrivate)
	switch k := k.(type) {
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 {
			return nil, nil, errors.New("RSA keys with more than two primes are not supported")
		}
		k.Precompute()
		typ, n, e := client.ULong(key.AttrKeyType, key.TypeRSA), client.Bytes(key.AttrModulus, k.N.Bytes()), client.Bytes(key.AttrPublicExponent, []byte{byte(k.E >> 16), byte(k.E >> 8), byte(k.E)})
		return client.Template{class, typ, n, e, client.Bytes(key.AttrPrivateExponent, k.D.Bytes()), client.Bytes(key.AttrPrime1, k.Primes[0].Bytes()),
			client.Bytes(key.AttrPrime2, k.Primes[1].Bytes()), client.Bytes(key.AttrExponent1, k.Precomputed.Dp.Bytes()),
			client.Bytes(key.AttrExponent2, k.Precomputed.Dq.Bytes()), client.Bytes(key.AttrCoefficient, k.Precomputed.Qinv.Bytes())}, client.Template{typ, n, e}, nil
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			return nil, nil, err
		}
		point, err := k.PublicKey.Bytes()
		if err != nil {
			return nil, nil, err
		}
		oid := map[int]string{224: "ec-p224", 256: "ec-p256", 384: "ec-p384", 521: "ec-p521"}[k.Curve.Params().BitSize]
		return curveTemplates(class, key.TypeEC, oid, d, point)
	case ed25519.PrivateKey:
		return curveTemplates(class, key.TypeEdwards, "ed25519", k.Seed(), k.Public().(ed25519.PublicKey))
	}
	return nil, nil, fmt.Errorf("keys of type %T cannot be imported from a file; unwrap them instead", k)
}

func curveTemplates(class client.Attribute, typ key.Type, specName string, secret, point []byte) (private, public client.Template, err error) {
	s, err := findSpec(specName)
	if err != nil {
		return nil, nil, err
	}
	octets, err := asn1.Marshal(point)
	if err != nil {
		return nil, nil, err
	}
	der, err := hex.DecodeString(s.oid)
	t, params, q := client.ULong(key.AttrKeyType, typ), client.Bytes(key.AttrECParams, der), client.Bytes(key.AttrECPoint, octets)
	return client.Template{class, t, params, client.Bytes(key.AttrValue, secret)}, client.Template{t, params, q}, err
}

// wrapMechanism chooses how a key wraps another: AES by KWP (SP 800-38F), RSA by OAEP and AES together.
func wrapMechanism(o client.Summary) (client.Mechanism, error) {
	switch o.Type {
	case key.TypeAES:
		return client.Mech(key.MechAESKeyWrapKWP), nil
	case key.TypeRSA:
		return client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil), nil
	}
	return client.Mechanism{}, errors.New("an AES or RSA key wraps others")
}

func keyWrap() *cobra.Command {
	var who loginFlags
	var with, out string
	cmd := &cobra.Command{
		Use:   "wrap LABEL",
		Short: "Take an extractable key out, wrapped by another",
		Long: `Wrap a key that was made --extractable: by an AES key with AES-KWP, by an RSA key with RSA-AES key wrap.

  genbu key wrap data --with kek --out data.wrapped`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			kek, err := one(s, with, client.CanWrap)
			if err != nil {
				return err
			}
			o, err := one(s, args[0], 0)
			if err != nil {
				return err
			}
			m, err := wrapMechanism(kek)
			if err != nil {
				return err
			}
			wrapped, err := s.Wrap(m, kek.Handle, o.Handle)
			if err != nil {
				return err
			}
			if global.json {
				return show(cmd.OutOrStdout(), map[string]any{"wrapped": wrapped, "with": with}, nil)
			}
			return output(cmd.OutOrStdout(), out, wrapped, 0o600)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&with, "with", "", "the wrapping key")
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.MarkFlagRequired("with")
	return cmd
}

func keyUnwrap() *cobra.Command {
	var who loginFlags
	var with, typ, id string
	var extractable bool
	cmd := &cobra.Command{
		Use:   "unwrap LABEL FILE",
		Short: "Bring in a key that another wrapped",
		Long: `Unwrap what genbu key wrap, or anybody with the same mechanism, has wrapped.

  genbu key unwrap data data.wrapped --with kek --type aes-256`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			sp, err := findSpec(typ)
			if err != nil {
				return err
			}
			wrapped, err := input(args[1])
			if err != nil {
				return err
			}
			ckaID, err := parseID(id)
			if err != nil {
				return err
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			kek, err := one(s, with, client.CanUnwrap)
			if err != nil {
				return err
			}
			m, err := wrapMechanism(kek)
			if err != nil {
				return err
			}
			class := key.ClassSecret
			if sp.pair {
				class = key.ClassPrivate
			}
			o, err := s.Unwrap(m, kek.Handle, wrapped, client.Template{client.ULong(key.AttrClass, class), client.ULong(key.AttrKeyType, sp.typ),
				client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, args[0]), client.Bytes(key.AttrID, ckaID),
				client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSensitive, true), client.Bool(key.AttrExtractable, extractable)})
			if err != nil {
				return err
			}
			return showKeys(cmd.OutOrStdout(), s, []client.Summary{o})
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringVar(&with, "with", "", "the unwrapping key")
	f.StringVar(&typ, "type", "aes-256", "type of the key that comes in")
	f.StringVar(&id, "id", "", "CKA_ID in hex (default: drawn)")
	f.BoolVar(&extractable, "extractable", false, "another key may wrap it out")
	cmd.MarkFlagRequired("with")
	return cmd
}

func randomCommand() *cobra.Command {
	var who loginFlags
	var n int
	var asHex bool
	cmd := &cobra.Command{
		Use:   "random",
		Short: "Random bytes from the module",
		Long: `Random bytes from the module's generator (SP 800-90A).

  genbu random --bytes 32 --hex`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			t, err := who.slot(conn)
			if err != nil {
				return err
			}
			s, err := conn.Open(t.Slot, false)
			if err != nil {
				return err
			}
			b, err := s.Random(n)
			if err != nil {
				return err
			}
			if global.json || asHex {
				text := hex.EncodeToString(b)
				return show(cmd.OutOrStdout(), map[string]string{"random": text}, func(w io.Writer) { fmt.Fprintln(w, text) })
			}
			_, err = io.Copy(cmd.OutOrStdout(), bytes.NewReader(b))
			return err
		},
	}
	who.add(cmd)
	cmd.Flags().IntVar(&n, "bytes", 32, "how many")
	cmd.Flags().BoolVar(&asHex, "hex", false, "as hex digits")
	return cmd
}
