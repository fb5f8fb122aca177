// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/binary"
	"hash"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// plainPSS tells whether crypto/rsa can do these parameters: it masks with the message's own digest, and reads an empty
// salt as "choose one".
func (p pssParams) plainPSS() bool { return p.hash == p.mgf && p.salt > 0 }

// beginSignPSS signs a digest as it is (CKM_RSA_PKCS_PSS).
func beginSignPSS(k *rsaKey, p pssParams) (mech.Op, error) {
	return mech.Collect(p.hash.Size(), fault.DataLength, func(digest []byte) ([]byte, error) {
		return k.signPSS(p, digest)
	}), nil
}

func beginVerifyPSS(k mech.Key, raw mech.Params) (mech.Verifier, error) {
	r, err := own(k, false)
	if err != nil {
		return nil, err
	}
	p, err := decodePSS(raw)
	if err != nil {
		return nil, err
	}
	return mech.CollectVerify(p.hash.Size(), fault.DataLength, func(digest, sig []byte) error {
		return r.verifyPSS(p, digest, sig)
	}), nil
}

// hashedPSS is SHAx_RSA_PKCS_PSS, whose parameter must name the same digest again.
func hashedPSS(h key.Hash) (begin func(mech.Use, mech.Key, mech.Params) (mech.Op, error), verify func(mech.Key, mech.Params) (mech.Verifier, error)) {
	newHash, err := mech.NewHash(h)
	if err != nil {
		panic("rsa: digest without implementation in the table of rows")
	}
	decode := func(raw mech.Params) (pssParams, error) {
		p, err := decodePSS(raw)
		if err == nil && p.hashID != h {
			err = fault.MechanismParamInvalid.At("compare pss digest")
		}
		return p, err
	}
	begin = func(use mech.Use, k mech.Key, raw mech.Params) (mech.Op, error) {
		r, err := own(k, true)
		if err != nil {
			return nil, err
		}
		if use != mech.Sign {
			return nil, fault.MechanismInvalid.At("begin rsa operation")
		}
		p, err := decode(raw)
		if err != nil {
			return nil, err
		}
		return mech.HashSign(newHash(), func(digest []byte) ([]byte, error) { return r.signPSS(p, digest) }), nil
	}
	verify = func(k mech.Key, raw mech.Params) (mech.Verifier, error) {
		r, err := own(k, false)
		if err != nil {
			return nil, err
		}
		p, err := decode(raw)
		if err != nil {
			return nil, err
		}
		return mech.HashVerify(newHash(), func(digest, sig []byte) error { return r.verifyPSS(p, digest, sig) }), nil
	}
	return begin, verify
}

func (k *rsaKey) signPSS(p pssParams, digest []byte) ([]byte, error) {
	if len(digest) != p.hash.Size() {
		return nil, fault.DataLength.At("sign pss")
	}
	if p.plainPSS() {
		return answer(k.priv.signPSS(p.hash, digest, p.salt))
	}
	salt := make([]byte, p.salt)
	rand.Read(salt)
	em, err := encodePSS(p, digest, salt, k.pub.N.BitLen()-1)
	if err != nil {
		return nil, err
	}
	return k.priv.raw(leftPad(em, k.size()))
}

func (k *rsaKey) verifyPSS(p pssParams, digest, sig []byte) error {
	if len(digest) != p.hash.Size() {
		return fault.DataLength.At("verify pss")
	}
	if err := k.checkSignature(sig); err != nil {
		return err
	}
	if p.plainPSS() {
		return verdict(rsa.VerifyPSS(k.pub, p.hash, digest, sig, &rsa.PSSOptions{SaltLength: p.salt}))
	}
	em, err := rawPublic(k.pub, sig)
	if err != nil || !checkPSS(p, digest, em, k.pub.N.BitLen()-1) {
		return fault.SignatureInvalid.At("verify pss")
	}
	return nil
}

// encodePSS is EMSA-PSS-ENCODE (RFC 8017 section 9.1.1) for an encoded message of bits bits.
func encodePSS(p pssParams, digest, salt []byte, bits int) ([]byte, error) {
	size := (bits + 7) / 8
	hLen := p.hash.Size()
	if size < hLen+len(salt)+2 {
		return nil, fault.KeySize.At("encode pss")
	}
	em := make([]byte, size)
	db, h := em[:size-hLen-1], em[size-hLen-1:size-1]
	copy(h, saltedDigest(p.hash, digest, salt))
	db[len(db)-len(salt)-1] = 1
	copy(db[len(db)-len(salt):], salt)
	mask(db, p.mgf, h)
	db[0] &= 0xFF >> (8*size - bits)
	em[size-1] = 0xBC
	return em, nil
}

// checkPSS is EMSA-PSS-VERIFY (section 9.1.2). em is as long as the modulus, which may be a byte longer than the message.
func checkPSS(p pssParams, digest, em []byte, bits int) bool {
	size := (bits + 7) / 8
	if len(em) > size {
		if em[0] != 0 {
			return false
		}
		em = em[1:]
	}
	hLen := p.hash.Size()
	top := byte(0xFF >> (8*size - bits))
	if size < hLen+p.salt+2 || em[size-1] != 0xBC || em[0]&^top != 0 {
		return false
	}
	db, h := em[:size-hLen-1], em[size-hLen-1:size-1]
	mask(db, p.mgf, h)
	db[0] &= top
	padding, salt := db[:len(db)-p.salt], db[len(db)-p.salt:]
	for _, b := range padding[:len(padding)-1] {
		if b != 0 {
			return false
		}
	}
	return padding[len(padding)-1] == 1 && subtle.ConstantTimeCompare(h, saltedDigest(p.hash, digest, salt)) == 1
}

// saltedDigest is H of section 9.1.1 step 6: eight zero bytes, digest, salt.
func saltedDigest(id crypto.Hash, digest, salt []byte) []byte {
	h := id.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(salt)
	return h.Sum(nil)
}

// mask XORs MGF1(seed) into out (RFC 8017 appendix B.2.1).
func mask(out []byte, id crypto.Hash, seed []byte) {
	var h hash.Hash = id.New()
	for counter := uint32(0); len(out) > 0; counter++ {
		h.Reset()
		h.Write(seed)
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		block := h.Sum(nil)
		n := subtle.XORBytes(out, out, block[:min(len(block), len(out))])
		out = out[n:]
	}
}
