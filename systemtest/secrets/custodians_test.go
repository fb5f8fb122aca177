// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base32"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// custodians is the role of people who initialize a node with two of three shares, lock it, and unlock it with two.
func custodians(in *gob.Decoder, out *gob.Encoder) error {
	var dir string
	if err := in.Decode(&dir); err != nil {
		return err
	}
	socket := filepath.Join(dir, "genbu.sock")
	c, err := client.Dial(socket)
	if err != nil {
		return err
	}
	pin := []byte(base32.StdEncoding.EncodeToString(bytesOf(20)))
	all := []secret{masked("pin admin", memscan.Bytes, pin)}
	shares, err := c.Init("custodians", 2, 3, bytes.Clone(pin))
	if err != nil {
		return err
	}
	sealed, err := os.ReadFile(filepath.Join(dir, "root", "custodians"))
	if err != nil {
		return err
	}
	head, err := seal.ReadRootHead(sealed)
	if err != nil {
		return err
	}
	g, err := seal.NewGathering(head)
	if err != nil {
		return err
	}
	for i, s := range shares {
		plain := bytes.ReplaceAll(s, []byte("-"), nil)
		name := fmt.Sprintf("share %d", i+1)
		// What stands before is version, set, threshold and index, which the sealed root tells everybody.
		all = append(all, masked(name+" as text", memscan.Bytes, s[24:]), masked(name+" as letters", memscan.Bytes, plain[18:]),
			masked(name+" value", memscan.Bytes, shareValue(plain)))
		if i < 2 {
			if _, err := g.Add(bytes.Clone(s)); err != nil {
				return err
			}
		}
	}
	joined, err := g.Secret()
	if err != nil {
		return err
	}
	joined.Use(access.Token{}, func(p []byte) { all = append(all, masked("share secret", memscan.Bytes, p)) })
	root, err := seal.OpenRoot(sealed, joined)
	if err != nil {
		return err
	}
	root.Use(access.Token{}, func(p []byte) { all = append(all, masked("share root", memscan.Bytes, p)) })

	s, err := c.Open(0, true)
	if err != nil {
		return err
	}
	if _, err := s.Login(client.Officer, "", bytes.Clone(pin)); err != nil {
		return err
	}
	if err := c.Lock(); err != nil {
		return err
	}
	if c, err = locked(socket); err != nil {
		return err
	}
	slip := bytes.Clone(shares[0])
	slip[len(slip)-1] ^= 1
	if _, err := c.Unlock(slip); err == nil {
		return errors.New("a share with a slip was taken")
	}
	for _, s := range shares[1:] {
		if _, err := c.Unlock(s); err != nil {
			return err
		}
	}
	return out.Encode(all)
}

// locked waits for the core that comes after a lock.
func locked(socket string) (*client.Conn, error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c, err := client.Dial(socket)
		if err != nil {
			continue
		}
		if s, err := c.Status(); err == nil && s.State == wire.StateLocked {
			return c, nil
		}
		c.Close()
	}
	return nil, errors.New("the node does not lock")
}

// shareValue are the 32 bytes of a share (Bech32m, BIP 350: five bits a letter, six letters of checksum).
func shareValue(plain []byte) (out []byte) {
	const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	bits, n := uint32(0), 0
	for _, c := range plain[6 : len(plain)-6] {
		bits, n = bits<<5|uint32(bytes.IndexByte([]byte(letters), c)), n+5
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
		}
	}
	return out[7:39] // after version, set, threshold and index
}
