// SPDX-License-Identifier: Apache-2.0

package client

import (
	"net"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// TestAnObserverHearsOfEachCallAndOfTheCoresTime speaks to a core that works 700 ns on every call, and says so to who asks.
func TestAnObserverHearsOfEachCallAndOfTheCoresTime(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		head := make([]byte, requestHeader)
		for n := uint64(1); ; n++ {
			if _, err := theirs.Read(head); err != nil {
				return
			}
			r := wire.NewReader(head)
			length, call, flags, sequence := r.U32(), r.U16(), r.U16(), r.U32()
			body := make([]byte, int(length)-(requestHeader-4))
			if len(body) > 0 {
				theirs.Read(body)
			}
			w := wire.Writer{B: make([]byte, 4)}
			w.U16(call)
			refused := wire.Call(call) == wire.CallSeed
			if refused {
				w.U16(uint16(fault.Denied))
			} else {
				w.U16(0)
			}
			w.U32(sequence)
			w.U64(n)
			w.Bool(false)
			if refused {
				w.String("no")
				w.U64(^uint64(0))
			}
			if flags&wire.FlagTimed != 0 {
				w.U64(700)
			}
			h := wire.Writer{B: w.B[:0]}
			h.U32(uint32(len(w.B) - 4))
			theirs.Write(w.B)
		}
	}()
	s := &Session{conn: New(ours)}
	var heard []Observed
	s.Observe(func(o Observed) { heard = append(heard, o) })
	if err := s.Cancel(UseSign); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.call(wire.CallSeed, nil, nil); fault.Of(err) != fault.Denied {
		t.Fatal(err)
	}
	s.Observe(nil)
	if err := s.Cancel(UseSign); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 2 || heard[0].Call != wire.CallCancel || heard[0].Worked != 700*time.Nanosecond || heard[0].Request != 1 || heard[0].Code != fault.OK ||
		heard[1].Code != fault.Denied || heard[1].Worked != 700*time.Nanosecond || heard[1].Ended.Before(heard[1].Began) {
		t.Errorf("%+v", heard)
	}
}
