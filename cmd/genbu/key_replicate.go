// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/server"
)

// replicated is one object as it came to the clone.
type replicated struct {
	Label   string `json:"label"`
	ID      string `json:"unique_id"`
	Class   string `json:"class"`
	Outcome string `json:"outcome"` // "made", "changed", "same"
}

func keyReplicate() *cobra.Command {
	var who keyManager
	var to, toPIN string
	cmd := &cobra.Command{
		Use:   "replicate LABEL --to CLONE",
		Short: "Bring a key to a clone of this domain, as the sealed record it is",
		Long: `Bring a key, and all that has its name, to a clone: a cluster that was restored from this domain's
backup. It moves as ciphertext that both cores open, and keeps its id and attributes; one that is
there is brought up to date, one that was destroyed there stays destroyed. CLONE is the other node's
directory, or a socket. The PIN there is that of --to-pin-file, of access.json there, or the same.

  genbu key replicate release --to /var/lib/genbu-west`,
		RunE: func(cmd *cobra.Command, args []string) error {
			list := []replicated{}
			err := who.as("replicating", func(s *session) error {
				found, err := s.named(args[0])
				if err != nil {
					return err
				}
				there, err := cloneSession(s, &who, to, toPIN)
				if err != nil {
					return err
				}
				defer there.conn.Close()
				defer there.end()
				for _, o := range found {
					one, err := replicateOne(s, there, o)
					if err != nil {
						return fmt.Errorf("to %s: %w", to, err)
					}
					list = append(list, one)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return show(cmd, list, func(w io.Writer) {
				for _, r := range list {
					fmt.Fprintf(w, "%s %q: %s\n", r.Class, r.Label, r.Outcome)
				}
			})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&to, "to", "", "the clone: a node's directory or socket")
	cmd.Flags().StringVar(&toPIN, "to-pin-file", "", "read the PIN there from this file")
	cmd.MarkFlagRequired("to")
	return cmd
}

// cloneSession logs in to the partition of the same label at the clone.
func cloneSession(s *session, who *keyManager, to, pinFile string) (*session, error) {
	socket, pin := to, slices.Clone(s.pin)
	user := client.User
	if who.officer {
		user = client.Officer
	}
	label, err := ownLabel(s)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		c, err := server.Load(to)
		if err != nil {
			return nil, err
		}
		socket = c.Socket
		if a, err := readAccessOf(to); err == nil {
			if known, ok := a.token(label); ok && s.name == "" {
				pin = []byte(known.User)
				if who.officer {
					pin = []byte(known.SO)
				}
			}
		}
	}
	if pinFile != "" {
		if pin, err = readPIN(pinFile); err != nil {
			return nil, err
		}
	}
	conn, err := client.Dial(socket)
	if err != nil {
		return nil, noNode{next(fmt.Errorf("no node answers at %s: %w", socket, err), "genbu up --dir "+word(filepath.Dir(socket)))}
	}
	there := &login{token: label}
	t, err := there.slot(conn)
	if err == nil {
		var at *session
		if at, err = begin(conn, t.Slot, user, s.name, pin); err == nil {
			return at, nil
		}
	}
	conn.Close()
	return nil, fmt.Errorf("at %s: %w", to, err)
}

// ownLabel is the label of the partition that a session is in.
func ownLabel(s *session) (string, error) {
	list, err := s.conn.Slots()
	if err != nil {
		return "", err
	}
	for _, t := range list {
		if t.Slot == s.Slot {
			return t.Label, nil
		}
	}
	return "", fault.PartitionUnknown
}

func replicateOne(from, to *session, o client.Summary) (replicated, error) {
	r, err := from.ReplicaGive(o.Handle)
	if err != nil {
		return replicated{}, err
	}
	_, outcome, err := to.ReplicaTake(r)
	if err != nil {
		return replicated{}, err
	}
	words := map[uint64]string{client.ReplicaNew: "made", client.ReplicaChanged: "changed", client.ReplicaSame: "same"}
	i, err := from.describe(o)
	return replicated{i.Label, r.Object.String(), i.Class, words[outcome]}, err
}
