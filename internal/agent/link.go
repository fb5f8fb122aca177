// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"io"
	"net"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	requestHeader  = 4 + 2 + 2 + 4
	responseHeader = 4 + 2 + 2 + 4 + 8 + 1
)

// link is a client's channel cut into frames. Its buffers live as long as the channel; what a call used of them is zeroed
// after it. It belongs to the channel's goroutine; large is shared by all links.
type link struct {
	conn  net.Conn
	in    []byte // [lo:hi] has been read and not been used
	lo    int
	hi    int
	out   []byte
	large *atomic.Int64 // bytes beyond restingBuffer held by all links
	held  int64         // of these, by this one
}

func newLink(conn net.Conn, large *atomic.Int64) *link {
	return &link{conn: conn, in: make([]byte, firstBuffer), out: make([]byte, 0, firstBuffer), large: large}
}

// frame is a request's header and body, which is a view into the link's buffer until the answer is sent.
type frame struct {
	call     wire.Call
	sequence uint32
	body     []byte
}

// skipped is a frame that was read past, with the fault that answers it.
type skipped struct{ code fault.Code }

func (s *skipped) Error() string { return s.code.String() }

// next reads one frame. After a *skipped the link goes on; after any other error it is over.
func (l *link) next() (f frame, err error) {
	if err := l.fill(requestHeader); err != nil {
		return f, err
	}
	r := wire.NewReader(l.in[l.lo : l.lo+requestHeader])
	n := int64(r.U32()) + 4
	f.call = wire.Call(r.U16())
	flags := r.U16()
	f.sequence = r.U32()
	if n < requestHeader || flags != 0 {
		return f, fault.Malformed.At("agent: read frame header")
	}
	if n-4 > maxFrame {
		return f, l.skip(n, fault.Malformed)
	}
	if err := l.fill(int(n)); err == errLarge {
		return f, l.skip(n, fault.Busy)
	} else if err != nil {
		return f, err
	}
	f.body = l.in[l.lo+requestHeader : l.lo+int(n)]
	l.lo += int(n)
	return f, nil
}

// errLarge: all clients together hold as much of large requests as they may.
var errLarge = fault.Busy.At("agent: take large request")

// fill reads until n unread bytes are there. The buffer grows as bytes arrive, not on the word of a length.
func (l *link) fill(n int) error {
	for l.hi-l.lo < n {
		if l.lo == l.hi {
			l.lo, l.hi = 0, 0
		}
		if l.hi == len(l.in) && !l.room(n) {
			return errLarge
		}
		m, err := l.conn.Read(l.in[l.hi:])
		l.hi += m
		if err != nil && l.hi-l.lo < n {
			return err
		}
	}
	return nil
}

// room moves the unread bytes to the front, of a larger buffer if this one is full of them.
func (l *link) room(n int) bool {
	old, unread := l.in, l.hi-l.lo
	if unread == len(old) {
		size := min(2*len(old), max(n, firstBuffer))
		if more := int64(size - len(old)); size > restingBuffer {
			if l.large.Add(more) > maxLarge {
				l.large.Add(-more)
				return false
			}
			l.held += more
		}
		l.in = make([]byte, size)
		copy(l.in, old)
		clear(old)
	} else {
		copy(l.in, old[l.lo:l.hi])
		clear(l.in[unread:l.hi])
	}
	l.lo, l.hi = 0, unread
	return true
}

// skip reads past a frame of n bytes, what has been read of it included.
func (l *link) skip(n int64, code fault.Code) error {
	for n > 0 {
		if l.lo == l.hi {
			l.lo, l.hi = 0, 0
			m, err := l.conn.Read(l.in)
			if l.hi = m; m == 0 && err != nil {
				return err
			}
		}
		m := int(min(n, int64(l.hi-l.lo)))
		clear(l.in[l.lo : l.lo+m])
		l.lo += m
		n -= int64(m)
	}
	return &skipped{code}
}

// answer sends a response, and zeroes what the call left in both buffers.
func (l *link) answer(f frame, a answer) error {
	w := wire.Writer{B: l.out[:0]}
	w.U32(uint32(responseHeader - 4 + len(a.body)))
	w.U16(uint16(f.call))
	w.U16(uint16(a.code))
	w.U32(f.sequence)
	w.U64(a.request)
	w.Bool(a.approved)
	w.Raw(a.body)
	_, err := l.conn.Write(w.B)
	clear(w.B)
	l.out = w.B[:0]
	l.wipe()
	return err
}

// refuse answers a fault of the agent's own.
func (l *link) refuse(f frame, err error) error {
	left := ^uint64(0)
	var w wire.Writer
	w.String(err.Error())
	w.U64(left)
	return l.answer(f, answer{code: fault.Of(err), body: w.B})
}

func (l *link) wipe() {
	clear(l.in[:l.lo])
	if l.lo == l.hi {
		l.lo, l.hi = 0, 0
	}
	if l.held > 0 {
		l.large.Add(-l.held)
		l.held = 0
	}
	if len(l.in) > restingBuffer && l.lo == l.hi {
		l.in = make([]byte, firstBuffer)
	}
	if cap(l.out) > restingBuffer {
		l.out = make([]byte, 0, firstBuffer)
	}
}

// end zeroes both buffers, a request that did not come to its end included.
func (l *link) end() {
	l.lo = l.hi
	l.wipe()
	clear(l.in)
	io.Closer(l.conn).Close()
}
