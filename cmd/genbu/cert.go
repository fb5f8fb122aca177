// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func certCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cert",
		Short: "Certificates: request, self-sign, import, export",
		Long: `Certificates of keys in the module. A certificate is kept beside its key, under the same label and
CKA_ID, where PKCS #11 programs look for it.

  genbu cert self-sign www --subject CN=localhost --out www.crt`,
	}
	cmd.AddCommand(certSelfSign(), certRequest(), certImport(), certExport())
	return cmd
}

// names are the subject and the host names of a certificate.
type names struct {
	subject string
	hosts   []string
}

func (n *names) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&n.subject, "subject", "", "the subject, such as CN=localhost,O=Example")
	cmd.Flags().StringSliceVar(&n.hosts, "host", nil, "a host name or address for the subject alternative name (default: the CN)")
}

func (n *names) parse() (pkix.Name, []string, []net.IP, error) {
	var name pkix.Name
	for part := range strings.SplitSeq(n.subject, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || v == "" {
			return name, nil, nil, hinted{fmt.Errorf("%q is no subject", n.subject), "--subject CN=localhost,O=Example"}
		}
		switch strings.ToUpper(k) {
		case "CN":
			name.CommonName = v
		case "O":
			name.Organization = append(name.Organization, v)
		case "OU":
			name.OrganizationalUnit = append(name.OrganizationalUnit, v)
		case "C":
			name.Country = append(name.Country, v)
		case "L":
			name.Locality = append(name.Locality, v)
		case "ST":
			name.Province = append(name.Province, v)
		default:
			return name, nil, nil, fmt.Errorf("subject: %q is none of CN, O, OU, C, L, ST", k)
		}
	}
	hosts := n.hosts
	if len(hosts) == 0 && name.CommonName != "" && !strings.ContainsAny(name.CommonName, " @") {
		hosts = []string{name.CommonName}
	}
	var dns []string
	var ips []net.IP
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
		} else {
			dns = append(dns, h)
		}
	}
	return name, dns, ips, nil
}

var usages = map[string]x509.ExtKeyUsage{"serverAuth": x509.ExtKeyUsageServerAuth, "clientAuth": x509.ExtKeyUsageClientAuth,
	"codeSigning": x509.ExtKeyUsageCodeSigning, "emailProtection": x509.ExtKeyUsageEmailProtection}

func certSelfSign() *cobra.Command {
	var who loginFlags
	var n names
	var days int
	var eku []string
	var out string
	var store bool
	cmd := &cobra.Command{
		Use:   "self-sign KEY",
		Short: "Make a self-signed certificate",
		Long: `Make a self-signed certificate, for tests and for trust by fingerprint.

  genbu cert self-sign www --subject CN=localhost --out www.crt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, dns, ips, err := n.parse()
			if err != nil {
				return err
			}
			serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
			if err != nil {
				return err
			}
			now := time.Now()
			t := &x509.Certificate{SerialNumber: serial, Subject: subject, DNSNames: dns, IPAddresses: ips, NotBefore: now.Add(-time.Hour),
				NotAfter: now.AddDate(0, 0, days), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
			for _, u := range eku {
				e, ok := usages[u]
				if !ok {
					return fmt.Errorf("--eku: %q is none of serverAuth, clientAuth, codeSigning, emailProtection", u)
				}
				t.ExtKeyUsage = append(t.ExtKeyUsage, e)
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			k, err := newSigner(s, args[0])
			if err != nil {
				return err
			}
			der, err := x509.CreateCertificate(rand.Reader, t, t, k.public, k)
			if err != nil {
				return err
			}
			if store {
				if err := storeCert(s, args[0], der); err != nil {
					return err
				}
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
	return cmd
}

func writePEM(cmd *cobra.Command, path, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if global.json {
		return show(cmd.OutOrStdout(), map[string]string{"pem": string(text)}, nil)
	}
	return output(cmd.OutOrStdout(), path, text, 0o644)
}

func certRequest() *cobra.Command {
	var who loginFlags
	var n names
	var out string
	cmd := &cobra.Command{
		Use:   "request KEY",
		Short: "Make a certificate request (PKCS #10)",
		Long: `Make a request that a certificate authority signs.

  genbu cert request www --subject CN=www.example.org --out www.csr`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, dns, ips, err := n.parse()
			if err != nil {
				return err
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			k, err := newSigner(s, args[0])
			if err != nil {
				return err
			}
			der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject, DNSNames: dns, IPAddresses: ips}, k)
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
	return cmd
}

// storeCert keeps a certificate under the label and CKA_ID of its key.
func storeCert(s *client.Session, name string, der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	var id []byte
	label := name
	if o, err := one(s, name, client.CanSign); err == nil {
		v, err := s.Get(o.Handle, key.AttrID, key.AttrLabel)
		if err != nil {
			return err
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
	var who loginFlags
	cmd := &cobra.Command{
		Use:   "import LABEL FILE",
		Short: "Keep a certificate beside its key",
		Long: `Keep a certificate (PEM or DER) in the partition, under its key's label and CKA_ID.

  genbu cert import www www.crt`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			der, err := input(args[1])
			if err != nil {
				return err
			}
			if block, _ := pem.Decode(der); block != nil {
				der = block.Bytes
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := storeCert(s, args[0], der); err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]string{"label": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "certificate kept as %q\n", args[0]) })
		},
	}
	who.add(cmd)
	return cmd
}

func certExport() *cobra.Command {
	var who loginFlags
	var out string
	cmd := &cobra.Command{
		Use:   "export LABEL",
		Short: "Print a certificate as PEM",
		Long: `Print the certificate kept under a label.

  genbu cert export www --out www.crt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			found, err := lookup(s, args[0], client.ULong(key.AttrClass, key.ClassCertificate))
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return hinted{errors.New("no certificate of that name"), "genbu key list"}
			}
			v, err := s.Get(found[0].Handle, key.AttrValue)
			if err != nil {
				return err
			}
			return writePEM(cmd, out, "CERTIFICATE", v[0].Value)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	return cmd
}
