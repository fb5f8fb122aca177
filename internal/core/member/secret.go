// SPDX-License-Identifier: Apache-2.0

package member

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Plaintexts of the records that hold private keys. All of this is called inside ssp.Do.

// EncodeCA is the plaintext of r/<domain>/i.
func EncodeCA(k *SigningKey, der []byte) []byte {
	var w wire.Writer
	w.U8(recordVersion)
	putSecret(&w, k.scalar)
	w.Bytes(der)
	return w.B
}

// DecodeCA reads what EncodeCA wrote.
func DecodeCA(b []byte) (*SigningKey, []byte, error) {
	r := wire.NewReader(b)
	ok := r.U8() == recordVersion
	scalar, der := r.Raw(keyLen), bytes(&r)
	if r.End() != nil || !ok {
		return nil, nil, fault.RecordInvalid.At("read the domain's ca")
	}
	k, err := signingKey(scalar)
	return k, der, err
}

// EncodeIdentity is the plaintext of r/<domain>/k/<node>.
func EncodeIdentity(k *SigningKey, e *KEMKey) []byte {
	var w wire.Writer
	w.U8(recordVersion)
	putSecret(&w, k.scalar)
	putSecret(&w, e.seed)
	return w.B
}

// DecodeIdentity reads what EncodeIdentity wrote.
func DecodeIdentity(b []byte) (*SigningKey, *KEMKey, error) {
	r := wire.NewReader(b)
	ok := r.U8() == recordVersion
	scalar, seed := r.Raw(keyLen), r.Raw(keyLen)
	if r.End() != nil || !ok {
		return nil, nil, fault.RecordInvalid.At("read identity")
	}
	k, err := signingKey(scalar)
	if err != nil {
		return nil, nil, err
	}
	e, err := kemKey(seed)
	if err != nil {
		k.Free()
		return nil, nil, err
	}
	return k, e, nil
}

func putSecret(w *wire.Writer, k ssp.Bytes) { k.Use(access.Token{}, func(p []byte) { w.Raw(p) }) }
