// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// pipe gives what was written before, and takes everything.
type pipe struct {
	io.Reader
	io.Writer
}

func request1(body []byte) []byte {
	var w wire.Writer
	w.U32(uint32(8 + len(body)))
	w.U16(uint16(wire.CallLogin))
	w.U16(0)
	w.U32(1)
	w.Raw(body)
	return w.B
}

func TestBuffersAreZeroAfterEachRequest(t *testing.T) {
	secret := bytes.Repeat([]byte("PIN!"), 30_000) // grows the buffer
	for _, failed := range []bool{false, true} {
		var large atomic.Int64
		in := append(request1(secret[:1000]), request1(secret)...)
		l := newLink(pipe{bytes.NewReader(in), io.Discard}, &large)
		for range 2 {
			q, err := l.Next()
			if err != nil {
				t.Fatal(err)
			}
			held, _ := l.Held()
			l.start()
			l.out.Raw(q.Body)
			out := l.out.B
			if failed {
				l.out.B = l.out.B[:wire.ResponseHeader]
			}
			code := fault.OK
			if failed {
				code = fault.Internal
			}
			if err := l.finish(q, code, 1, false); err != nil {
				t.Fatal(err)
			}
			_, unread := l.Held()
			if bytes.Contains(held[:len(held)-unread], []byte("PIN!PIN!")) && unread == 0 || bytes.Contains(out, []byte("PIN!")) {
				t.Errorf("secrets rest in a buffer (failed: %v)", failed)
			}
		}
		if in, _ := l.Held(); large.Load() != 0 || len(in) > wire.RestingBuffer || cap(l.out.B) > wire.RestingBuffer {
			t.Errorf("%d bytes are held, buffers of %d and %d", large.Load(), len(in), cap(l.out.B))
		}
	}
}

func TestLargeRequestsAreBusyWhenTooManyAreHeld(t *testing.T) {
	var large atomic.Int64
	large.Store(wire.MaxLarge - 100)
	in := append(request1(make([]byte, 200_000)), request1(nil)...)
	l := newLink(pipe{bytes.NewReader(in), io.Discard}, &large)
	_, err := l.Next()
	if s, ok := err.(*wire.Skipped); !ok || s.Code != fault.Busy {
		t.Fatalf("got %v", err)
	}
	if q, err := l.Next(); err != nil || len(q.Body) != 0 {
		t.Errorf("after it: %v", err)
	}
	l.wipe(false)
	if large.Load() != wire.MaxLarge-100 {
		t.Errorf("%d is held", large.Load())
	}
}

func TestALengthAloneAllocatesNothing(t *testing.T) {
	var large atomic.Int64
	l := newLink(pipe{bytes.NewReader(request1(make([]byte, 15<<20))[:20]), io.Discard}, &large)
	if _, err := l.Next(); err != io.EOF {
		t.Fatalf("got %v", err)
	}
	if in, _ := l.Held(); len(in) > wire.FirstBuffer {
		t.Errorf("a buffer of %d", len(in))
	}
}
