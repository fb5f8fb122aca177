// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/holder"
)

// statementFlags are what holders may allow.
type statementFlags struct {
	older  bool
	backup string
}

func (s *statementFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.older, "allow-older", false, "an older backup may take the place of a newer state: what was destroyed since comes back")
	cmd.Flags().StringVar(&s.backup, "only", "", "with --allow-older: only the backup with this head (genbu backup list --json)")
}

func (s *statementFlags) statement() (holder.Statement, error) {
	say := holder.Statement{Older: s.older}
	if s.backup == "" {
		return say, nil
	}
	b, err := hex.DecodeString(s.backup)
	if err != nil || len(b) != len(say.Backup) || !s.older {
		return say, next(errors.New("--only takes 64 hex digits, and goes with --allow-older"), "genbu domain share --help")
	}
	say.Backup = [32]byte(b)
	return say, nil
}

func domainShare() *cobra.Command {
	var file, keyFile, transfer, out string
	var say statementFlags
	cmd := &cobra.Command{
		Use:   "share --domain FILE --key FILE --transfer FILE --out FILE",
		Short: "As a holder: wrap your share for one node's core",
		Long: `On a holder's own machine, where no node is needed: open your share with your key, and wrap it to the
transfer key of the core that shall take the domain. Compare the fingerprint with the one that
the node's operator reads out: a share that is wrapped to another key is given away.
A key that is encrypted is read like this:  openssl pkey -in a.key | genbu domain share --key - ...

  genbu domain share --domain domain.json --key a.key --transfer transfer.pem --out a.share`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := readDomain(file)
			if err != nil {
				return err
			}
			der, err := readCertificate(transfer)
			if err != nil {
				return err
			}
			k, err := readHolderKey(keyFile)
			if err != nil {
				return err
			}
			s, err := say.statement()
			if err != nil {
				return err
			}
			w, err := f.Wrap(k, der, s)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", file, keyFile, err)
			}
			text, err := json.MarshalIndent(w, "", " ")
			if err != nil {
				return err
			}
			value := map[string]any{"holder": w.Thumbprint, "transfer_fingerprint": fingerprint(der), "allow_older": s.Older, "file": out}
			if err := deliver(cmd, out, append(text, '\n'), 0o600, value); err != nil || global.json || out == "" || out == "-" {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: your share, for the core whose transfer key has the fingerprint\n  %s\nand no other. Is it the one that the node's operator reads out?\n", out, fingerprint(der))
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "domain", "", "the security domain file")
	fl.StringVar(&keyFile, "key", "", "your RSA key, PEM (- for standard input)")
	fl.StringVar(&transfer, "transfer", "", "the transfer key's certificate")
	fl.StringVar(&out, "out", "", "write the wrapped share here (default: standard output)")
	say.add(cmd)
	for _, name := range []string{"domain", "key", "transfer"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

func readCertificate(path string) ([]byte, error) {
	text, err := input(path)
	if err != nil {
		return nil, err
	}
	der, err := holder.ParseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return der, nil
}

func readHolderKey(path string) (*rsa.PrivateKey, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		note("%s can be read by others: chmod 600", path)
	}
	text, err := readAll(f, 1<<20)
	defer clear(text)
	if err != nil {
		return nil, err
	}
	k, err := holder.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}
