// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// NewHash answers the constructor of the digest that a mechanism parameter names by its CKM number. All but SHA-1 come
// from Go's FIPS module.
func NewHash(h key.Hash) (func() hash.Hash, error) {
	switch h {
	case key.MechSHA1:
		return sha1.New, nil
	case key.MechSHA224:
		return sha256.New224, nil
	case key.MechSHA256:
		return sha256.New, nil
	case key.MechSHA384:
		return sha512.New384, nil
	case key.MechSHA512:
		return sha512.New, nil
	case key.MechSHA3224:
		return func() hash.Hash { return sha3.New224() }, nil
	case key.MechSHA3256:
		return func() hash.Hash { return sha3.New256() }, nil
	case key.MechSHA3384:
		return func() hash.Hash { return sha3.New384() }, nil
	case key.MechSHA3512:
		return func() hash.Hash { return sha3.New512() }, nil
	}
	return nil, fault.MechanismParamInvalid.At("find digest")
}

// hashes lists what NewHash knows.
var hashes = []key.Hash{
	key.MechSHA1, key.MechSHA224, key.MechSHA256, key.MechSHA384, key.MechSHA512,
	key.MechSHA3224, key.MechSHA3256, key.MechSHA3384, key.MechSHA3512,
}

// CryptoHash is the digest as the crypto package numbers it, for RSA signatures. Importing this package links it in,
// so that crypto.Hash.Available holds.
func CryptoHash(h key.Hash) (crypto.Hash, error) {
	switch h {
	case key.MechSHA1:
		return crypto.SHA1, nil
	case key.MechSHA224:
		return crypto.SHA224, nil
	case key.MechSHA256:
		return crypto.SHA256, nil
	case key.MechSHA384:
		return crypto.SHA384, nil
	case key.MechSHA512:
		return crypto.SHA512, nil
	case key.MechSHA3224:
		return crypto.SHA3_224, nil
	case key.MechSHA3256:
		return crypto.SHA3_256, nil
	case key.MechSHA3384:
		return crypto.SHA3_384, nil
	case key.MechSHA3512:
		return crypto.SHA3_512, nil
	}
	return 0, fault.MechanismParamInvalid.At("find digest")
}

// MGFHash is the digest inside MGF1 that a CKG_MGF1_* number names.
func MGFHash(m key.MGF) (key.Hash, error) {
	switch m {
	case key.MGF1SHA1:
		return key.MechSHA1, nil
	case key.MGF1SHA224:
		return key.MechSHA224, nil
	case key.MGF1SHA256:
		return key.MechSHA256, nil
	case key.MGF1SHA384:
		return key.MechSHA384, nil
	case key.MGF1SHA512:
		return key.MechSHA512, nil
	case key.MGF1SHA3224:
		return key.MechSHA3224, nil
	case key.MGF1SHA3256:
		return key.MechSHA3256, nil
	case key.MGF1SHA3384:
		return key.MechSHA3384, nil
	case key.MGF1SHA3512:
		return key.MechSHA3512, nil
	}
	return 0, fault.MechanismParamInvalid.At("find mask generation function")
}
