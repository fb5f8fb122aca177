// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/auditlog"
	"github.com/genbu-hsm/genbu/internal/durable"
)

// auditKeyFile is where the command line keeps the node's audit key, so that verify works with the node stopped and a key
// that changes is noticed. Who can change it can also replace the log: keep another copy elsewhere and give it with --key.
const auditKeyFile = "audit.pub"

// auditKey finds the node's public audit key: given, or kept beside the log, or asked of the running node.
func auditKey(given string) (ed25519.PublicKey, error) {
	if given != "" {
		return parseAuditKey([]byte(given))
	}
	path := filepath.Join(nodeDir(), auditKeyFile)
	var kept ed25519.PublicKey
	if text, err := os.ReadFile(path); err == nil {
		if kept, err = parseAuditKey(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	asked := askAuditKey()
	switch {
	case kept == nil && asked == nil:
		return nil, hinted{errors.New("the node's audit key is not known"), hint{"genbu up", "or give --key HEX, the audit key that genbu status showed"}}
	case kept != nil && asked != nil && !kept.Equal(asked):
		return nil, hinted{fmt.Errorf("the running node's audit key is not the one in %s: this log or this node is another one", path),
			hint{"genbu audit verify --key HEX", "with the key that you kept elsewhere"}}
	case kept != nil:
		return kept, nil
	}
	keepAuditKey(asked)
	return asked, nil
}

func parseAuditKey(text []byte) (ed25519.PublicKey, error) {
	k, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(k) != ed25519.PublicKeySize {
		return nil, next(errors.New("an audit key is 64 hex digits"), "genbu status")
	}
	return k, nil
}

func askAuditKey() ed25519.PublicKey {
	conn, err := dial()
	if err != nil {
		return nil
	}
	defer conn.Close()
	if s, err := conn.Status(); err == nil && len(s.AuditKey) == ed25519.PublicKeySize {
		return s.AuditKey
	}
	return nil
}

// keepAuditKey writes the key down the first time it is seen. Where that fails, it is asked for again the next time.
func keepAuditKey(k ed25519.PublicKey) {
	path := filepath.Join(nodeDir(), auditKeyFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && len(k) == ed25519.PublicKeySize {
		durable.WriteFile(path, []byte(hex.EncodeToString(k)+"\n"), 0o644)
	}
}

func auditVerify() *cobra.Command {
	var keyText, witness, dir string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the audit log, offline",
		Long: `Verify every entry, signature and segment of the log, reading only its folder and the node's public
key. The first entry that was altered, is missing, or was forked is named. --witness is a
checkpoint kept elsewhere (genbu audit head): it shows a log that was set back.

  genbu audit verify --key $(cat audit-key.txt) --witness head.txt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := auditDir(dir)
			if err != nil {
				return err
			}
			if _, err := os.Stat(dir); err != nil {
				return hinted{fmt.Errorf("there is no audit log: %w", err), hint{"genbu audit verify --help", "--dir names a node's directory, --log a log's folder"}}
			}
			public, err := auditKey(keyText)
			if err != nil {
				return err
			}
			var seen []byte
			if witness != "" {
				if seen, err = input(witness); err != nil {
					return err
				}
			}
			done := progress("verifying")
			report, err := auditlog.Verify(dir, public, seen)
			done()
			if err != nil {
				return err
			}
			if err := show(cmd, report, func(w io.Writer) { reportText(w, report) }); err != nil {
				return err
			}
			if f := report.First(); f != nil {
				return hinted{f, hint{"cp -a " + word(dir) + " COPY", "keep it as it is, and compare with a backup: this log is not what the core wrote"}}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&keyText, "key", "", "the node's audit key in hex (default: the copy beside the log, or from the node)")
	f.StringVar(&witness, "witness", "", "a checkpoint that was kept elsewhere")
	f.StringVar(&dir, "log", "", "the log's folder (default: audit in the node's directory)")
	cmd.MarkFlagDirname("log")
	return cmd
}

func reportText(w io.Writer, r *auditlog.Report) {
	var entries, signed uint64
	for _, s := range r.Segments {
		entries, signed = entries+s.Entries, signed+s.Signed
	}
	fmt.Fprintf(w, "%d segments, %d entries, %d of them signed\n", len(r.Segments), entries, signed)
	if n := r.Tail(); n > 0 {
		fmt.Fprintf(w, "%d entries after the last checkpoints are unsigned: a crash leaves such, and so may anybody with access to the disk\n", n)
	}
	if len(r.Faults) == 0 {
		fmt.Fprintln(w, "the log is whole")
	}
}
