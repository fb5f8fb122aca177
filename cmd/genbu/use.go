// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/genbu-hsm/genbu/internal/client"
)

// expansion is by how much a ciphertext may be longer than what it hides: a tag.
const expansion = 64

// partSize is how much goes into one part of a long operation.
const partSize = 1 << 20

// use runs an operation over all of in: in one round trip if that fits, else in parts, which also is how a key that asks
// for the PIN at each use wants it. last is a signature to verify.
func (s *session) use(u client.Use, m client.Mechanism, k client.Summary, in io.Reader, last []byte) ([]byte, error) {
	most := int64(maxInput)
	if u == client.UseDecrypt {
		most += expansion // what was encrypted at once is decrypted at once
	}
	first, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, err
	}
	long := int64(len(first)) > most
	if long && (u == client.UseEncrypt || u == client.UseDecrypt) { // authenticated as one message, which the core holds
		return nil, tooLong()
	}
	if !long && k.Flags&client.AlwaysAuth == 0 {
		switch u {
		case client.UseSign:
			return s.Sign(m, k.Handle, first)
		case client.UseVerify:
			return nil, s.Verify(m, k.Handle, first, last)
		case client.UseEncrypt:
			return s.Encrypt(m, k.Handle, first)
		case client.UseDecrypt:
			return s.Decrypt(m, k.Handle, first)
		}
		return nil, errors.New("no such use")
	}
	return s.inParts(u, m, k, io.MultiReader(bytes.NewReader(first), in), last)
}

func tooLong() error {
	return next(fmt.Errorf("at most %d bytes are encrypted at once", maxInput), "split -b 15728640 FILE FILE.part-")
}

func (s *session) inParts(u client.Use, m client.Mechanism, k client.Summary, in io.Reader, last []byte) (out []byte, err error) {
	if err := s.Begin(u, m, k.Handle); err != nil {
		return nil, err
	}
	if k.Flags&client.AlwaysAuth != 0 {
		if err := s.prove(); err != nil {
			return nil, err
		}
	}
	part := make([]byte, partSize)
	for {
		n, err := io.ReadFull(in, part)
		if n > 0 {
			more, err := s.Update(u, part[:n])
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, errors.Join(err, s.Cancel(u))
		}
	}
	end, err := s.Final(u, last)
	return append(out, end...), err
}
