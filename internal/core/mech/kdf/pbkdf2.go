// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"crypto/pbkdf2"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// saltSpecified is CKZ_SALT_SPECIFIED, the only source of a salt there is.
const saltSpecified = 1

// maxIterations bounds the work that one call can ask for to some seconds. RFC 6070 has a vector with just as many.
const maxIterations = 1 << 24

type pbkdf2Params struct {
	salt       []byte
	iterations int
	prf        key.Hash
	password   []byte
}

// decodePBKDF2 reads CK_PKCS5_PBKD2_PARAMS2. SHA-512/224, SHA-512/256 and GOST are not offered.
func decodePBKDF2(p mech.Params) (pbkdf2Params, error) {
	r := wire.NewReader(p)
	source, salt, iterations, prf, prfData, password := r.U64(), r.Bytes(), r.U64(), r.U64(), r.Bytes(), r.Bytes()
	hashes := map[uint64]key.Hash{1: key.MechSHA1, 3: key.MechSHA224, 4: key.MechSHA256, 5: key.MechSHA384, 6: key.MechSHA512}
	h, ok := hashes[prf]
	if r.End() != nil || !ok || source != saltSpecified || iterations < 1 || iterations > maxIterations || len(prfData) != 0 {
		return pbkdf2Params{}, fault.MechanismParamInvalid.At("read pbkdf2 parameter")
	}
	return pbkdf2Params{salt: salt, iterations: int(iterations), prf: h, password: password}, nil
}

// generatePBKDF2 makes a key of any symmetric type out of a password.
func generatePBKDF2(spec mech.GenSpec) (mech.Material, error) {
	q, err := decodePBKDF2(spec.Param)
	if err != nil {
		return mech.Material{}, err
	}
	n := spec.Bits
	switch {
	case spec.Type == key.TypeChaCha20 && n == 0:
		n = 32
	case n == 0:
		return mech.Material{}, fault.TemplateIncomplete.At("generate by pbkdf2")
	}
	if !fits(spec.Type, n) {
		return mech.Material{}, fault.KeySize.At("generate by pbkdf2")
	}
	newHash, err := mech.NewHash(q.prf)
	if err != nil {
		return mech.Material{}, err
	}
	out, err := pbkdf2.Key(newHash, string(q.password), q.salt, q.iterations, n)
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate by pbkdf2")
	}
	return mech.Material{Type: spec.Type, Secret: out}, nil
}

// fits tells whether a key of this type may have n bytes.
func fits(typ key.Type, n int) bool {
	switch typ {
	case key.TypeAES:
		return n == 16 || n == 24 || n == 32
	case key.TypeChaCha20:
		return n == 32
	}
	return n > 0 && n <= maxSecret
}

// pbkdf2Approved: SP 800-132 section 5, as Go's FIPS module judges salt and length, and the least count of section 5.2.
func pbkdf2Approved(_ mech.Use, _ mech.Key, p mech.Params, bytes int) bool {
	q, err := decodePBKDF2(p)
	return err == nil && q.prf != key.MechSHA1 && len(q.salt) >= 16 && q.iterations >= 1000 && bytes >= 14
}
