// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/holder"
)

func domainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "domain",
		Short: "The security domain: what m of n people need to rebuild everything",
		Long: `The security domain file holds the root key, encrypted so that any m of n people open it with their
RSA keys, and fewer learn nothing. With a backup (genbu backup) they rebuild everything on bare
machines. Its form is that of Azure Managed HSM.

With --hsm it is about one managed HSM: its holders bring its domain to another, empty one, of this
Genbu or any other, where its backups open then. That file opens nothing else.

  genbu domain download --quorum 2 --cert a.pem --cert b.pem --cert c.pem --out domain.json`,
	}
	cmd.AddCommand(domainDownload(), domainShow(), domainTransferKey(), domainShare(), domainBlob(), domainUpload())
	return cmd
}

func domainDownload() *cobra.Command {
	var who admin
	var certs []string
	var quorum int
	var out, hsm string
	cmd := &cobra.Command{
		Use:   "download --quorum 2 --cert FILE --cert FILE --out FILE",
		Short: "Make a security domain file for holders of RSA keys",
		Long: `Make a file from which any quorum of the certificates' holders can rebuild this domain. Only their
keys count (RSA, 2048 to 4096 bits); make one with
  openssl req -x509 -newkey rsa:3072 -nodes -keyout a.key -out a.pem -subj /CN=a -days 3650
Keep the file with the backups, and each key with its holder alone. Earlier files stay good.
With --hsm the file is that of one managed HSM.

  genbu domain download --quorum 2 --cert a.pem --cert b.pem --cert c.pem --out domain.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ders := make([][]byte, len(certs))
			for i, path := range certs {
				text, err := input(path)
				if err != nil {
					return err
				}
				if ders[i], err = holder.ParseCertificate(text); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
			var shares []client.DomainShare
			var data []client.DomainDatum
			err := who.as("sealing the domain", func(s *session) (err error) {
				if hsm == "" {
					shares, data, err = s.conn.DomainDownload(quorum, ders)
					return err
				}
				p, err := managedNamed(s.conn, hsm)
				if err == nil {
					shares, data, err = s.conn.HSMDomainDownload(p.Slot, quorum, ders)
				}
				return err
			})
			if err != nil {
				return err
			}
			f := domainFile(quorum, shares, data)
			text, err := f.JSON()
			if err != nil {
				return err
			}
			value := map[string]any{"quorum": quorum, "holders": thumbprints(f), "file": out}
			if err := deliver(cmd, out, text, 0o600, value); err != nil || global.json || out == "" || out == "-" {
				return err
			}
			if hsm != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: any %d of %d holders bring the domain of %s to another managed HSM, where its backups open then\nnext, there: %s\n",
					out, quorum, len(ders), hsm, "genbu domain transfer-key --hsm NAME --out transfer.pem")
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: any %d of %d holders rebuild this domain, with a backup\nnext: %s\n", out, quorum, len(ders), withDir("genbu backup create"))
			return nil
		},
	}
	who.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&certs, "cert", nil, "a holder's certificate, PEM or DER; once for each of 2 to 10")
	f.IntVar(&quorum, "quorum", 0, "how many holders are needed, 2 or more")
	f.StringVar(&out, "out", "", "write the file here (default: standard output)")
	addHSM(cmd, &hsm)
	cmd.MarkFlagRequired("cert")
	cmd.MarkFlagRequired("quorum")
	return cmd
}

// domainFile puts the parts that the core made into the file's form.
func domainFile(quorum int, shares []client.DomainShare, data []client.DomainDatum) *holder.File {
	var s []holder.Share
	for _, share := range shares {
		s = append(s, holder.Share{JWE: share.JWE, Thumbprint: holder.PrintText(share.Thumbprint)})
	}
	var d []holder.Datum
	for _, datum := range data {
		d = append(d, holder.Datum{JWE: datum.JWE, Tag: datum.Tag})
	}
	return holder.New(quorum, s, d)
}

func thumbprints(f *holder.File) (list []string) {
	for _, s := range f.SharedKeys.Shares {
		list = append(list, s.Thumbprint)
	}
	return list
}

func readDomain(path string) (*holder.File, error) {
	text, err := input(path)
	if err != nil {
		return nil, err
	}
	f, err := holder.Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func domainShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Show whose shares a security domain file holds",
		Long: `Show how many holders a security domain file wants, and the thumbprints (SHA-256, base64url) of
their certificates.

  genbu domain show domain.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readDomain(args[0])
			if err != nil {
				return err
			}
			list, of := thumbprints(f), "a whole Genbu"
			if f.HSM() {
				of = "one managed HSM"
			}
			return show(cmd, map[string]any{"quorum": f.SharedKeys.Required, "holders": list, "managed_hsm": f.HSM()}, func(w io.Writer) {
				fmt.Fprintf(w, "of %s, for any %d of these holders\n", of, f.SharedKeys.Required)
				for _, t := range list {
					fmt.Fprintln(w, t)
				}
			})
		},
	}
}

func domainTransferKey() *cobra.Command {
	var who admin
	var out, hsm string
	cmd := &cobra.Command{
		Use:   "transfer-key --out FILE",
		Short: "Ask a node that shall take a domain for its transfer key",
		Long: `Write the certificate of the key to which holders wrap their shares for this node, which is new,
locked or has lost its root. Read its fingerprint out to the holders: a share that is wrapped to
another key is given away. It lasts until the node's core ends, or an upload has used it. That of
a managed HSM (--hsm) lasts a day, on all nodes.

  genbu domain transfer-key --out transfer.pem`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			der, err := transferOf(&who, hsm)
			if err != nil {
				return err
			}
			value := map[string]string{"fingerprint": fingerprint(der), "pem": string(certPEM(der))}
			if err := deliver(cmd, out, certPEM(der), 0o644, value); err != nil || global.json || out == "" || out == "-" {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s, fingerprint %s\nnext, each holder: genbu domain share --domain domain.json --key a.key --transfer %s --out a.share\n",
				out, fingerprint(der), word(filepath.Base(out)))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the certificate here, PEM (default: standard output)")
	who.add(cmd)
	addHSM(cmd, &hsm)
	return cmd
}

// transferOf asks for the transfer key of a managed HSM, or, without one, of a node that shall take a whole domain.
func transferOf(who *admin, hsm string) (der []byte, err error) {
	if hsm == "" {
		conn, err := dial()
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return transferKey(conn)
	}
	err = who.as("making a transfer key", func(s *session) error {
		p, err := managedNamed(s.conn, hsm)
		if err == nil {
			der, _, err = s.conn.HSMDomainTransfer(p.Slot)
		}
		return err
	})
	return der, err
}

func transferKey(conn *client.Conn) ([]byte, error) {
	defer progress("making a transfer key")()
	return conn.DomainTransfer()
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// fingerprint is the SHA-256 of a certificate, as openssl x509 -fingerprint -sha256 prints it but for the colons.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
