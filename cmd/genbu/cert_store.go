// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// storeCert keeps a certificate under the label and CKA_ID of its key, if there is one: it must be the key's own then.
func (s *session) storeCert(name string, der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return next(err, "openssl x509 -in FILE -noout -text")
	}
	found, err := s.lookup(name)
	if err != nil {
		return err
	}
	var id []byte
	label := name
	for _, o := range found {
		if o.Class != key.ClassPrivate {
			continue
		}
		v, err := s.Get(o.Handle, key.AttrID, key.AttrLabel, key.AttrPublicKeyInfo)
		if err != nil {
			return err
		}
		if len(v[2].Value) > 0 && !bytes.Equal(v[2].Value, c.RawSubjectPublicKeyInfo) {
			return next(fmt.Errorf("the certificate is not for the key %q, which has another public key", name), "genbu cert request "+word(name)+" --subject CN=NAME")
		}
		id, label = v[0].Value, string(v[1].Value)
	}
	serial, err := asn1.Marshal(c.SerialNumber)
	if err != nil {
		return err
	}
	_, err = s.Create(client.Template{client.ULong(key.AttrClass, key.ClassCertificate), client.ULong(key.AttrCertificateType, key.CertX509),
		client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, false), client.Text(key.AttrLabel, label), client.Bytes(key.AttrID, id),
		client.Bytes(key.AttrSubject, c.RawSubject), client.Bytes(key.AttrIssuer, c.RawIssuer), client.Bytes(key.AttrSerialNumber, serial),
		client.Bytes(key.AttrValue, der)})
	return err
}

func certImport() *cobra.Command {
	var who login
	cmd := &cobra.Command{
		Use:   "import LABEL FILE",
		Short: "Keep a certificate beside its key",
		Long: `Keep a certificate (PEM or DER) in the partition, under its key's label and CKA_ID. Of a chain the
first one is taken.

  genbu cert import www www.crt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			der, err := input(args[1])
			if err != nil {
				return err
			}
			if block, _ := pem.Decode(der); block != nil {
				der = block.Bytes
			}
			err = who.as(client.User, "", func(s *session) error { return s.storeCert(args[0], der) })
			if err != nil {
				return err
			}
			return show(cmd, map[string]string{"label": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "certificate kept as %q\n", args[0]) })
		},
	}
	who.add(cmd)
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

func certExport() *cobra.Command {
	var who login
	var out string
	cmd := &cobra.Command{
		Use:   "export LABEL",
		Short: "Print a certificate as PEM",
		Long: `Print the certificate kept under a label.

  genbu cert export www --out www.crt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var der []byte
			err := who.as(client.User, "", func(s *session) error {
				found, err := s.lookup(args[0], client.ULong(key.AttrClass, key.ClassCertificate))
				if err != nil {
					return err
				}
				if len(found) == 0 {
					return next(errors.New("no certificate of that name"), "genbu key list")
				}
				v, err := s.Get(found[0].Handle, key.AttrValue)
				if err == nil {
					der = v[0].Value
				}
				return err
			})
			if err != nil {
				return err
			}
			return writePEM(cmd, out, "CERTIFICATE", der)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}
