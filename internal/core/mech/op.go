// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"hash"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// MaxCollected bounds the input of mechanisms that need the whole of it before they can answer (pure EdDSA reads a
// message twice). It is the longest frame of a client channel, so that one-shot and multi-part calls reach equally far.
const MaxCollected = 16 << 20

// Collect is an Op that gathers its input, at most limit bytes, and answers in Final what end makes of all of it. More
// input than limit fails with tooLong. The gathered bytes are cleared when the operation ends.
func Collect(limit int, tooLong fault.Code, end func(all []byte) ([]byte, error)) Op {
	return &collector{limit: limit, tooLong: tooLong, end: end}
}

// CollectVerify is Collect for verification.
func CollectVerify(limit int, tooLong fault.Code, end func(all, sig []byte) error) Verifier {
	return &collectVerifier{collector{limit: limit, tooLong: tooLong}, end}
}

type collector struct {
	all     []byte
	limit   int
	tooLong fault.Code
	end     func(all []byte) ([]byte, error)
}

func (c *collector) Update(dst, in []byte) ([]byte, error) {
	if len(in) > c.limit-len(c.all) {
		c.drop()
		return dst, c.tooLong.At("take data")
	}
	if need := len(c.all) + len(in); need > cap(c.all) {
		grown := make([]byte, len(c.all), max(need, min(2*cap(c.all), c.limit)))
		copy(grown, c.all)
		clear(c.all) // append would leave the outgrown array as it is
		c.all = grown
	}
	c.all = append(c.all, in...)
	return dst, nil
}

// Whole answers for input that comes in one piece (see OneShot), which need not be gathered.
func (c *collector) Whole(dst, in []byte) ([]byte, error) {
	if len(in) > c.limit {
		return dst, c.tooLong.At("take data")
	}
	out, err := c.end(in)
	if err != nil {
		return dst, err
	}
	return appendAndClear(dst, out), nil
}

func (c *collector) Final(dst []byte) ([]byte, error) {
	defer c.drop()
	out, err := c.end(c.all)
	if err != nil {
		return dst, err
	}
	return appendAndClear(dst, out), nil
}

func (c *collector) drop() {
	clear(c.all)
	c.all = nil
}

type collectVerifier struct {
	collector
	verify func(all, sig []byte) error
}

func (c *collectVerifier) Verify(sig []byte) error {
	defer c.drop()
	return c.verify(c.all, sig)
}

// HashSign is an Op that hashes its input and answers in Final what end makes of the digest.
func HashSign(h hash.Hash, end func(digest []byte) ([]byte, error)) Op { return &hashSigner{h, end} }

// HashVerify is HashSign for verification.
func HashVerify(h hash.Hash, end func(digest, sig []byte) error) Verifier {
	return &hashVerifier{h, end}
}

type hashSigner struct {
	h   hash.Hash
	end func(digest []byte) ([]byte, error)
}

func (s *hashSigner) Update(dst, in []byte) ([]byte, error) {
	s.h.Write(in)
	return dst, nil
}

func (s *hashSigner) Final(dst []byte) ([]byte, error) {
	defer s.h.Reset()
	out, err := s.end(s.h.Sum(nil))
	if err != nil {
		return dst, err
	}
	return append(dst, out...), nil
}

type hashVerifier struct {
	h   hash.Hash
	end func(digest, sig []byte) error
}

func (v *hashVerifier) Update(dst, in []byte) ([]byte, error) {
	v.h.Write(in)
	return dst, nil
}

func (v *hashVerifier) Verify(sig []byte) error {
	defer v.h.Reset()
	return v.end(v.h.Sum(nil), sig)
}

// appendAndClear moves a result into the caller's buffer. The result may be a plaintext, so its own copy goes.
func appendAndClear(dst, out []byte) []byte {
	dst = append(dst, out...)
	clear(out)
	return dst
}
