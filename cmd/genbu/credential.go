// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

var evidenceNames = map[client.Evidence]string{client.ClientSecret: "client-secret", client.Certificate: "certificate", client.Federated: "federated"}

func credentialCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential",
		Short: "By which evidence a service identity shows who it is",
		Long: `A service identity may have several credentials at a time, so that one is changed without a gap: add
the new one, roll it out, remove the old one, which ends every token.

  genbu operator credential list shop`,
	}
	cmd.AddCommand(credentialAdd(), credentialList(), credentialRemove())
	return cmd
}

func credentialAdd() *cobra.Command {
	var who admin
	var evidence evidenceFlags
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Give a service identity a further credential",
		Long: `Give a service identity a further credential. What it had stays good.

  genbu operator credential add shop --client-secret --expires 2160h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !evidence.any() {
				return next(errors.New("no credential is named"), "genbu operator credential add --help")
			}
			var list []issued
			err := who.as("", func(s *session) (err error) {
				list, err = evidence.give(s.conn, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, list, func(w io.Writer) { tellIssued(w, list) })
		},
	}
	who.add(cmd)
	evidence.add(cmd)
	return cmd
}

// credentialInfo is one row of genbu operator credential list.
type credentialInfo struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Hint    string `json:"hint"`
	Created string `json:"created"`
	Expires string `json:"expires,omitempty"`
}

func credentialList() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "list NAME",
		Short: "List a service identity's credentials",
		Long: `List a service identity's credentials. Of a secret its first letters are shown, of a certificate its
SHA-1 thumbprint, of a federated one issuer and subject.

  genbu operator credential list shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			items, rows := []credentialInfo{}, [][]string{}
			err := who.as("", func(s *session) error {
				list, err := s.conn.Credentials(domainSlot, args[0])
				for _, c := range list {
					i := credentialInfo{c.ID.String(), evidenceNames[c.Kind], c.Hint, second(c.Created), second(c.Expires)}
					items = append(items, i)
					rows = append(rows, []string{i.ID, i.Kind, i.Hint, i.Created, dash(i.Expires)})
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, items, func(w io.Writer) { table(w, "ID KIND HINT CREATED EXPIRES", rows) })
		},
	}
	who.add(cmd)
	return cmd
}

func second(unix uint64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(int64(unix), 0).UTC().Format(time.RFC3339)
}

func credentialRemove() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "remove NAME ID",
		Short: "End a credential, and every token of its identity",
		Long: `End a credential. Tokens of its identity end at once, also those got by another credential: programs
get new ones by themselves.

  genbu operator credential remove shop 0123456789abcdef0123456789abcdef`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, ok := key.ParseID(args[1])
			if !ok {
				return next(fmt.Errorf("%q is no credential's id", args[1]), "genbu operator credential list "+word(args[0]))
			}
			err := who.as("", func(s *session) error { return s.conn.RemoveCredential(domainSlot, args[0], id) })
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"removed": args[1]}, func(w io.Writer) { fmt.Fprintf(w, "credential %s removed\n", args[1]) })
		},
	}
	who.add(cmd)
	return cmd
}
