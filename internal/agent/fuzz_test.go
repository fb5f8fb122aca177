// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// FuzzParse: any body is understood or refused as Malformed, and what is understood names the session that stands first.
func FuzzParse(f *testing.F) {
	for _, spec := range wire.Calls {
		f.Add(uint16(spec.Call), bytes.Repeat([]byte{1, 0, 0, 0, 0, 0, 0, 0}, 12))
		f.Add(uint16(spec.Call), make([]byte, 40))
		f.Add(uint16(spec.Call), []byte{})
	}
	f.Fuzz(func(t *testing.T, call uint16, body []byte) {
		q, err := parse(wire.Call(call), body)
		if code := fault.Of(err); code != fault.OK && code != fault.Malformed && code != fault.Unsupported {
			t.Fatal(err)
		}
		if err == nil && q.row.session {
			r := wire.NewReader(body)
			if q.session != r.U64() || r.Err() != nil {
				t.Errorf("session %x of %x", q.session, body)
			}
		}
		if err == nil && call >= 0x40 && call < 0x50 {
			q.use()
		}
	})
}

// FuzzMade: any answer of a core is read without harm.
func FuzzMade(f *testing.F) {
	var w wire.Writer
	summarise(&w, 1<<62|5)
	f.Add("O", w.B)
	f.Add("bO", append([]byte{0, 0, 0, 0}, w.B...))
	f.Add("O[u]", append(w.B, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0x40))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		if list := made(signature, body); len(list) > len(body)/8 {
			t.Errorf("%d objects in %d bytes", len(list), len(body))
		}
		readMemberList(body)
	})
}

// FuzzAnswer: whatever a node sends ends the connection or is an answer to what was asked.
func FuzzAnswer(f *testing.F) {
	var w wire.Writer
	w.U32(wire.ResponseHeader - 4 + 3)
	w.U16(uint16(wire.CallSign))
	w.U16(0)
	w.U32(1)
	w.U64(7)
	w.Bool(true)
	w.Raw([]byte{1, 2, 3})
	f.Add(w.B)
	f.Add(w.B[:9])
	f.Add(append(bytes.Clone(w.B), 1))
	f.Add([]byte{255, 255, 255, 255})
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			far.Write(sent)
			far.Close()
		}()
		c := &conn{stream: pipe{near}, node: &node{}, call: wire.CallSign, seq: 1}
		a, err := c.receive(time.Now().Add(time.Minute), false)
		if err == nil && len(a.body) != len(sent)-wire.ResponseHeader {
			t.Errorf("a body of %d bytes out of %d", len(a.body), len(sent))
		}
		if err != nil && !c.over {
			t.Error("the connection goes on after what cannot be understood")
		}
		c.wipe()
	})
}

// FuzzFrames: whatever a client sends is a frame or ends its channel, and nothing of it stays.
func FuzzFrames(f *testing.F) {
	f.Add(frameOf(wire.CallSign, 1, []byte("body")))
	f.Add(append(frameOf(wire.CallSign, 1, nil), frameOf(wire.CallHello, 2, make([]byte, 5000))...))
	f.Add([]byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := net.Pipe()
		go func() {
			far.Write(sent)
			far.Close()
		}()
		var large atomic.Int64
		l := newLink(near, &large)
		for {
			f, err := l.Next()
			if _, skipping := err.(*wire.Skipped); err != nil && !skipping {
				break
			}
			parse(f.Call, f.Body)
			l.wipe()
		}
		l.end()
		if in, _ := l.Held(); len(bytes.Trim(in, "\x00")) > 0 || large.Load() != 0 {
			t.Error("something of a client's bytes stays")
		}
	})
}
