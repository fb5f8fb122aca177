// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// SignContext is what ML-DSA and SLH-DSA take beside the message: CK_SIGN_ADDITIONAL_CONTEXT, and with Hash
// CK_HASH_SIGN_ADDITIONAL_CONTEXT. Both algorithms sign hedged unless told not to.
type SignContext struct {
	Deterministic bool
	Context       []byte // at most 255 bytes (FIPS 204 section 5.2, FIPS 205 section 10.2)
	Hash          key.Hash
}

// hedgeDeterministic is CKH_DETERMINISTIC_REQUIRED; below it are CKH_HEDGE_PREFERRED (0) and CKH_HEDGE_REQUIRED (1).
const (
	hedgeDeterministic = 2

	maxSignContext = 255
)

// DecodeSignContext reads ShapeSignCtx; an absent parameter means hedged, without context.
func DecodeSignContext(p Params) (SignContext, error) {
	if len(p) == 0 {
		return SignContext{}, nil
	}
	r := wire.NewReader(p)
	switch r.U64() {
	case 0:
		if r.End() != nil {
			return SignContext{}, fault.MechanismParamInvalid.At("decode signature context")
		}
		return SignContext{}, nil
	case 1:
		return readSignContext(&r, false)
	}
	return SignContext{}, fault.MechanismParamInvalid.At("decode signature context")
}

// DecodeHashContext reads ShapeHashCtx.
func DecodeHashContext(p Params) (SignContext, error) {
	r := wire.NewReader(p)
	return readSignContext(&r, true)
}

func readSignContext(r *wire.Reader, hash bool) (SignContext, error) {
	hedge, context := r.U64(), r.Bytes()
	var h key.Hash
	if hash {
		h = key.Hash(r.U64())
	}
	if r.End() != nil || hedge > hedgeDeterministic || len(context) > maxSignContext {
		return SignContext{}, fault.MechanismParamInvalid.At("decode signature context")
	}
	return SignContext{
		Deterministic: hedge == hedgeDeterministic,
		Context:       append([]byte(nil), context...), // the parameter is the caller's
		Hash:          h,
	}, nil
}
