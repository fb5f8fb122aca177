// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A: one known answer for each thing that is computed in its own way.
var selfTests = []mech.SelfTest{
	{Name: "RSASSA-PKCS1-v1_5 sign, SHA-256", Run: castSign},
	{Name: "RSA raw private operation", Run: castRaw},
	{Name: "RSASSA-PKCS1-v1_5 verify, SHA-256", Run: castVerify},
	{Name: "RSASSA-PSS verify, SHA-256", Run: castPSS},
	{Name: "RSAES-OAEP decrypt, SHA-256", Run: castOAEP},
}

func castSign(broken bool) error {
	k, digest, err := katKey()
	if err != nil {
		return err
	}
	sig, err := k.priv.signPKCS1(crypto.SHA256, digest)
	return compare(sig, err, katSignSig, broken)
}

// castRaw signs the same message by raw operation on the encoded message.
func castRaw(broken bool) error {
	k, _, err := katKey()
	if err != nil {
		return err
	}
	em, err := rawPublic(k.pub, mech.Hex(katSignSig))
	if err != nil {
		return err
	}
	sig, err := k.priv.raw(em)
	return compare(sig, err, katSignSig, broken)
}

func castVerify(broken bool) error {
	k, _, err := katKey()
	if err != nil {
		return err
	}
	begin, err := beginHashedVerify(key.MechSHA256RSAPKCS, k, nil)
	return verifyKAT(begin, err, katSignMsg, katSignSig, broken)
}

func castPSS(broken bool) error {
	k, err := parse(mech.Material{Type: key.TypeRSA, Public: mech.Hex(katPSSKey)}, false)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(mech.Hex(katPSSMsg))
	p := pssParams{hashID: key.MechSHA256, hash: crypto.SHA256, mgf: crypto.SHA256, salt: 32}
	// Both ways of checking: crypto/rsa's, and the one for parameters that it does not know.
	em, err := rawPublic(k.(*rsaKey).pub, mech.Hex(katPSSSig))
	if err != nil {
		return err
	}
	if broken {
		digest[0] ^= 1
	}
	if k.(*rsaKey).verifyPSS(p, digest[:], mech.Hex(katPSSSig)) != nil || !checkPSS(p, digest[:], em, k.Bits()-1) {
		return fault.SelfTestFailed.At("rsa known answer")
	}
	return nil
}

func castOAEP(broken bool) error {
	k, err := parse(mech.Material{Type: key.TypeRSA, Secret: mech.Hex(katOAEPKey)}, false)
	if err != nil {
		return err
	}
	m, err := k.(*rsaKey).decryptOAEP(oaepParams{hash: crypto.SHA256, mgf: crypto.SHA256}, mech.Hex(katOAEPCt))
	return compare(m, err, katOAEPMsg, broken)
}

func katKey() (k *rsaKey, digest []byte, err error) {
	parsed, err := parse(mech.Material{Type: key.TypeRSA, Secret: mech.Hex(katSignKey)}, false)
	if err != nil {
		return nil, nil, err
	}
	d := sha256.Sum256(mech.Hex(katSignMsg))
	return parsed.(*rsaKey), d[:], nil
}

func beginHashedVerify(id key.Mechanism, k *rsaKey, p mech.Params) (mech.Verifier, error) {
	for _, h := range hashed {
		if h.pkcs1 == id {
			_, verify := hashedPKCS1(h.hash)
			return verify(k, p)
		}
	}
	return nil, fault.MechanismInvalid.At("find rsa row")
}

func verifyKAT(v mech.Verifier, err error, msg, sig string, broken bool) error {
	if err != nil {
		return err
	}
	if _, err := v.Update(nil, mech.Hex(msg)); err != nil {
		return err
	}
	s := mech.Hex(sig)
	if broken {
		s[len(s)-1] ^= 1
	}
	if v.Verify(s) != nil {
		return fault.SelfTestFailed.At("rsa known answer")
	}
	return nil
}

func compare(got []byte, err error, want string, broken bool) error {
	if err != nil {
		return err
	}
	return mech.KnownAnswer(broken, got, mech.Hex(want))
}
