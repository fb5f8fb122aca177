// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"
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
			return name, nil, nil, next(fmt.Errorf("%q is no subject", n.subject), "genbu cert request KEY --subject CN=localhost,O=Example")
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
			return name, nil, nil, next(fmt.Errorf("--subject: %q is none of CN, O, OU, C, L, ST", k), "genbu cert request KEY --subject CN=localhost,O=Example")
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

// writePEM answers with a certificate or a request.
func writePEM(cmd *cobra.Command, path, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return deliver(cmd, path, text, 0o644, map[string]string{"pem": string(text)})
}
