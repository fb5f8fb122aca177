// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

var usages = map[string]x509.ExtKeyUsage{"serverAuth": x509.ExtKeyUsageServerAuth, "clientAuth": x509.ExtKeyUsageClientAuth,
	"codeSigning": x509.ExtKeyUsageCodeSigning, "emailProtection": x509.ExtKeyUsageEmailProtection}

// template is a certificate before it is signed.
func (n *names) template(days int, eku []string) (*x509.Certificate, error) {
	subject, dns, ips, err := n.parse()
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t := &x509.Certificate{SerialNumber: serial, Subject: subject, DNSNames: dns, IPAddresses: ips, NotBefore: now.Add(-time.Hour), // a client's clock may be behind
		NotAfter: now.AddDate(0, 0, days), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
	for _, u := range eku {
		e, ok := usages[u]
		if !ok {
			return nil, hinted{fmt.Errorf("--eku: %q is no extended key usage that is known here", u),
				hint{"genbu cert self-sign KEY --subject CN=localhost --eku serverAuth", "or " + strings.Join(sorted(usages), ", ")}}
		}
		t.ExtKeyUsage = append(t.ExtKeyUsage, e)
	}
	return t, nil
}

func certSelfSign() *cobra.Command {
	var who login
	var n names
	var days int
	var eku []string
	var out string
	var store bool
	cmd := &cobra.Command{
		Use:   "self-sign KEY --subject NAME",
		Short: "Make a self-signed certificate",
		Long: `Make a self-signed certificate, for tests and for trust by fingerprint.

  genbu cert self-sign www --subject CN=localhost --out www.crt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := n.template(days, eku)
			if err != nil {
				return err
			}
			var der []byte
			err = who.as(client.User, "signing", func(s *session) error {
				k, err := s.signer(args[0])
				if err != nil {
					return err
				}
				if der, err = x509.CreateCertificate(rand.Reader, t, t, k.public, k); err == nil && store {
					err = s.storeCert(args[0], der)
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
	n.add(cmd)
	f := cmd.Flags()
	f.IntVar(&days, "days", 90, "validity")
	f.StringSliceVar(&eku, "eku", []string{"serverAuth"}, "extended key usages")
	f.StringVar(&out, "out", "", "write to this file (default: standard output)")
	f.BoolVar(&store, "store", false, "keep the certificate beside its key, too")
	cmd.MarkFlagRequired("subject")
	cmd.RegisterFlagCompletionFunc("eku", fixed(sorted(usages)))
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

func certRequest() *cobra.Command {
	var who login
	var n names
	var out string
	cmd := &cobra.Command{
		Use:   "request KEY --subject NAME",
		Short: "Make a certificate request (PKCS #10)",
		Long: `Make a request that a certificate authority signs.

  genbu cert request www --subject CN=www.example.org --out www.csr`,
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, dns, ips, err := n.parse()
			if err != nil {
				return err
			}
			var der []byte
			err = who.as(client.User, "signing", func(s *session) error {
				k, err := s.signer(args[0])
				if err == nil {
					der, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject, DNSNames: dns, IPAddresses: ips}, k)
				}
				return err
			})
			if err != nil {
				return err
			}
			return writePEM(cmd, out, "CERTIFICATE REQUEST", der)
		},
	}
	who.add(cmd)
	n.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.MarkFlagRequired("subject")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}
