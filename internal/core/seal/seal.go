// SPDX-License-Identifier: Apache-2.0

// Package seal makes and opens everything that rests outside the core: records, partition keys, the root key and its
// custodians' shares, and the ledger that shows a record was set back. docs/design/records.md is its contract.
//
//	rec, err := seal.Record(partKey, domain, "r/<partition>/o/<object>", 1, plain)
//	plain, version, err := seal.Open(partKey, domain, path, rec)
//	err = ledger.Check(object, version)
//
// Functions that take an ssp.Bytes and give or take plaintext are called inside ssp.Do. The Ledger enters it by itself
// where it must, since its map is large, long-lived and no secret.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

const (
	suite   = 1 // HKDF-SHA-256 and AES-256-GCM; the one suite there is
	keyLen  = 32
	saltLen = 32
	tagLen  = 16
)

// nonce is zero: every sealing has a key of its own, from a fresh 32-byte salt, so none is used twice.
var nonce [12]byte

// NewKey draws a root key, a partition key or a keeper's secret.
func NewKey() (ssp.Bytes, error) {
	k, err := ssp.Alloc(keyLen)
	if err == nil {
		useKey(k, func(p []byte) { rand.Read(p) })
	}
	return k, err
}

// useKey is the one place where this package looks at secret bytes.
func useKey(k ssp.Bytes, f func(p []byte)) { k.Use(access.Token{}, f) }

// aeadFor derives the key of one sealing.
func aeadFor(k ssp.Bytes, salt []byte, info string) (aead cipher.AEAD, err error) {
	useKey(k, func(p []byte) {
		var derived []byte
		if derived, err = hkdf.Key(sha256.New, p, salt, info, keyLen); err != nil {
			return
		}
		defer clear(derived)
		var block cipher.Block
		if block, err = aes.NewCipher(derived); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	})
	if err != nil {
		return nil, fault.Internal.At("derive sealing key")
	}
	return aead, nil
}

// appendSealed appends salt, ciphertext and tag to head.
func appendSealed(head []byte, k ssp.Bytes, info string, aad, plain []byte) ([]byte, error) {
	out := make([]byte, len(head)+saltLen, len(head)+saltLen+len(plain)+tagLen)
	copy(out, head)
	salt := out[len(head):]
	rand.Read(salt)
	aead, err := aeadFor(k, salt, info)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, nonce[:], plain, aad), nil
}

// openSealed opens what appendSealed put after head; refused is the code for anything that is not authentic.
func openSealed(body []byte, k ssp.Bytes, info string, aad []byte, refused fault.Code, step string) ([]byte, error) {
	if len(body) < saltLen+tagLen {
		return nil, refused.At(step)
	}
	aead, err := aeadFor(k, body[:saltLen], info)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce[:], body[saltLen:], aad)
	if err != nil {
		return nil, refused.At(step)
	}
	return plain, nil
}

// Box seals what is no record, such as a login ticket, under a key derived from k for this label. Labels begin with
// "genbu " and end in a version.
func Box(k ssp.Bytes, label string, aad, plain []byte) ([]byte, error) {
	return appendSealed(nil, k, label, aad, plain)
}

// MAC answers HMAC-SHA-256 of text under a key derived from k for this label. Called inside ssp.Do.
func MAC(k ssp.Bytes, label string, text []byte) (mac []byte, err error) {
	useKey(k, func(p []byte) {
		var derived []byte
		if derived, err = hkdf.Key(sha256.New, p, nil, label, keyLen); err != nil {
			return
		}
		defer clear(derived)
		h := hmac.New(sha256.New, derived)
		h.Write(text)
		mac = h.Sum(nil)
	})
	if err != nil {
		return nil, fault.Internal.At("derive mac key")
	}
	return mac, nil
}

// Derive answers a key derived from k for this label and salt, in secret memory. Called inside ssp.Do.
func Derive(k ssp.Bytes, salt []byte, label string) (derived ssp.Bytes, err error) {
	useKey(k, func(p []byte) {
		var b []byte
		if b, err = hkdf.Key(sha256.New, p, salt, label, keyLen); err == nil {
			derived, err = hold(b)
		}
	})
	if err != nil {
		return derived, fault.Internal.At("derive key")
	}
	return derived, nil
}

// OpenBox opens what Box made; refused is the code for anything else.
func OpenBox(k ssp.Bytes, label string, aad, box []byte, refused fault.Code) ([]byte, error) {
	return openSealed(box, k, label, aad, refused, "open box")
}

// Digest is a MAC over a record's plaintext and path under a key derived from the root: two clones of a domain can be compared by
// it, and nobody learns what it is of. Called inside ssp.Do.
func Digest(root ssp.Bytes, path string, plain []byte) (digest [32]byte, err error) {
	useKey(root, func(p []byte) {
		var derived []byte
		if derived, err = hkdf.Key(sha256.New, p, nil, "genbu record digest 1", keyLen); err != nil {
			err = fault.Internal.At("derive digest key")
			return
		}
		defer clear(derived)
		h := hmac.New(sha256.New, derived)
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(path))))
		h.Write([]byte(path))
		h.Write(plain)
		h.Sum(digest[:0])
	})
	return digest, err
}
