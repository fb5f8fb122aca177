// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/auditlog"
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

// auditDir is the log's folder: the one given, else that of the node.
func auditDir(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	c, err := nodeConfig()
	if err != nil {
		return "", err
	}
	return filepath.Join(c.Dir, "audit"), nil
}

func auditList() *cobra.Command {
	var last int
	var dir string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print the audit log's entries",
		Long: `Print the entries, oldest first; with --json one JSON object a line. It reads the log's folder: a
running node is not needed, and nothing is verified (genbu audit verify).

  genbu audit list --last 20`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := auditDir(dir)
			if err != nil {
				return err
			}
			var keep []auditlog.Listed
			out := cmd.OutOrStdout()
			write := auditlog.PrintText
			if global.json {
				write = auditlog.PrintJSON
			}
			for l, err := range auditlog.Entries(dir) {
				if err != nil {
					return next(err, "genbu audit verify")
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
	cmd.Flags().StringVar(&dir, "log", "", "the log's folder (default: audit in the node's directory)")
	cmd.MarkFlagDirname("log")
	return cmd
}

func auditHead() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "head",
		Short: "Sign and print a fresh checkpoint, to be kept elsewhere",
		Long: `Print a checkpoint over everything logged so far. Kept outside this node, it shows if the log is ever set back.

  genbu audit head > head-$(date +%F).txt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var note []byte
			err := who.as("", func(s *session) (err error) {
				note, err = s.conn.AuditHead()
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]string{"checkpoint": string(note)}, func(w io.Writer) { w.Write(note) })
		},
	}
	who.add(cmd)
	return cmd
}

func auditNote() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "note TEXT",
		Short: "Write a remark into the audit log",
		Long: `Write a remark into the log, on disk when the command returns.

  genbu audit note "change 4711: rotated the web keys"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("", func(s *session) error { return s.conn.AuditNote(args[0]) })
			if err != nil {
				return err
			}
			return show(cmd, map[string]bool{"noted": true}, func(w io.Writer) { fmt.Fprintln(w, "noted") })
		},
	}
	who.add(cmd)
	return cmd
}

func auditProve() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "prove SEGMENT INDEX",
		Short: "Prove that an entry is in the log (C2SP tlog-proof)",
		Long: `Print an inclusion proof of one entry, which anybody can check with the node's audit key alone.
genbu audit list --json shows segments and indexes.

  genbu audit prove 3f00c1d2e3f405162738495a6b7c8d9e 12 > entry.proof`,
		RunE: func(cmd *cobra.Command, args []string) error {
			segment, ok := key.ParseID(args[0])
			index, err := strconv.ParseUint(args[1], 10, 64)
			if !ok || err != nil {
				return next(errors.New("a segment has 32 hex digits, an index is a number"), "genbu audit list --json")
			}
			dir, err := auditDir(dir)
			if err != nil {
				return err
			}
			proof, err := auditlog.Prove(dir, segment, index)
			if err != nil {
				return next(err, "genbu audit list --json")
			}
			return show(cmd, map[string]string{"proof": string(proof)}, func(w io.Writer) { w.Write(proof) })
		},
	}
	cmd.Flags().StringVar(&dir, "log", "", "the log's folder (default: audit in the node's directory)")
	cmd.MarkFlagDirname("log")
	return cmd
}
