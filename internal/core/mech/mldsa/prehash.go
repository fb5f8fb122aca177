// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"crypto/sha3"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// prehash is a digest that HashML-DSA may use (FIPS 204 section 5.4): id is the last arc of its object identifier
// 2.16.840.1.101.3.4.2.id, which goes into the signed message.
type prehash struct {
	mechanism key.Mechanism
	name      string
	hash      key.Hash // 0 for SHAKE, which no mechanism number names
	id        byte
	size      int
	new       func() hash.Hash
}

var prehashes = []prehash{
	named(key.MechHashMLDSASHA224, "HASH_ML_DSA_SHA224", key.MechSHA224, 4),
	named(key.MechHashMLDSASHA256, "HASH_ML_DSA_SHA256", key.MechSHA256, 1),
	named(key.MechHashMLDSASHA384, "HASH_ML_DSA_SHA384", key.MechSHA384, 2),
	named(key.MechHashMLDSASHA512, "HASH_ML_DSA_SHA512", key.MechSHA512, 3),
	named(key.MechHashMLDSASHA3224, "HASH_ML_DSA_SHA3_224", key.MechSHA3224, 7),
	named(key.MechHashMLDSASHA3256, "HASH_ML_DSA_SHA3_256", key.MechSHA3256, 8),
	named(key.MechHashMLDSASHA3384, "HASH_ML_DSA_SHA3_384", key.MechSHA3384, 9),
	named(key.MechHashMLDSASHA3512, "HASH_ML_DSA_SHA3_512", key.MechSHA3512, 10),
	{key.MechHashMLDSASHAKE128, "HASH_ML_DSA_SHAKE128", 0, 11, 32, func() hash.Hash { return &shake{sha3.NewSHAKE128(), 32} }},
	{key.MechHashMLDSASHAKE256, "HASH_ML_DSA_SHAKE256", 0, 12, 64, func() hash.Hash { return &shake{sha3.NewSHAKE256(), 64} }},
}

func named(m key.Mechanism, name string, h key.Hash, id byte) prehash {
	n, err := mech.NewHash(h)
	if err != nil {
		panic("mldsa: digest without implementation in the table of rows")
	}
	return prehash{m, name, h, id, n().Size(), n}
}

// findPrehash is for CKM_HASH_ML_DSA, whose parameter names the digest.
func findPrehash(h key.Hash) (prehash, error) {
	for _, p := range prehashes {
		if p.hash == h && h != 0 {
			return p, nil
		}
	}
	return prehash{}, fault.MechanismParamInvalid.At("find prehash digest")
}

// message is M' of FIPS 204 algorithm 4 line 23: 1, context, object identifier, digest.
func (p prehash) message(context, digest []byte) []byte {
	m := append([]byte{1, byte(len(context))}, context...)
	m = append(m, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, p.id)
	return append(m, digest...)
}

// representative is mu, to which a message is reduced before it is signed (FIPS 204 algorithm 7 line 6).
func (k *dsaKey) representative(message []byte) []byte {
	h := sha3.NewSHAKE256()
	h.Write(k.tr[:])
	h.Write(message)
	mu := make([]byte, 64)
	h.Read(mu)
	return mu
}

// shake is SHAKE with a fixed length as a hash.Hash that is summed once.
type shake struct {
	*sha3.SHAKE
	size int
}

func (s *shake) Size() int { return s.size }

// Clone lets a running operation be copied (mech.Cloner).
func (s *shake) Clone() (hash.Cloner, error) {
	state, err := s.MarshalBinary()
	if err != nil {
		return nil, err
	}
	c := &shake{sha3.NewSHAKE256(), s.size}
	if s.size == 32 {
		c.SHAKE = sha3.NewSHAKE128()
	}
	return c, c.UnmarshalBinary(state)
}

func (s *shake) Sum(b []byte) []byte {
	out := make([]byte, s.size)
	s.Read(out)
	return append(b, out...)
}
