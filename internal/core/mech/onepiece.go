// SPDX-License-Identifier: Apache-2.0

package mech

import "github.com/genbu-hsm/genbu/internal/fault"

// OnePiece is an Op for algorithms that need all of their input at once: an AEAD, which must not give plaintext away
// before the tag is verified, or key wrapping. Parts are gathered up to MaxCollected; input that comes whole (see
// OneShot) is not copied. do appends its answer to dst.
func OnePiece(tooLong fault.Code, do func(dst, in []byte) ([]byte, error)) Op {
	return &onePiece{do: do, tooLong: tooLong}
}

type onePiece struct {
	do      func(dst, in []byte) ([]byte, error)
	tooLong fault.Code
	parts   Op
}

func (o *onePiece) Whole(dst, in []byte) ([]byte, error) {
	if len(in) > MaxCollected {
		return dst, o.tooLong.At("take data")
	}
	return o.do(dst, in)
}

func (o *onePiece) Update(dst, in []byte) ([]byte, error) {
	if o.parts == nil {
		o.parts = Collect(MaxCollected, o.tooLong, func(all []byte) ([]byte, error) { return o.do(nil, all) })
	}
	return o.parts.Update(dst, in)
}

func (o *onePiece) Final(dst []byte) ([]byte, error) {
	if o.parts == nil {
		return o.do(dst, nil)
	}
	return o.parts.Final(dst)
}
