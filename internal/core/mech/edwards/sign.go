// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"

	"github.com/cloudflare/circl/sign/ed448"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// EdDSA reads a message twice, so multi-part input is gathered; Ed25519ph alone hashes as it comes.

func begin(use mech.Use, k mech.Key, raw mech.Params) (mech.Op, error) {
	e, p, err := open(k, raw)
	if err != nil {
		return nil, err
	}
	if !e.Private() {
		return nil, fault.KeyTypeMismatch.At("use edwards private key")
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin eddsa operation")
	}
	if p.prehash && e.c == edwards25519 {
		return mech.HashSign(sha512.New(), func(digest []byte) ([]byte, error) { return e.signDigest(p, digest) }), nil
	}
	return mech.Collect(mech.MaxCollected, fault.DataLength, func(msg []byte) ([]byte, error) { return e.sign(p, msg) }), nil
}

func beginVerify(k mech.Key, raw mech.Params) (mech.Verifier, error) {
	e, p, err := open(k, raw)
	if err != nil {
		return nil, err
	}
	if p.prehash && e.c == edwards25519 {
		return mech.HashVerify(sha512.New(), func(digest, sig []byte) error { return e.verifyDigest(p, digest, sig) }), nil
	}
	return mech.CollectVerify(mech.MaxCollected, fault.DataLength, func(msg, sig []byte) error { return e.verify(p, msg, sig) }), nil
}

func open(k mech.Key, raw mech.Params) (*edwardsKey, eddsaParams, error) {
	e, ok := k.(*edwardsKey)
	if !ok {
		return nil, eddsaParams{}, fault.KeyTypeMismatch.At("use edwards key")
	}
	p, err := decode(raw)
	return e, p, err
}

func (k *edwardsKey) sign(p eddsaParams, msg []byte) ([]byte, error) {
	if k.c == edwards448 {
		if p.prehash {
			return ed448.SignPh(k.secret, msg, p.context), nil
		}
		return ed448.Sign(k.secret, msg, p.context), nil
	}
	return answer(ed25519.PrivateKey(k.secret).Sign(nil, msg, &ed25519.Options{Context: p.context}))
}

// signDigest is Ed25519ph over SHA-512.
func (k *edwardsKey) signDigest(p eddsaParams, digest []byte) ([]byte, error) {
	return answer(ed25519.PrivateKey(k.secret).Sign(nil, digest, &ed25519.Options{Hash: crypto.SHA512, Context: p.context}))
}

func (k *edwardsKey) verify(p eddsaParams, msg, sig []byte) error {
	if len(sig) != 2*k.c.size {
		return fault.SignatureLength.At("verify eddsa")
	}
	var good bool
	switch {
	case k.c == edwards25519:
		good = ed25519.VerifyWithOptions(k.public, msg, sig, &ed25519.Options{Context: p.context}) == nil
	case p.prehash:
		good = ed448.VerifyPh(k.public, msg, sig, p.context)
	default:
		good = ed448.Verify(k.public, msg, sig, p.context)
	}
	return verdict(good)
}

func (k *edwardsKey) verifyDigest(p eddsaParams, digest, sig []byte) error {
	if len(sig) != 2*k.c.size {
		return fault.SignatureLength.At("verify eddsa")
	}
	o := &ed25519.Options{Hash: crypto.SHA512, Context: p.context}
	return verdict(ed25519.VerifyWithOptions(k.public, digest, sig, o) == nil)
}

func answer(sig []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, fault.Internal.At("sign eddsa")
	}
	return sig, nil
}

func verdict(good bool) error {
	if !good {
		return fault.SignatureInvalid.At("verify eddsa")
	}
	return nil
}

func signLen(k mech.Key, _ mech.Params) int {
	if e, ok := k.(*edwardsKey); ok {
		return 2 * e.c.size
	}
	return 0
}
