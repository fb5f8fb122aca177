// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"crypto/aes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// session is a salted authorization session: its key is known to this core and to the TPM that has the storage root key.
type session struct {
	number      uint32
	key         ssp.Bytes
	caller, tpm []byte // the newest nonces
}

// password stands for the session without a key, by which empty authorization values are given.
var password = &session{number: handlePassword}

// Types and attributes of sessions (Part 2, TPM_SE and TPMA_SESSION).
const (
	sessionHMAC   uint8 = 0
	sessionPolicy uint8 = 1

	attrContinue uint8 = 0x01
	attrDecrypt  uint8 = 0x20 // the TPM decrypts the first parameter of the command
	attrEncrypt  uint8 = 0x40 // and encrypts the first of its answer

	nonceLen = 32
)

// start begins a session (Part 1, clause 19.6).
func (t *talk) start(root *storageRoot, kind uint8) (*session, error) {
	s := &session{caller: make([]byte, nonceLen)}
	rand.Read(s.caller)
	salt, err := ssp.Alloc(sha256.Size)
	if err != nil {
		return nil, err
	}
	defer salt.Free()
	var encrypted []byte
	ssp.Do(func() { encrypted, err = root.encryptSalt(salt) })
	if err != nil {
		return nil, err
	}
	c := command{code: ccStartAuthSession, handles: []handle{{number: root.handle}, {number: handleNull}}, answers: true, fill: func(w *writer) {
		w.b16(s.caller)
		w.b16(encrypted)
		w.u8(kind)
		w.u16(algAES)
		w.u16(128)
		w.u16(algCFB)
		w.u16(algSHA256)
	}}
	if s.number, err = t.run(c, nil, 0, func(r *reader) { s.tpm = r.copy16() }); err != nil {
		return nil, err
	}
	if len(s.tpm) < 16 {
		return nil, altered("start a session")
	}
	if s.key, err = ssp.Alloc(sha256.Size); err != nil {
		return nil, err
	}
	t.sessions = append(t.sessions, s)
	ssp.Do(func() {
		salt.Use(access.Token{}, func(p []byte) {
			s.key.Use(access.Token{}, func(k []byte) { copy(k, kdfa(p, "ATH", s.tpm, s.caller)) })
		})
	})
	return s, nil
}

// encryptSalt draws a salt that only the holder of the storage root key learns (Part 1, annex C.6.1). Called inside ssp.Do.
func (root *storageRoot) encryptSalt(salt ssp.Bytes) ([]byte, error) {
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fault.Internal.At("draw a key for the TPM's session")
	}
	z, err := own.ECDH(root.public)
	if err != nil {
		return nil, altered("agree with the TPM on a key")
	}
	point := own.PublicKey().Bytes()[1:] // x and y, after the byte that says so
	ours, theirs := point[:32], root.public.Bytes()[1:33]
	salt.Use(access.Token{}, func(p []byte) { copy(p, kdfe(z, "SECRET", ours, theirs)) })
	clear(z)
	var w writer
	w.b16(ours)
	w.b16(point[32:])
	return w.b, nil
}

// authorize writes this session's part of a command, having encrypted its first parameter where that is asked for. Called inside
// ssp.Do.
func (s *session) authorize(w *writer, c *command, params []byte, attributes uint8) error {
	if s == password {
		w.u32(handlePassword)
		w.b16(nil)
		w.u8(attrContinue)
		w.b16(nil)
		return nil
	}
	attributes |= attrContinue
	rand.Read(s.caller)
	var tag []byte
	var err error
	s.key.Use(access.Token{}, func(k []byte) {
		if attributes&attrDecrypt != 0 {
			r := reader{b: params}
			err = cfb(kdfa(k, "CFB", s.caller, s.tpm), r.b16(), true)
		}
		var code writer
		code.u32(c.code)
		parts := [][]byte{code.b}
		for _, h := range c.handles {
			parts = append(parts, h.name)
		}
		tag = mac(k, digest(append(parts, params)...), s.caller, s.tpm, []byte{attributes})
	})
	w.u32(s.number)
	w.b16(s.caller)
	w.u8(attributes)
	w.b16(tag)
	return err
}

// verify reads this session's part of an answer, checks it, and decrypts the first parameter where that was asked for. Called
// inside ssp.Do.
func (s *session) verify(r *reader, c *command, params []byte, attributes uint8) (err error) {
	nonce, flags, tag := r.copy16(), r.u8(), r.b16()
	if r.end() != nil {
		return altered("read the TPM's answer")
	}
	if s == password {
		return nil
	}
	if len(nonce) < 16 {
		return altered("read the TPM's answer")
	}
	s.tpm = nonce
	var code writer
	code.u32(0)
	code.u32(c.code)
	s.key.Use(access.Token{}, func(k []byte) {
		if !hmac.Equal(tag, mac(k, digest(code.b, params), s.tpm, s.caller, []byte{flags})) {
			err = altered("check the TPM's answer")
			return
		}
		if attributes&attrEncrypt != 0 {
			first := reader{b: params}
			err = cfb(kdfa(k, "CFB", s.tpm, s.caller), first.b16(), false)
		}
	})
	return err
}

// kdfa is KDFa with SHA-256 for 256 bits (Part 1, clause 11.4.10.2): one round of SP 800-108 in counter mode.
func kdfa(key []byte, label string, u, v []byte) []byte {
	return mac(key, []byte{0, 0, 0, 1}, []byte(label), []byte{0}, u, v, []byte{0, 0, 1, 0})
}

// kdfe is KDFe with SHA-256 for 256 bits (Part 1, clause 11.4.10.3): one round of SP 800-56A.
func kdfe(z []byte, label string, u, v []byte) []byte {
	return digest([]byte{0, 0, 0, 1}, z, []byte(label), []byte{0}, u, v)
}

// cfb is AES-128 in CFB mode, in place. The first half of what kdfa made is the key, the second the first vector.
func cfb(made, data []byte, encrypt bool) error {
	defer clear(made)
	block, err := aes.NewCipher(made[:16])
	if err != nil {
		return fault.Internal.At("encrypt for the TPM")
	}
	vector := made[16:32]
	var pad [aes.BlockSize]byte
	defer clear(pad[:])
	for len(data) > 0 {
		block.Encrypt(pad[:], vector)
		n := min(len(data), aes.BlockSize)
		if !encrypt {
			copy(vector, data[:n])
		}
		for i := range n {
			data[i] ^= pad[i]
		}
		if encrypt {
			copy(vector, data[:n])
		}
		data = data[n:]
	}
	return nil
}
