// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"crypto"

	"filippo.io/mldsa"
	"filippo.io/mldsa/mldsacrypto"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func own(k mech.Key, private bool) (*dsaKey, error) {
	d, ok := k.(*dsaKey)
	if !ok || private && !d.Private() {
		return nil, fault.KeyTypeMismatch.At("use ml-dsa key")
	}
	return d, nil
}

func begin(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin ml-dsa operation")
	}
	c, err := mech.DecodeSignContext(raw)
	if err != nil {
		return nil, err
	}
	return mech.Collect(mech.MaxCollected, fault.DataLength, func(msg []byte) ([]byte, error) { return k.sign(c, msg) }), nil
}

func beginVerify(key mech.Key, raw mech.Params) (mech.Verifier, error) {
	k, err := own(key, false)
	if err != nil {
		return nil, err
	}
	c, err := mech.DecodeSignContext(raw)
	if err != nil {
		return nil, err
	}
	return mech.CollectVerify(mech.MaxCollected, fault.DataLength, func(msg, sig []byte) error { return k.verify(c, msg, sig) }), nil
}

// beginDigest is CKM_HASH_ML_DSA, which takes the digest as it is.
func beginDigest(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	k, p, c, err := openDigest(key, raw, true)
	if err != nil {
		return nil, err
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin ml-dsa operation")
	}
	return mech.Collect(p.size, fault.DataLength, func(digest []byte) ([]byte, error) { return k.signDigest(p, c, digest) }), nil
}

func beginVerifyDigest(key mech.Key, raw mech.Params) (mech.Verifier, error) {
	k, p, c, err := openDigest(key, raw, false)
	if err != nil {
		return nil, err
	}
	return mech.CollectVerify(p.size, fault.DataLength, func(digest, sig []byte) error { return k.verifyDigest(p, c, digest, sig) }), nil
}

func openDigest(key mech.Key, raw mech.Params, private bool) (*dsaKey, prehash, mech.SignContext, error) {
	k, err := own(key, private)
	if err != nil {
		return nil, prehash{}, mech.SignContext{}, err
	}
	c, err := mech.DecodeHashContext(raw)
	if err != nil {
		return nil, prehash{}, c, err
	}
	p, err := findPrehash(c.Hash)
	return k, p, c, err
}

// begin is CKM_HASH_ML_DSA_x, which hashes the message itself.
func (p prehash) begin(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	k, err := own(key, true)
	if err != nil {
		return nil, err
	}
	if use != mech.Sign {
		return nil, fault.MechanismInvalid.At("begin ml-dsa operation")
	}
	c, err := mech.DecodeSignContext(raw)
	if err != nil {
		return nil, err
	}
	return mech.HashSign(p.new(), func(digest []byte) ([]byte, error) { return k.signDigest(p, c, digest) }), nil
}

func (p prehash) beginVerify(key mech.Key, raw mech.Params) (mech.Verifier, error) {
	k, err := own(key, false)
	if err != nil {
		return nil, err
	}
	c, err := mech.DecodeSignContext(raw)
	if err != nil {
		return nil, err
	}
	return mech.HashVerify(p.new(), func(digest, sig []byte) error { return k.verifyDigest(p, c, digest, sig) }), nil
}

func (k *dsaKey) sign(c mech.SignContext, msg []byte) ([]byte, error) {
	if k.expanded != nil {
		return answer(k.expanded.sign(msg, c.Context, !c.Deterministic))
	}
	return answer(k.signSeeded(c.Deterministic, msg, &mldsa.Options{Context: string(c.Context)}))
}

func (k *dsaKey) signDigest(p prehash, c mech.SignContext, digest []byte) ([]byte, error) {
	if len(digest) != p.size {
		return nil, fault.DataLength.At("sign ml-dsa digest")
	}
	if k.expanded != nil { // circl signs whole messages only
		return nil, fault.Unsupported.At("sign ml-dsa digest with a key without seed")
	}
	return answer(k.signSeeded(c.Deterministic, k.representative(p.message(c.Context, digest)), external{}))
}

func (k *dsaKey) signSeeded(deterministic bool, msg []byte, o crypto.SignerOpts) ([]byte, error) {
	if deterministic {
		return k.seeded.SignDeterministic(msg, o)
	}
	return k.seeded.Sign(nil, msg, o)
}

// external tells the library that the message is a representative (external mu).
type external struct{}

func (external) HashFunc() crypto.Hash { return mldsacrypto.MLDSAMu }

func (k *dsaKey) verify(c mech.SignContext, msg, sig []byte) error {
	if len(sig) != k.set.params.SignatureSize() {
		return fault.SignatureLength.At("verify ml-dsa")
	}
	return verdict(mldsa.Verify(k.public, msg, sig, &mldsa.Options{Context: string(c.Context)}) == nil)
}

func (k *dsaKey) verifyDigest(p prehash, c mech.SignContext, digest, sig []byte) error {
	if len(digest) != p.size {
		return fault.DataLength.At("verify ml-dsa digest")
	}
	if len(sig) != k.set.params.SignatureSize() {
		return fault.SignatureLength.At("verify ml-dsa")
	}
	return verdict(k.set.verify(k.public.Bytes(), k.representative(p.message(c.Context, digest)), sig))
}

func answer(sig []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, fault.Internal.At("sign ml-dsa")
	}
	return sig, nil
}

func verdict(good bool) error {
	if !good {
		return fault.SignatureInvalid.At("verify ml-dsa")
	}
	return nil
}

func signLen(k mech.Key, _ mech.Params) int {
	if d, ok := k.(*dsaKey); ok {
		return d.set.params.SignatureSize()
	}
	return 0
}
