// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Observed is one call that was answered.
type Observed struct {
	Call         wire.Call
	Request      uint64 // the core's id of it
	Began, Ended time.Time
	Worked       time.Duration // in the core, as it says; 0 where it does not
	Code         fault.Code
}

// Observer is told of each call, before its method returns. It makes no call itself.
type Observer func(Observed)

// Observe has every following call of the session's channel told to f; nil ends that.
func (s *Session) Observe(f Observer) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.observe = f
}

// timed asks for the time, where somebody wants to know.
func (c *Conn) timed(w *wire.Writer) (began time.Time) {
	if c.observe == nil {
		return began
	}
	w.B[6] |= byte(wire.FlagTimed) // the low byte of the flags
	return time.Now()
}

// worked takes the time off the end of an answer. What is left of the answer is r's.
func (c *Conn) worked(r *wire.Reader, answer []byte) time.Duration {
	n := len(answer)
	if c.observe == nil || n < responseHeader+8 {
		return 0
	}
	told := wire.NewReader(answer[n-8:])
	*r = wire.NewReader(answer[:n-8])
	return time.Duration(told.U64())
}

func (c *Conn) observed(call wire.Call, request uint64, began time.Time, worked time.Duration, code fault.Code) {
	if c.observe != nil {
		c.observe(Observed{call, request, began, time.Now(), worked, code})
	}
}
