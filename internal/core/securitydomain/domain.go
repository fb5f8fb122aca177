// SPDX-License-Identifier: Apache-2.0

// Package securitydomain makes and opens the security domain: what m of n holders of RSA keys need to rebuild a domain on bare
// machines. Its form is that of Azure Managed HSM's security domain file (docs/design/backup.md), taken apart: the JSON around
// the parts is made and read outside the core.
//
//	file, err := securitydomain.Seal(data, certificates, quorum)   a file's parts
//	transfer, err := securitydomain.NewTransfer()                  a key to which holders wrap what they opened
//	data, err := transfer.Open(parts)                      by m wrapped shares, or by a wrapped fresh master key
//
// Functions that touch secrets are called inside ssp.Do. Fewer than m shares are values of a random polynomial and say nothing.
package securitydomain

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Limits of a file, which are also those of az.
const (
	MinQuorum  = 2
	MaxHolders = 10
)

const (
	masterLen = 32
	shareLen  = 2 * masterLen // a u16 for each byte of the master key
)

// Datum is one plaintext of a domain under its tag, from which its key is derived.
type Datum struct {
	Tag   string
	Plain []byte
}

// Sealed is a datum as a compact JWE.
type Sealed struct{ Tag, JWE string }

// Share is a holder's share as a compact JWE, and the SHA-256 of the certificate to which it is encrypted.
type Share struct {
	Thumbprint [32]byte
	JWE        string
}

// File is the parts of a security domain file.
type File struct {
	Data   []Sealed
	Shares []Share
}

// Seal encrypts data under a fresh master key and splits that among the holders of the certificates (DER), any quorum of whom
// can give it back.
func Seal(data []Datum, certificates [][]byte, quorum int) (*File, error) {
	if quorum < MinQuorum || quorum > len(certificates) || len(certificates) > MaxHolders {
		return nil, fault.ArgumentsBad.At("seal security domain: 2 to 10 certificates, of which 2 or more are the quorum")
	}
	holders := make([]*rsa.PublicKey, len(certificates))
	for i, der := range certificates {
		var err error
		if holders[i], err = holderKey(der); err != nil {
			return nil, err
		}
		for _, other := range holders[:i] {
			if other.N.Cmp(holders[i].N) == 0 { // one person must not count for two
				return nil, fault.ArgumentsBad.At("seal security domain: two certificates are of the same key")
			}
		}
	}
	master := make([]byte, masterLen)
	defer clear(master)
	rand.Read(master)
	f := &File{}
	for _, d := range data {
		jwe, err := sealDatum(master, d)
		if err != nil {
			return nil, err
		}
		f.Data = append(f.Data, Sealed{d.Tag, jwe})
	}
	for i, share := range split(master, quorum, len(holders)) {
		jwe, err := wrapJWE(holders[i], share)
		clear(share)
		if err != nil {
			return nil, err
		}
		f.Shares = append(f.Shares, Share{sha256.Sum256(certificates[i]), jwe})
	}
	return f, nil
}
