// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// ivLen is the length of the nonce that stands before the ciphertext of AES-GCM and ChaCha20-Poly1305.
const ivLen = 12

// cipherFor chooses the mechanism: AES-GCM or ChaCha20-Poly1305 with the nonce iv, or RSA-OAEP with SHA-256.
func cipherFor(o client.Summary, iv, aad []byte) (client.Mechanism, error) {
	switch o.Type {
	case key.TypeAES:
		return client.GCM(iv, aad, 128), nil
	case key.TypeChaCha20:
		return client.ChaCha(iv, aad), nil
	case key.TypeRSA:
		return client.OAEP(key.MechSHA256, key.MGF1SHA256, aad), nil
	}
	return client.Mechanism{}, next(errors.New("AES, ChaCha20 and RSA keys encrypt"), "genbu key create LABEL --type aes-256")
}

func encryptCommand() *cobra.Command {
	return cipherCommand("encrypt", "Encrypt a file", client.CanEncrypt, `Encrypt a file (- for standard input): AES-GCM or ChaCha20-Poly1305 (12 bytes of nonce, ciphertext, 16 of
tag), or RSA-OAEP with SHA-256 for up to 190 bytes with a 2048-bit key.

  genbu encrypt data secret.txt --out secret.enc`, func(s *session, o client.Summary, in io.Reader, aad []byte) ([]byte, error) {
		if o.Type == key.TypeAES && o.Flags&client.AlwaysAuth == 0 {
			return s.seal(o, in, aad)
		}
		var iv []byte
		if o.Type != key.TypeRSA {
			iv = make([]byte, ivLen)
			rand.Read(iv)
		}
		m, err := cipherFor(o, iv, aad)
		if err != nil {
			return nil, err
		}
		ct, err := s.use(client.UseEncrypt, m, o, in, nil)
		return append(iv, ct...), err
	})
}

// seal encrypts by AES-GCM with a nonce that the module draws, as an approved service has to (SP 800-38D section 8.2.2).
func (s *session) seal(o client.Summary, in io.Reader, aad []byte) ([]byte, error) {
	plain, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(plain) > maxInput {
		err = tooLong()
	}
	if err != nil {
		return nil, err
	}
	const generate = 1 // CKG_GENERATE
	iv, ct, tag, err := s.SealMessage(client.GCMMessage(make([]byte, ivLen), 0, generate, 128), o.Handle, aad, plain)
	return slices.Concat(iv, ct, tag), err
}

func decryptCommand() *cobra.Command {
	return cipherCommand("decrypt", "Decrypt a file", client.CanDecrypt, `Decrypt what genbu encrypt made.

  genbu decrypt data secret.enc --out secret.txt`, func(s *session, o client.Summary, in io.Reader, aad []byte) ([]byte, error) {
		var iv []byte
		if o.Type != key.TypeRSA {
			iv = make([]byte, ivLen)
			if _, err := io.ReadFull(in, iv); err != nil {
				return nil, next(errors.New("the file is too short to be one that genbu encrypt made"), "genbu decrypt --help")
			}
		}
		m, err := cipherFor(o, iv, aad)
		if err != nil {
			return nil, err
		}
		return s.use(client.UseDecrypt, m, o, in, nil)
	})
}

func cipherCommand(name, short string, usage uint64, long string, run func(s *session, o client.Summary, in io.Reader, aad []byte) ([]byte, error)) *cobra.Command {
	var who login
	var out, aad string
	cmd := &cobra.Command{
		Use:   name + " KEY FILE",
		Short: short,
		Long:  long,
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := open(args[1])
			if err != nil {
				return err
			}
			defer data.Close()
			var result []byte
			var approved bool
			err = who.as(client.User, name+"ing", func(s *session) error {
				o, err := s.one(args[0], usage)
				if err == nil {
					result, err = run(s, o, data, []byte(aad))
					approved = s.conn.Approved()
				}
				return err
			})
			if err != nil {
				return err
			}
			return deliver(cmd, out, result, 0o600, map[string]any{"output": result, "approved": approved})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this file (default: standard output)")
	cmd.Flags().StringVar(&aad, "aad", "", "associated data that must be the same for both (RSA: the label)")
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}
