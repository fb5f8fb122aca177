// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func keyImport() *cobra.Command {
	var who login
	var as newKey
	var typ string
	cmd := &cobra.Command{
		Use:   "import LABEL FILE",
		Short: "Import a private key (PEM or DER) or a secret value",
		Long: `Import an RSA, EC, Ed25519 or X25519 private key from PEM or DER (PKCS #8, PKCS #1, SEC 1), or with
--type aes-256, hmac-256 ... a secret's raw bytes. Such a key has been outside, and says so (made
here: false). Delete the file once the import is done.

  genbu key import legacy legacy.pem`,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := input(args[1])
			if err != nil {
				return err
			}
			defer clear(raw)
			private, public, err := parseKey(raw, typ)
			if err != nil {
				return err
			}
			common, secret, err := as.templates(args[0])
			if err != nil {
				return err
			}
			var made []keyInfo
			err = who.as(client.User, "importing", func(s *session) error {
				if err := s.mustBeNew(args[0]); err != nil {
					return err
				}
				o, err := s.Create(append(secret, private...))
				if err != nil {
					return err
				}
				list := []client.Summary{o}
				if public != nil {
					p, err := s.Create(append(append(public, client.ULong(key.AttrClass, key.ClassPublic)), common...))
					if err != nil {
						return errors.Join(err, s.Destroy(o.Handle))
					}
					list = append(list, p)
				}
				made, err = s.describeAll(list)
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
	cmd.Flags().StringVar(&typ, "type", "", "for a secret's raw bytes: "+strings.Join(secretNames(), ", "))
	cmd.RegisterFlagCompletionFunc("type", fixed(secretNames()))
	return cmd
}

func secretNames() (names []string) {
	for _, s := range specs {
		if !s.pair {
			names = append(names, s.name)
		}
	}
	return names
}

// parseKey turns a file into templates: of a secret where a type is given, else of a private key and its public half.
func parseKey(raw []byte, typ string) (private, public client.Template, err error) {
	if typ == "" {
		return parsePrivate(raw)
	}
	s, err := findSpec(typ)
	if err != nil {
		return nil, nil, err
	}
	if s.pair {
		return nil, nil, next(errors.New("--type is for secrets; the file of a pair says itself what it is"), "genbu key import LABEL FILE")
	}
	if uint64(len(raw)) != s.size && (s.typ != key.TypeGeneric || len(raw) == 0) {
		return nil, nil, hinted{fmt.Errorf("%d bytes are no %s, which has %d", len(raw), typ, s.size), hint{"genbu key import --help", "the file holds the raw value, not hex, and no end of line"}}
	}
	return client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, s.typ), client.Bytes(key.AttrValue, raw)}, nil, nil
}

// parsePrivate turns a private key into templates of its private and public half.
func parsePrivate(raw []byte) (private, public client.Template, err error) {
	const plainly = "openssl pkcs8 -topk8 -nocrypt -in FILE"
	for rest := raw; ; { // openssl ecparam writes the curve before the key
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, nil, next(errors.New("the file is encrypted"), plainly)
		}
		if rest = after; strings.HasSuffix(block.Type, "PRIVATE KEY") {
			raw = block.Bytes
			break
		}
	}
	k, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		if k1, e := x509.ParsePKCS1PrivateKey(raw); e == nil {
			k = k1
		} else if k2, e := x509.ParseECPrivateKey(raw); e == nil {
			k = k2
		} else {
			return nil, nil, next(fmt.Errorf("not a private key that can be read: %w", err), plainly)
		}
	}
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return rsaTemplates(k)
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			return nil, nil, err
		}
		point, err := k.PublicKey.Bytes()
		if err != nil {
			return nil, nil, err
		}
		octets, err := asn1.Marshal(point) // CKA_EC_POINT of Weierstrass curves is wrapped in an OCTET STRING
		if err != nil {
			return nil, nil, err
		}
		names := map[int]string{224: "ec-p224", 256: "ec-p256", 384: "ec-p384", 521: "ec-p521"}
		return curveTemplates(names[k.Curve.Params().BitSize], d, octets)
	case ed25519.PrivateKey:
		return curveTemplates("ed25519", k.Seed(), k.Public().(ed25519.PublicKey))
	case *ecdh.PrivateKey:
		return curveTemplates("x25519", k.Bytes(), k.PublicKey().Bytes()) // PKCS #8 carries no other here
	}
	return nil, nil, next(fmt.Errorf("keys of type %T cannot be imported from a file; unwrap them instead", k), "genbu key unwrap --help")
}

func rsaTemplates(k *rsa.PrivateKey) (private, public client.Template, err error) {
	if len(k.Primes) != 2 {
		return nil, nil, next(errors.New("RSA keys with more than two primes are not supported"), "genbu key create LABEL --type rsa-3072")
	}
	k.Precompute()
	number := func(t key.Attr, n *big.Int) client.Attribute { return client.Bytes(t, n.Bytes()) }
	public = client.Template{client.ULong(key.AttrKeyType, key.TypeRSA), number(key.AttrModulus, k.N), number(key.AttrPublicExponent, big.NewInt(int64(k.E)))}
	private = append(client.Template{client.ULong(key.AttrClass, key.ClassPrivate), number(key.AttrPrivateExponent, k.D),
		number(key.AttrPrime1, k.Primes[0]), number(key.AttrPrime2, k.Primes[1]), number(key.AttrExponent1, k.Precomputed.Dp),
		number(key.AttrExponent2, k.Precomputed.Dq), number(key.AttrCoefficient, k.Precomputed.Qinv)}, public...)
	return private, public, nil
}

func curveTemplates(specName string, secret, point []byte) (private, public client.Template, err error) {
	s, err := findSpec(specName)
	if err != nil {
		return nil, nil, err
	}
	der, err := hex.DecodeString(s.oid)
	params := client.Template{client.ULong(key.AttrKeyType, s.typ), client.Bytes(key.AttrECParams, der)}
	return append(client.Template{client.ULong(key.AttrClass, key.ClassPrivate), client.Bytes(key.AttrValue, secret)}, params...),
		append(params[:2:2], client.Bytes(key.AttrECPoint, point)), err
}
