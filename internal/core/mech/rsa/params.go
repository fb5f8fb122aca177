// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// sourceSpecified is CKZ_DATA_SPECIFIED: the label of OAEP stands in the parameter.
const sourceSpecified = 1

type oaepParams struct {
	hash, mgf crypto.Hash
	label     []byte
}

// pssParams is decoded from CK_RSA_PKCS_PSS_PARAMS.
type pssParams struct {
	hashID    key.Hash
	hash, mgf crypto.Hash
	salt      int
}

// wrapParams is decoded from CK_RSA_AES_KEY_WRAP_PARAMS.
type wrapParams struct {
	keyLen int // bytes of the ephemeral AES key
	oaep   oaepParams
}

func decodeNone(p mech.Params) error {
	if len(p) != 0 {
		return fault.MechanismParamInvalid.At("decode rsa parameter")
	}
	return nil
}

func decodeOAEP(p mech.Params) (oaepParams, error) {
	r := wire.NewReader(p)
	o, err := readOAEP(&r)
	if err == nil && r.End() != nil {
		err = fault.MechanismParamInvalid.At("decode oaep parameter")
	}
	return o, err
}

func readOAEP(r *wire.Reader) (oaepParams, error) {
	hash, mgf, source, label := key.Hash(r.U64()), key.MGF(r.U64()), r.U64(), r.Bytes()
	if r.Err() != nil {
		return oaepParams{}, fault.MechanismParamInvalid.At("decode oaep parameter")
	}
	// Some programs leave source 0 when there is no label; the standard wants 1 even then.
	if source != sourceSpecified && !(source == 0 && len(label) == 0) {
		return oaepParams{}, fault.MechanismParamInvalid.At("decode oaep source")
	}
	h, g, err := hashes(hash, mgf)
	return oaepParams{hash: h, mgf: g, label: label}, err
}

func decodePSS(p mech.Params) (pssParams, error) {
	r := wire.NewReader(p)
	hash, mgf, salt := key.Hash(r.U64()), key.MGF(r.U64()), r.U64()
	if r.End() != nil || salt > maxBits/8 {
		return pssParams{}, fault.MechanismParamInvalid.At("decode pss parameter")
	}
	h, g, err := hashes(hash, mgf)
	return pssParams{hashID: hash, hash: h, mgf: g, salt: int(salt)}, err
}

func decodeWrap(p mech.Params) (wrapParams, error) {
	r := wire.NewReader(p)
	bits := r.U64()
	oaep, err := readOAEP(&r)
	if err != nil {
		return wrapParams{}, err
	}
	if r.End() != nil || (bits != 128 && bits != 192 && bits != 256) {
		return wrapParams{}, fault.MechanismParamInvalid.At("decode rsa-aes parameter")
	}
	return wrapParams{keyLen: int(bits / 8), oaep: oaep}, nil
}

// hashes finds the digest and the digest inside MGF1.
func hashes(hash key.Hash, mgf key.MGF) (h, g crypto.Hash, err error) {
	if h, err = mech.CryptoHash(hash); err != nil {
		return 0, 0, err
	}
	inner, err := mech.MGFHash(mgf)
	if err != nil {
		return 0, 0, err
	}
	g, err = mech.CryptoHash(inner)
	return h, g, err
}
