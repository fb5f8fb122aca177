// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// ecdhParams is decoded from CK_ECDH1_DERIVE_PARAMS.
type ecdhParams struct {
	kdf    key.KDF
	hash   key.Hash // the digest inside kdf; 0 for KDFNull
	shared []byte
	peer   []byte
}

// kdfHashes are the digests of the ANSI X9.63 key derivation functions.
var kdfHashes = map[key.KDF]key.Hash{
	key.KDFSHA1: key.MechSHA1, key.KDFSHA224: key.MechSHA224, key.KDFSHA256: key.MechSHA256,
	key.KDFSHA384: key.MechSHA384, key.KDFSHA512: key.MechSHA512, key.KDFSHA3224: key.MechSHA3224,
	key.KDFSHA3256: key.MechSHA3256, key.KDFSHA3384: key.MechSHA3384, key.KDFSHA3512: key.MechSHA3512,
}

func decodeNone(p mech.Params) error {
	if len(p) != 0 {
		return fault.MechanismParamInvalid.At("decode ecdsa parameter")
	}
	return nil
}

func decodeECDH(p mech.Params) (ecdhParams, error) {
	r := wire.NewReader(p)
	d := ecdhParams{kdf: key.KDF(r.U64()), shared: r.Bytes(), peer: r.Bytes()}
	if r.End() != nil {
		return ecdhParams{}, fault.MechanismParamInvalid.At("decode ecdh parameter")
	}
	if d.kdf == key.KDFNull {
		if len(d.shared) != 0 {
			return ecdhParams{}, fault.MechanismParamInvalid.At("shared data without a kdf")
		}
		return d, nil
	}
	h, ok := kdfHashes[d.kdf]
	if !ok {
		return ecdhParams{}, fault.MechanismParamInvalid.At("find kdf")
	}
	d.hash = h
	return d, nil
}
