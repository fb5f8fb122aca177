// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The functions below make mechanism parameters: the fields of the standard's structs in order (docs/spec/mechanisms.md).

// IV is a mechanism whose parameter is plain bytes: CBC, key wrap, GMAC.
func IV(id key.Mechanism, iv []byte) Mechanism {
	return with(id, func(w *wire.Writer) { w.Bytes(iv) })
}

// Length is a mechanism whose parameter is one number: the _GENERAL MACs.
func Length(id key.Mechanism, n uint64) Mechanism {
	return with(id, func(w *wire.Writer) { w.U64(n) })
}

// OAEP is CKM_RSA_PKCS_OAEP.
func OAEP(hash key.Hash, mgf key.MGF, label []byte) Mechanism {
	return with(key.MechRSAOAEP, func(w *wire.Writer) { putOAEP(w, hash, mgf, label) })
}

func putOAEP(w *wire.Writer, hash key.Hash, mgf key.MGF, label []byte) {
	w.U64(uint64(hash))
	w.U64(uint64(mgf))
	source := uint64(0)
	if len(label) > 0 {
		source = 1 // CKZ_DATA_SPECIFIED
	}
	w.U64(source)
	w.Bytes(label)
}

// PSS is CKM_RSA_PKCS_PSS or one of its hashing kin.
func PSS(id key.Mechanism, hash key.Hash, mgf key.MGF, salt uint64) Mechanism {
	return with(id, func(w *wire.Writer) {
		w.U64(uint64(hash))
		w.U64(uint64(mgf))
		w.U64(salt)
	})
}

// CTR is CKM_AES_CTR.
func CTR(bits uint64, block []byte) Mechanism {
	return with(key.MechAESCTR, func(w *wire.Writer) {
		w.U64(bits)
		w.Bytes(block)
	})
}

// GCM is CKM_AES_GCM.
func GCM(iv, aad []byte, tagBits uint64) Mechanism {
	return with(key.MechAESGCM, func(w *wire.Writer) {
		w.Bytes(iv)
		w.U64(uint64(len(iv)) * 8)
		w.Bytes(aad)
		w.U64(tagBits)
	})
}

// CCM is CKM_AES_CCM.
func CCM(length uint64, nonce, aad []byte, mac uint64) Mechanism {
	return with(key.MechAESCCM, func(w *wire.Writer) {
		w.U64(length)
		w.Bytes(nonce)
		w.Bytes(aad)
		w.U64(mac)
	})
}

// ChaCha is CKM_CHACHA20_POLY1305.
func ChaCha(nonce, aad []byte) Mechanism {
	return with(key.MechChaCha20Poly1305, func(w *wire.Writer) {
		w.Bytes(nonce)
		w.Bytes(aad)
	})
}

// ECDH is CKM_ECDH1_DERIVE or CKM_ECDH1_COFACTOR_DERIVE.
func ECDH(id key.Mechanism, kdf key.KDF, shared, public []byte) Mechanism {
	return with(id, func(w *wire.Writer) {
		w.U64(uint64(kdf))
		w.Bytes(shared)
		w.Bytes(public)
	})
}

// RSAAES is CKM_RSA_AES_KEY_WRAP.
func RSAAES(bits uint64, hash key.Hash, mgf key.MGF, label []byte) Mechanism {
	return with(key.MechRSAAESKeyWrap, func(w *wire.Writer) {
		w.U64(bits)
		putOAEP(w, hash, mgf, label)
	})
}

// HKDF is CKM_HKDF_DERIVE or CKM_HKDF_DATA, with a salt given as bytes; nil for none.
func HKDF(id key.Mechanism, extract, expand bool, hash key.Hash, salt, info []byte) Mechanism {
	return with(id, func(w *wire.Writer) {
		w.U64(bit(extract))
		w.U64(bit(expand))
		w.U64(uint64(hash))
		w.U64(1 + bit(salt != nil)) // CKF_HKDF_SALT_NULL, CKF_HKDF_SALT_DATA
		w.Bytes(salt)
		w.U64(0)
		w.Bytes(info)
	})
}

// EDDSA is CKM_EDDSA with a parameter; Mech(key.MechEDDSA) is the one without.
func EDDSA(prehash bool, context []byte) Mechanism {
	return with(key.MechEDDSA, func(w *wire.Writer) {
		w.U64(1)
		w.U64(bit(prehash))
		w.Bytes(context)
	})
}

// SignContext is CKM_ML_DSA or CKM_SLH_DSA with a parameter.
func SignContext(id key.Mechanism, hedge uint64, context []byte) Mechanism {
	return with(id, func(w *wire.Writer) {
		w.U64(1)
		w.U64(hedge)
		w.Bytes(context)
	})
}

// GCMMessage is CKM_AES_GCM for SealMessage and OpenMessage: generator 0 takes iv as it is, else fixed bits of it stand
// and the core makes the rest.
func GCMMessage(iv []byte, fixed, generator, tagBits uint64) Mechanism {
	return with(key.MechAESGCM, func(w *wire.Writer) {
		w.Bytes(iv)
		w.U64(fixed)
		w.U64(generator)
		w.U64(tagBits)
	})
}

// ChaChaMessage is CKM_CHACHA20_POLY1305 for SealMessage and OpenMessage.
func ChaChaMessage(nonce []byte) Mechanism { return IV(key.MechChaCha20Poly1305, nonce) }

func with(id key.Mechanism, put func(w *wire.Writer)) Mechanism {
	var w wire.Writer
	put(&w)
	return Mechanism{id, w.B}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// KBKDFData is one piece of what SP800-108 feeds to its PRF (CK_PRF_DATA_PARAM).
type KBKDFData struct {
	Type  uint64
	Value []byte
}

// Types of KBKDFData.
const (
	KBKDFIteration uint64 = 1 // CK_SP800_108_ITERATION_VARIABLE; KBKDFCounter makes the value
	KBKDFLength    uint64 = 3 // CK_SP800_108_DKM_LENGTH
	KBKDFBytes     uint64 = 4 // CK_SP800_108_BYTE_ARRAY
)

// KBKDFCounter is CK_SP800_108_COUNTER_FORMAT, big-endian, of so many bits.
func KBKDFCounter(bits uint64) []byte {
	var w wire.Writer
	w.U64(0)
	w.U64(bits)
	return w.B
}

// KBKDF is CKM_SP800_108_COUNTER_KDF; further are the templates of keys to be made beside the one of the call.
func KBKDF(prf key.Mechanism, data []KBKDFData, further ...Template) Mechanism {
	return with(key.MechSP800108Counter, func(w *wire.Writer) {
		w.U64(uint64(prf))
		w.U64(uint64(len(data)))
		for _, d := range data {
			w.U64(d.Type)
			w.Bytes(d.Value)
		}
		w.U64(uint64(len(further)))
		for _, t := range further {
			t.put(w)
		}
	})
}
