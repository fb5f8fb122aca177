// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"io"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	requestHeader  = 4 + 2 + 2 + 4
	responseHeader = 4 + 2 + 2 + 4 + 8 + 1
)

// link is one end of a stream cut into frames. Its two buffers live as long as the channel; what a request or response
// used of them is zeroed before the next, so that no PIN, plaintext or imported key rests in them.
//
// It belongs to the channel's goroutine; large is shared by all links of a server.
type link struct {
	conn  io.ReadWriter
	in    []byte // [lo:hi] has been read and not been used
	lo    int
	hi    int
	out   wire.Writer
	large *atomic.Int64 // bytes beyond restingBuffer held by all links
	held  int64         // of these, by this one
}

func newLink(conn io.ReadWriter, large *atomic.Int64) *link {
	return &link{conn: conn, in: make([]byte, firstBuffer), out: wire.Writer{B: make([]byte, 0, firstBuffer)}, large: large}
}

// request is a frame's header; body is a view into the link's buffer, valid until done.
type request struct {
	call     wire.Call
	sequence uint32
	sealed   bool // the body is sealed to this core
	timed    bool // the answer is to end with the time that the core worked on it
	body     []byte
}

// errHeader ends a channel: what came is not a frame of ours, so nothing after it can be trusted to be one.
var errHeader = fault.Malformed.At("read frame header")

// next reads one frame. After an error of type *skipped the link goes on: the body was read past.
func (l *link) next() (q request, err error) {
	if err := l.fill(requestHeader); err != nil {
		return q, err
	}
	r := wire.NewReader(l.in[l.lo : l.lo+requestHeader])
	n := int64(r.U32())
	q.call = wire.Call(r.U16())
	flags := r.U16()
	q.sequence = r.U32()
	q.sealed, q.timed = flags&wire.FlagSealed != 0, flags&wire.FlagTimed != 0
	if n < requestHeader-4 || flags&^(wire.FlagSealed|wire.FlagTimed) != 0 {
		return q, errHeader
	}
	n += 4
	if n-4 > maxFrame {
		return q, l.skip(n, fault.Malformed)
	}
	if err := l.fill(int(n)); err == errLarge {
		return q, l.skip(n, fault.Busy)
	} else if err != nil {
		return q, err
	}
	q.body = l.in[l.lo+requestHeader : l.lo+int(n)]
	l.lo += int(n)
	return q, nil
}

// skipped is a frame that was too long to be taken; its answer is the code.
type skipped struct{ code fault.Code }

func (s *skipped) Error() string { return s.code.String() }

// errLarge: all channels together hold as much of large requests as they may.
var errLarge = fault.Busy.At("take large request")

// fill reads until n unread bytes are there. The buffer grows by doubling as bytes arrive, so that a length alone makes
// nobody allocate.
func (l *link) fill(n int) error {
	for l.hi-l.lo < n {
		if l.lo > 0 && l.lo == l.hi {
			l.lo, l.hi = 0, 0
		}
		if l.hi == len(l.in) || l.lo+n > len(l.in) && l.lo > 0 {
			if !l.room(n) {
				return errLarge
			}
		}
		m, err := l.conn.Read(l.in[l.hi:])
		l.hi += m
		if err != nil && l.hi-l.lo < n {
			return err
		}
	}
	return nil
}

// room moves the unread bytes to the front, of a larger buffer if this one is full of them. It says no when there is no
// memory left for large requests.
func (l *link) room(n int) bool {
	old, unread := l.in, l.hi-l.lo
	if unread == len(old) {
		size := min(2*len(old), max(n, firstBuffer))
		if size > restingBuffer && !l.borrow(int64(size-len(old))) {
			return false
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

// skip reads past a frame of n bytes, header and what has been read of it included.
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

func (l *link) borrow(n int64) bool {
	if l.large.Add(n) > maxLarge {
		l.large.Add(-n)
		return false
	}
	l.held += n
	return true
}

// start lays the place for a response header; the body is appended to l.out after it.
func (l *link) start() { l.out.B = append(l.out.B[:0], make([]byte, responseHeader)...) }

// finish fills in the header and sends the response, then zeroes both buffers.
func (l *link) finish(q request, code fault.Code, id uint64, indicator bool) error {
	b := l.out.B
	h := wire.Writer{B: b[:0]}
	h.U32(uint32(len(b) - 4))
	h.U16(uint16(q.call))
	h.U16(uint16(code))
	h.U32(q.sequence)
	h.U64(id)
	h.Bool(indicator)
	_, err := l.conn.Write(b)
	l.wipe(code != fault.OK)
	return err
}

// end zeroes both buffers, a request that did not come to its end included.
func (l *link) end() {
	l.lo = l.hi
	l.wipe(true)
}

// wipe zeroes what the last request used. After a failure the whole of out is zeroed, since a handler may have written
// beyond what it kept.
func (l *link) wipe(all bool) {
	if all {
		l.out.B = l.out.B[:cap(l.out.B)]
	}
	clear(l.out.B)
	l.out.B = l.out.B[:0]
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
	if cap(l.out.B) > restingBuffer {
		l.out.B = make([]byte, 0, firstBuffer)
	}
}
