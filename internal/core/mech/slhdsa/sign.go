// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"crypto/rand"

	"github.com/cloudflare/circl/sign/slhdsa"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func own(k mech.Key, private bool) (*slhKey, error) {
	s, ok := k.(*slhKey)
	if !ok || private && !s.Private() {
		return nil, fault.KeyTypeMismatch.At("use slh-dsa key")
	}
	return s, nil
}

func open(use mech.Use, key mech.Key, raw mech.Params) (*slhKey, mech.SignContext, error) {
	k, err := own(key, use == mech.Sign)
	if err != nil {
		return nil, mech.SignContext{}, err
	}
	if use != mech.Sign && use != mech.Verify {
		return nil, mech.SignContext{}, fault.MechanismInvalid.At("begin slh-dsa operation")
	}
	c, err := mech.DecodeSignContext(raw)
	return k, c, err
}

// A message is read several times, so multi-part input is gathered.

func begin(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	if use == mech.Verify {
		return nil, fault.MechanismInvalid.At("begin slh-dsa operation")
	}
	k, c, err := open(use, key, raw)
	if err != nil {
		return nil, err
	}
	return mech.Collect(mech.MaxCollected, fault.DataLength, func(msg []byte) ([]byte, error) {
		return k.sign(c, slhdsa.NewMessage(msg))
	}), nil
}

func beginVerify(key mech.Key, raw mech.Params) (mech.Verifier, error) {
	k, c, err := open(mech.Verify, key, raw)
	if err != nil {
		return nil, err
	}
	return mech.CollectVerify(mech.MaxCollected, fault.DataLength, func(msg, sig []byte) error {
		return k.verify(c, slhdsa.NewMessage(msg), sig)
	}), nil
}

// hashedOp is HashSLH-DSA: the message is hashed as it comes.
type hashedOp struct {
	k *slhKey
	c mech.SignContext
	h *slhdsa.PreHash
}

func (p prehash) open(use mech.Use, key mech.Key, raw mech.Params) (*hashedOp, error) {
	k, c, err := open(use, key, raw)
	if err != nil {
		return nil, err
	}
	h, err := p.new()
	if err != nil {
		return nil, fault.Internal.At("begin prehash")
	}
	return &hashedOp{k, c, h}, nil
}

func (p prehash) begin(use mech.Use, key mech.Key, raw mech.Params) (mech.Op, error) {
	if use == mech.Verify {
		return nil, fault.MechanismInvalid.At("begin slh-dsa operation")
	}
	return p.open(use, key, raw)
}

func (p prehash) beginVerify(key mech.Key, raw mech.Params) (mech.Verifier, error) {
	return p.open(mech.Verify, key, raw)
}

func (o *hashedOp) Update(dst, in []byte) ([]byte, error) {
	if _, err := o.h.Write(in); err != nil {
		return dst, fault.Internal.At("hash message")
	}
	return dst, nil
}

func (o *hashedOp) Final(dst []byte) ([]byte, error) {
	msg, err := o.h.BuildMessage()
	if err != nil {
		return dst, fault.Internal.At("hash message")
	}
	sig, err := o.k.sign(o.c, msg)
	if err != nil {
		return dst, err
	}
	return append(dst, sig...), nil
}

func (o *hashedOp) Verify(sig []byte) error {
	msg, err := o.h.BuildMessage()
	if err != nil {
		return fault.Internal.At("hash message")
	}
	return o.k.verify(o.c, msg, sig)
}

func (k *slhKey) sign(c mech.SignContext, msg *slhdsa.Message) (sig []byte, err error) {
	if c.Deterministic {
		sig, err = slhdsa.SignDeterministic(k.private, msg, c.Context)
	} else {
		sig, err = slhdsa.SignRandomized(k.private, rand.Reader, msg, c.Context)
	}
	if err != nil {
		return nil, fault.Internal.At("sign slh-dsa")
	}
	return sig, nil
}

func (k *slhKey) verify(c mech.SignContext, msg *slhdsa.Message, sig []byte) error {
	if len(sig) != k.set.sigSize {
		return fault.SignatureLength.At("verify slh-dsa")
	}
	if !slhdsa.Verify(&k.public, msg, sig, c.Context) {
		return fault.SignatureInvalid.At("verify slh-dsa")
	}
	return nil
}

func signLen(k mech.Key, _ mech.Params) int {
	if s, ok := k.(*slhKey); ok {
		return s.set.sigSize
	}
	return 0
}
