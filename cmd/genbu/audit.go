// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/auditlog"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/key"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List and verify the audit log",
		Long: `The node's audit log: an append-only Merkle tree whose checkpoints the core signs.

  genbu audit verify`,
	}
	cmd.AddCommand(auditVerify(), auditList(), auditHead(), auditNote(), auditProve())
	return cmd
}

// auditKeyFile is where genbu up keeps a copy of the node's audit key, so that verify works with the node stopped. Who can
// change it can also replace the log: keep another copy elsewhere and give it with --key.
const auditKeyFile = "audit.pub"

func keepAuditKey(k ed25519.PublicKey) error {
	return durable.WriteFile(filepath.Join(global.dir, auditKeyFile), []byte(hex.EncodeToString(k)+"\n"), 0o644)
}

// auditKey finds the node's public audit key: given, from the running node, or the copy beside the log.
func auditKey(given string) (ed25519.PublicKey, error) {
	text := given
	if text == "" {
		if conn, err := dial(); err == nil {
			defer conn.Close()
			if s, err := conn.Status(); err == nil && len(s.AuditKey) == ed25519.PublicKeySize {
				return s.AuditKey, keepAuditKey(s.AuditKey)
			}
		}
		b, err := os.ReadFile(filepath.Join(global.dir, auditKeyFile))
		if err != nil {
			return nil, hinted{errors.New("the node's audit key is not known"), "give --key HEX, the audit key that genbu status shows"}
		}
		text = string(b)
	}
	k, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(k) != ed25519.PublicKeySize {
		return nil, errors.New("an audit key is 64 hex digits")
	}
	return k, nil
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
			if dir == "" {
				dir = filepath.Join(global.dir, "audit")
			}
			done := progress("verifying")
			report, err := auditlog.Verify(dir, public, seen)
			done()
			if err != nil {
				return err
			}
			var entries, signed uint64
			for _, s := range report.Segments {
				entries, signed = entries+s.Entries, signed+s.Signed
			}
			if err := show(cmd.OutOrStdout(), report, func(w io.Writer) {
				fmt.Fprintf(w, "%d segments, %d entries, %d of them signed\n", len(report.Segments), entries, signed)
				if n := report.Tail(); n > 0 {
					fmt.Fprintf(w, "%d entries after the last checkpoints are unsigned: a crash leaves such, and so may anybody with access to the disk\n", n)
				}
			}); err != nil {
				return err
			}
			if f := report.First(); f != nil {
				return hinted{f, "keep the folder as it is, and compare with a copy: this log is not what the core wrote"}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&keyText, "key", "", "the node's audit key in hex (default: from the node, or the copy beside the log)")
	f.StringVar(&witness, "witness", "", "a checkpoint that was kept elsewhere")
	f.StringVar(&dir, "log", "", "the log's folder (default: audit in the node's directory)")
	return cmd
}

func auditList() *cobra.Command {
	var last int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print the audit log's entries",
		Long: `Print the entries, oldest first; with --json one JSON object a line.

  genbu audit list --last 20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var keep []auditlog.Listed
			out := cmd.OutOrStdout()
			write := auditlog.PrintText
			if global.json {
				write = auditlog.PrintJSON
			}
			for l, err := range auditlog.Entries(filepath.Join(global.dir, "audit")) {
				if err != nil {
					return err
				}
				if last == 0 {
					if err := write(out, l); err != nil {
						return err
					}
					continue
				}
				if keep = append(keep, l); len(keep) > last {
					keep = keep[1:]
				}
			}
			for _, l := range keep {
				if err := write(out, l); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&last, "last", 0, "only the last entries")
	return cmd
}

func auditHead() *cobra.Command {
	var pinFile string
	cmd := &cobra.Command{
		Use:   "head",
		Short: "Sign and print a fresh checkpoint, to be kept elsewhere",
		Long: `Print a checkpoint over everything logged so far. Kept outside this node, it shows if the log is ever set back.

  genbu audit head > head-$(date +%F).txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := domain(pinFile)
			if err != nil {
				return err
			}
			defer conn.Close()
			note, err := conn.AuditHead()
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]string{"checkpoint": string(note)}, func(w io.Writer) { w.Write(note) })
		},
	}
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
	return cmd
}

func auditNote() *cobra.Command {
	var pinFile string
	cmd := &cobra.Command{
		Use:   "note TEXT",
		Short: "Write a remark into the audit log",
		Long: `Write a remark into the log, on disk when the command returns.

  genbu audit note "change 4711: rotated the web keys"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			conn, err := domain(pinFile)
			if err != nil {
				return err
			}
			defer conn.Close()
			return conn.AuditNote(args[0])
		},
	}
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "read the admin's PIN from this file (- for standard input)")
	return cmd
}

func auditProve() *cobra.Command {
	return &cobra.Command{
		Use:   "prove SEGMENT INDEX",
		Short: "Prove that an entry is in the log (C2SP tlog-proof)",
		Long: `Print an inclusion proof of one entry, which anybody can check with the node's audit key alone.
genbu audit list shows segments and indexes.

  genbu audit prove 3f...9a 12 > entry.proof`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			segment, ok := key.ParseID(args[0])
			index, err := strconv.ParseUint(args[1], 10, 64)
			if !ok || err != nil {
				return hinted{errors.New("a segment has 32 hex digits, an index is a number"), "genbu audit list"}
			}
			proof, err := auditlog.Prove(filepath.Join(global.dir, "audit"), segment, index)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), map[string]string{"proof": string(proof)}, func(w io.Writer) { w.Write(proof) })
		},
	}
}
