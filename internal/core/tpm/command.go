// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

// Command codes and other constants (TPM 2.0 Library Part 2).
const (
	ccCreatePrimary     uint32 = 0x131
	ccCreate            uint32 = 0x153
	ccLoad              uint32 = 0x157
	ccUnseal            uint32 = 0x15E
	ccFlushContext      uint32 = 0x165
	ccPolicyCommandCode uint32 = 0x16C
	ccReadPublic        uint32 = 0x173
	ccStartAuthSession  uint32 = 0x176
	ccPCRRead           uint32 = 0x17E
	ccPolicyPCR         uint32 = 0x17F

	tagPlain    uint16 = 0x8001
	tagSessions uint16 = 0x8002

	handleOwner    uint32 = 0x40000001
	handleNull     uint32 = 0x40000007
	handlePassword uint32 = 0x40000009

	header    = 10
	maxAnswer = 4096
)

// handle is what a command is about. Its name goes into the command's authentication; for a session it is the number itself.
type handle struct {
	number uint32
	name   []byte
}

type command struct {
	code    uint32
	handles []handle
	answers bool            // with a handle, before the parameters
	fill    func(w *writer) // writes the parameters; called inside ssp.Do
}

// talk is one conversation. What it made in the TPM it takes away again at its end.
type talk struct {
	exchange Exchange
	made     []uint32
	sessions []*session
}

func (t *talk) close() {
	for i := len(t.made) - 1; i >= 0; i-- {
		number := t.made[i]
		t.run(command{code: ccFlushContext, fill: func(w *writer) { w.u32(number) }}, nil, 0, nil)
	}
	for _, s := range t.sessions {
		s.key.Free()
	}
	t.made, t.sessions = nil, nil
}

// run has the TPM execute a command, under a session or none, and hands the parameters of its answer to take, inside ssp.Do: what
// take keeps it copies. An answer under a session that is not authentic is refused before.
func (t *talk) run(c command, s *session, attributes uint8, take func(r *reader)) (number uint32, err error) {
	var frame []byte
	ssp.Do(func() { frame, err = c.frame(s, attributes) })
	if err != nil {
		return 0, err
	}
	answer, err := t.exchange(frame)
	if err != nil {
		return 0, err
	}
	ssp.Do(func() { number, err = c.read(answer, s, attributes, take) })
	if c.answers && number != 0 {
		t.made = append(t.made, number)
	}
	return number, err
}

func (c *command) frame(s *session, attributes uint8) ([]byte, error) {
	var params, w writer
	if c.fill != nil {
		c.fill(&params)
	}
	tag := tagPlain
	var auth writer
	if s != nil {
		tag = tagSessions
		if err := s.authorize(&auth, c, params.b, attributes); err != nil {
			return nil, err
		}
	}
	w.u16(tag)
	w.u32(0)
	w.u32(c.code)
	for _, h := range c.handles {
		w.u32(h.number)
	}
	if s != nil {
		w.u32(uint32(len(auth.b)))
		w.raw(auth.b)
	}
	w.raw(params.b)
	size := writer{b: w.b[2:2]}
	size.u32(uint32(len(w.b)))
	return w.b, nil
}

// read takes an answer apart (Part 1, clause 18).
func (c *command) read(answer []byte, s *session, attributes uint8, take func(r *reader)) (number uint32, err error) {
	if len(answer) > maxAnswer {
		return 0, altered("read the TPM's answer")
	}
	// Parameters are decrypted in place, and the answer is the transport's buffer.
	r := &reader{b: append([]byte(nil), answer...)}
	tag, size, code := r.u16(), r.u32(), r.u32()
	if r.bad || int64(size) != int64(len(answer)) {
		return 0, altered("read the TPM's answer")
	}
	if code != 0 {
		return 0, &refusal{c.code, code}
	}
	if want := map[bool]uint16{false: tagPlain, true: tagSessions}[s != nil]; tag != want {
		return 0, altered("read the TPM's answer")
	}
	if c.answers {
		if number = r.u32(); number == 0 {
			return 0, altered("read the TPM's answer")
		}
	}
	if s != nil {
		params := r.raw(int(r.u32()))
		if err := s.verify(r, c, params, attributes); err != nil {
			return number, err
		}
		r = &reader{b: params}
	}
	if r.bad {
		return number, altered("read the TPM's answer")
	}
	if take != nil {
		if take(r); r.bad {
			return number, altered("read the TPM's answer")
		}
	}
	return number, nil
}

// nameOf is an object's name: the algorithm and the digest of its public area.
func nameOf(public []byte) []byte {
	w := writer{b: make([]byte, 0, nameLen)}
	w.u16(algSHA256)
	w.raw(digest(public))
	return w.b
}

const nameLen = 2 + sha256.Size

// refusal is the TPM's own word that it did not do it. It is not authenticated: a host can make one, as it can be silent.
type refusal struct {
	command, code uint32
}

// Response codes (Part 2, clause 6.6), without the bits that say which parameter, handle or session is meant.
const (
	rcSize       uint32 = 0x095
	rcType       uint32 = 0x08A
	rcValue      uint32 = 0x084
	rcHandle     uint32 = 0x08B
	rcAuthFail   uint32 = 0x08E
	rcBinding    uint32 = 0x0A5
	rcPolicyFail uint32 = 0x09D
	rcIntegrity  uint32 = 0x09F
	rcBadAuth    uint32 = 0x0A2
	rcPCRChanged uint32 = 0x128
)

func (e *refusal) Error() string { return e.Unwrap().Error() }

func (e *refusal) Unwrap() error {
	return fault.TPMFailed.At("TPM command " + number(e.command) + ": it answers " + number(e.code))
}

func number(v uint32) string {
	const digits = "0123456789abcdef"
	return "0x" + string([]byte{digits[v>>8&15], digits[v>>4&15], digits[v&15]})
}

// is tells whether the TPM refused with this code.
func is(err error, code uint32) bool {
	e, ok := err.(*refusal)
	if !ok {
		return false
	}
	if got := e.code; got&0x80 != 0 { // format one: which parameter, handle or session is in bits 6 and 8 to 11
		return got&0xBF == code
	}
	return e.code == code
}

// mac is HMAC-SHA-256 over parts.
func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func digest(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
