// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"encoding/binary"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// maxDerived bounds what one derivation yields; no key type takes more.
const maxDerived = 64 << 10

// derive is CKM_ECDH1_DERIVE for every key type that can agree on a secret, Montgomery keys included.
func derive(k mech.Key, raw mech.Params, n int) ([]byte, error) {
	dh, ok := k.(mech.DHKey)
	if !ok || !k.Private() {
		return nil, fault.KeyTypeMismatch.At("agree on a secret")
	}
	p, err := decodeECDH(raw)
	if err != nil {
		return nil, err
	}
	z, err := agree(dh, p.peer)
	if err != nil {
		return nil, err
	}
	defer clear(z)
	if p.hash == 0 {
		if n == 0 {
			n = len(z)
		}
		if n < 0 || n > len(z) {
			return nil, fault.KeySize.At("truncate shared secret")
		}
		return append([]byte(nil), z[len(z)-n:]...), nil // section 6.3.18: bytes go from the leading end
	}
	return x963(p, z, n)
}

// deriveCofactor is CKM_ECDH1_COFACTOR_DERIVE. The cofactor of every curve here is 1, so it is the same.
func deriveCofactor(k mech.Key, raw mech.Params, n int) ([]byte, error) {
	if _, err := own(k, true); err != nil {
		return nil, err
	}
	return derive(k, raw, n)
}

// agree takes the peer's point as it is, or inside a DER OCTET STRING, as CKA_EC_POINT carries it. Both begin with 04,
// so the octet string is tried first, and only if it spans the whole field exactly.
func agree(k mech.DHKey, peer []byte) ([]byte, error) {
	in := cryptobyte.String(peer)
	var inner cryptobyte.String
	if in.ReadASN1(&inner, asn1.OCTET_STRING) && in.Empty() {
		if z, err := k.DH(inner); err == nil {
			return z, nil
		}
	}
	return k.DH(peer)
}

// x963 is the KDF of ANSI X9.63 (SEC 1 section 3.6.1): Hash(Z || counter || shared data) for counters from 1.
func x963(p ecdhParams, z []byte, n int) ([]byte, error) {
	newHash, err := mech.NewHash(p.hash)
	if err != nil {
		return nil, err
	}
	h := newHash()
	if n == 0 {
		n = h.Size()
	}
	if n < 0 || n > maxDerived {
		return nil, fault.KeySize.At("derive from shared secret")
	}
	out := make([]byte, 0, n+h.Size())
	for counter := uint32(1); len(out) < n; counter++ {
		h.Reset()
		h.Write(z)
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		h.Write(p.shared)
		out = h.Sum(out)
	}
	h.Reset()
	clear(out[n:cap(out)])
	return out[:n], nil
}
