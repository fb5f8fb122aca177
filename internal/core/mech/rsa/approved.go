// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// What counts as approved: FIPS 186-5 and SP 800-131A rev. 2 for signatures (modulus of 2048 bits or more, even length,
// exponent above 2^16, SHA-2 or SHA-3, salt no longer than the digest), SP 800-56B rev. 2 for OAEP. Go's FIPS module
// decides the same way, and does not count what it is not asked for: raw operations, PKCS #1 v1.5 encryption, a
// DigestInfo made outside. Nor do RSA_AES_KEY_WRAP, whose AES-KWP is our own code, and legacy verification (SHA-1, 1024 bits).

func never(mech.Use, mech.Key, mech.Params, int) bool { return false }

// approvedSize is for key generation, where k is nil, and for keys.
func approvedSize(_ mech.Use, k mech.Key, _ mech.Params, bits int) bool {
	if r, ok := k.(*rsaKey); ok {
		return r.Bits() >= minBits && r.Bits()%2 == 0 && r.pub.E > 1<<16
	}
	return bits >= minBits
}

func approvedHash(h key.Hash) func(mech.Use, mech.Key, mech.Params, int) bool {
	return func(use mech.Use, k mech.Key, p mech.Params, bits int) bool {
		return h != key.MechSHA1 && approvedSize(use, k, p, bits)
	}
}

func approvedPSS(use mech.Use, k mech.Key, raw mech.Params, bits int) bool {
	p, err := decodePSS(raw)
	return err == nil && p.plainPSS() && p.hash != crypto.SHA1 && p.salt <= p.hash.Size() && approvedSize(use, k, nil, bits)
}

func approvedOAEP(use mech.Use, k mech.Key, raw mech.Params, bits int) bool {
	p, err := decodeOAEP(raw)
	return err == nil && p.approved() && approvedSize(use, k, nil, bits)
}

func (p oaepParams) approved() bool { return p.hash != crypto.SHA1 && p.mgf != crypto.SHA1 }
