// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"errors"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// ivLen is the length of the nonce that stands before the ciphertext of AES-GCM and ChaCha20-Poly1305.
const ivLen = 12

// cipherFor chooses the mechanism: AES-256-GCM or ChaCha20-Poly1305 with a fresh nonce, RSA-OAEP with SHA-256.
func cipherFor(o client.Summary, iv, aad []byte) (client.Mechanism, error) {
	switch o.Type {
	case key.TypeAES:
		return client.GCM(iv, aad, 128), nil
	case key.TypeChaCha20:
		return client.ChaCha(iv, aad), nil
	case key.TypeRSA:
		return client.OAEP(key.MechSHA256, key.MGF1SHA256, aad), nil
	}
	return client.Mechanism{}, errors.New("AES, ChaCha20 and RSA keys encrypt")
}

func encryptCommand() *cobra.Command {
	return cipherCommand("encrypt", "Encrypt a file", client.CanEncrypt, `Encrypt a file (- for standard input): AES-GCM or ChaCha20-Poly1305 (12 bytes of nonce, ciphertext, 16 of
tag), or RSA-OAEP with SHA-256 for up to 190 bytes with a 2048-bit key.

  genbu encrypt data secret.txt --out secret.enc`, func(s *client.Session, o client.Summary, in, aad []byte) ([]byte, error) {
		if o.Type == key.TypeRSA {
			m, err := cipherFor(o, nil, aad)
			if err != nil {
				return nil, err
			}
			return s.Encrypt(m, o.Handle, in)
		}
		iv := make([]byte, ivLen)
		rand.Read(iv)
		m, err := cipherFor(o, iv, aad)
		if err != nil {
			return nil, err
		}
		ct, err := s.Encrypt(m, o.Handle, in)
		return append(iv, ct...), err
	})
}

func decryptCommand() *cobra.Command {
	return cipherCommand("decrypt", "Decrypt a file", client.CanDecrypt, `Decrypt what genbu encrypt made.

  genbu decrypt data secret.enc --out secret.txt`, func(s *client.Session, o client.Summary, in, aad []byte) ([]byte, error) {
		if o.Type == key.TypeRSA {
			m, err := cipherFor(o, nil, aad)
			if err != nil {
				return nil, err
			}
			return s.Decrypt(m, o.Handle, in)
		}
		if len(in) < ivLen {
			return nil, errors.New("the file is too short to be one that genbu encrypt made")
		}
		m, err := cipherFor(o, in[:ivLen], aad)
		if err != nil {
			return nil, err
		}
		return s.Decrypt(m, o.Handle, in[ivLen:])
	})
}

func cipherCommand(name, short string, usage uint64, long string, run func(s *client.Session, o client.Summary, in, aad []byte) ([]byte, error)) *cobra.Command {
	var who loginFlags
	var out, aad string
	cmd := &cobra.Command{
		Use:   name + " KEY FILE",
		Short: short,
		Long:  long,
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := input(args[1])
			if err != nil {
				return err
			}
			conn, s, err := who.open(client.User)
			if err != nil {
				return err
			}
			defer conn.Close()
			o, err := one(s, args[0], usage)
			if err != nil {
				return err
			}
			result, err := run(s, o, data, []byte(aad))
			if err != nil {
				return err
			}
			if global.json {
				return show(cmd.OutOrStdout(), map[string]any{"output": result, "approved": conn.Approved()}, nil)
			}
			return output(cmd.OutOrStdout(), out, result, 0o600)
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.Flags().StringVar(&aad, "aad", "", "associated data that must be the same for both (RSA: the label)")
	return cmd
}
