// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

func attestationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "attestation",
		Short: "Who may attest to the environments that get keys released",
		Long: `A key with a release policy goes out to an environment whose attestation token meets that policy. The
token must be signed by a key of the policy's authority, and which keys those are is pinned here, for
each vault or managed HSM: the module asks nobody.

  genbu attestation pin https://sharedweu.weu.attest.azure.net --token genbu-vault`,
	}
	cmd.AddCommand(attestationPin(), attestationList(), attestationForget())
	return cmd
}

// pinned is an authority as it is answered.
type pinned struct {
	Authority string      `json:"authority"`
	Keys      []pinnedKey `json:"keys"`
}

type pinnedKey struct {
	ID    string `json:"kid"`
	Type  string `json:"kty"`
	Print string `json:"fingerprint"` // SHA-256 of what is pinned
}

func readPinned(authority, set string) pinned {
	var have struct {
		Keys []publicJWK `json:"keys"`
	}
	json.Unmarshal([]byte(set), &have) // the core took it: it is a key set
	p := pinned{authority, []pinnedKey{}}
	for _, k := range have.Keys {
		sum := sha256.Sum256([]byte(strings.Join([]string{k.Kty, k.N, k.E, k.Crv, k.X, k.Y}, "\n")))
		p.Keys = append(p.Keys, pinnedKey{k.ID, k.Kty, hex.EncodeToString(sum[:])})
	}
	return p
}

func (p pinned) text(w io.Writer) {
	fmt.Fprintln(w, p.Authority)
	for _, k := range p.Keys {
		fmt.Fprintf(w, "  %-4s %s  %s\n", k.Type, k.Print, k.ID)
	}
}

func attestationPin() *cobra.Command {
	var who officer
	var file, ca string
	cmd := &cobra.Command{
		Use:   "pin AUTHORITY",
		Short: "Fetch an attestation authority's keys and pin them",
		Long: `Fetch AUTHORITY/.well-known/openid-configuration and the key set that it names, and pin the keys: with
them the core checks attestation tokens of that authority from now on, and with no others. Do it again when
the authority changes its keys. Whoever answers for AUTHORITY at this moment is believed: compare the
fingerprints, or give the key set with --jwks.

  genbu attestation pin https://sharedweu.weu.attest.azure.net --token genbu-vault
  genbu attestation pin https://attest.example --jwks keys.json --token genbu-vault`,
		RunE: func(cmd *cobra.Command, args []string) error {
			authority, err := authorityOf(args[0])
			if err != nil {
				return err
			}
			var text []byte
			if file != "" {
				text, err = input(file)
			} else {
				text, err = fetchKeySet(context.Background(), authority, ca)
			}
			if err != nil {
				return err
			}
			set, err := signingKeys(text)
			if err != nil {
				return next(fmt.Errorf("%s: %w", authority, err), "genbu attestation pin --help")
			}
			err = who.as("", func(s *session, slot uint64) error {
				return s.conn.SetSettings(slot, map[string]string{client.SettingAttestation + authority: set})
			})
			if err != nil {
				return err
			}
			answer := readPinned(authority, set)
			return show(cmd, answer, answer.text)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&file, "jwks", "", "take the key set from this file (- for standard input) and fetch nothing")
	cmd.Flags().StringVar(&ca, "ca", "", "trust the certificates in this PEM file for the fetching, beside the system's")
	cmd.MarkFlagsMutuallyExclusive("jwks", "ca")
	return cmd
}

// authorityOf is an authority in the form in which policies are compared with it.
func authorityOf(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", next(fmt.Errorf("%q is no authority: an https URL", text), "genbu attestation pin --help")
	}
	return strings.TrimRight(text, "/"), nil
}

func attestationList() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the authorities that are pinned, with their keys",
		Long: `List the attestation authorities whose keys are pinned in a vault or managed HSM.

  genbu attestation list --token genbu-vault`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []pinned{}
			err := who.as("", func(s *session, slot uint64) error {
				all, err := s.conn.Settings(slot)
				for name, set := range all {
					if authority, ok := strings.CutPrefix(name, client.SettingAttestation); ok {
						list = append(list, readPinned(authority, set))
					}
				}
				return err
			})
			if err != nil {
				return err
			}
			slices.SortFunc(list, func(a, b pinned) int { return strings.Compare(a.Authority, b.Authority) })
			return show(cmd, list, func(w io.Writer) {
				for _, p := range list {
					p.text(w)
				}
			})
		},
	}
	who.add(cmd)
	return cmd
}

func attestationForget() *cobra.Command {
	var who officer
	cmd := &cobra.Command{
		Use:   "forget AUTHORITY",
		Short: "Believe an attestation authority no more",
		Long: `Take the pinned keys of an attestation authority away: no key is released on its word any more.

  genbu attestation forget https://attest.example --token genbu-vault`,
		RunE: func(cmd *cobra.Command, args []string) error {
			authority, err := authorityOf(args[0])
			if err != nil {
				return err
			}
			name := client.SettingAttestation + authority
			err = who.as("", func(s *session, slot uint64) error {
				all, err := s.conn.Settings(slot)
				if err != nil {
					return err
				}
				if _, there := all[name]; !there {
					return next(errors.New("that authority is not pinned here"), "genbu attestation list")
				}
				return s.conn.SetSettings(slot, map[string]string{name: ""})
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"forgotten": authority}, func(w io.Writer) { fmt.Fprintf(w, "%s is believed no more\n", authority) })
		},
	}
	who.add(cmd)
	return cmd
}
