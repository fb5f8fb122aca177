// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
)

func addHSM(cmd *cobra.Command, hsm *string) {
	cmd.Flags().StringVar(hsm, "hsm", "", "of this managed HSM, by its label, and not of the whole Genbu")
}

// managedNamed answers the managed HSM with a label.
func managedNamed(conn *client.Conn, label string) (client.Partition, error) {
	p, err := partitionNamed(conn, label)
	if err == nil && p.Flags&client.KindManagedHSM == 0 {
		err = next(fmt.Errorf("%s is no managed HSM", label), "genbu partition list")
	}
	return p, err
}

// uploadHSM brings a domain to a managed HSM.
func uploadHSM(cmd *cobra.Command, who *admin, b *bring, hsm string) error {
	if b.keep.name != "" {
		return errors.New("--keeper is for the root key, which a managed HSM's domain has not in it")
	}
	err := who.as("opening the HSM's domain", func(s *session) error {
		p, err := managedNamed(s.conn, hsm)
		if err != nil {
			return err
		}
		b.hsm = &p
		_, err = b.upload(s.conn, false)
		return err
	})
	if fault.Of(err) == fault.PartitionNotEmpty {
		err = hinted{err, hint{"genbu partition create NAME --kind managed-hsm", "a domain is brought to a managed HSM that never had keys, or has none left, deleted ones included"}}
	}
	if err != nil {
		return err
	}
	return show(cmd, map[string]string{"managed_hsm": hsm}, func(w io.Writer) {
		fmt.Fprintf(w, "%s has the domain that its holders brought: backups of the HSM that it came from can be restored here\n", hsm)
	})
}

func domainBlob() *cobra.Command {
	var file, transfer, out string
	var shares, keys []string
	cmd := &cobra.Command{
		Use:   "blob --domain FILE --share FILE --share FILE --out FILE",
		Short: "Put holders' wrapped shares together for an upload elsewhere",
		Long: `Put a security domain file and the shares of a quorum of its holders (genbu domain share) together for
an upload without this command line: az keyvault security-domain upload --restore-blob, or any Azure
SDK. No key is needed for it, and no node. With --key and --transfer a share is wrapped here.

  genbu domain blob --domain domain.json --share a.share --share b.share --out restore.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := readDomain(file)
			if err != nil {
				return err
			}
			wrapped, err := readShares(f, shares, keys, transfer)
			if err != nil {
				return err
			}
			b, err := f.Blob(wrapped)
			if err != nil {
				return next(fmt.Errorf("%s: %w", file, err), "genbu domain show "+word(file))
			}
			text, err := b.JSON()
			if err != nil {
				return err
			}
			value := map[string]any{"shares": len(wrapped), "file": out}
			if err := deliver(cmd, out, text, 0o600, value); err != nil || global.json || out == "" || out == "-" {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: the shares of %d holders\nnext: az keyvault security-domain upload --hsm-name NAME --restore-blob --sd-file %s\n", out, len(wrapped), word(out))
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "domain", "", "the security domain file")
	fl.StringArrayVar(&shares, "share", nil, "a share that a holder wrapped (genbu domain share); once for each of a quorum")
	fl.StringArrayVar(&keys, "key", nil, "a holder's RSA key, PEM, in place of a share")
	fl.StringVar(&transfer, "transfer", "", "with --key: the transfer key's certificate")
	fl.StringVar(&out, "out", "", "write the blob here (default: standard output)")
	cmd.MarkFlagRequired("domain")
	return cmd
}

// readShares reads what holders wrapped, and wraps for those whose keys are at hand.
func readShares(f *holder.File, shares, keys []string, transfer string) (wrapped []*holder.Wrapped, err error) {
	for _, path := range shares {
		text, err := input(path)
		if err != nil {
			return nil, err
		}
		w, err := holder.ReadWrapped(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		wrapped = append(wrapped, w)
	}
	if (len(keys) > 0) != (transfer != "") {
		return nil, next(errors.New("--key and --transfer go together"), "genbu domain blob --help")
	}
	for _, path := range keys {
		der, err := readCertificate(transfer)
		if err != nil {
			return nil, err
		}
		k, err := readHolderKey(path)
		if err != nil {
			return nil, err
		}
		w, err := f.Wrap(k, der, holder.Statement{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		wrapped = append(wrapped, w)
	}
	return wrapped, nil
}
