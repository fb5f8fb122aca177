// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Headers of a client channel's frames (docs/design/channel.md).
const (
	RequestHeader  = 4 + 2 + 2 + 4
	ResponseHeader = 4 + 2 + 2 + 4 + 8 + 1
)

const (
	// MaxRequest is the longest request. A longer one is read past and answered Malformed.
	MaxRequest = 16 << 20

	// RestingBuffer is what an idle channel may keep of a buffer that a large request had grown: 1,000 idle channels then
	// take 64 MB.
	RestingBuffer = 64 << 10

	// FirstBuffer is what a new channel starts with: a signature request with room to spare.
	FirstBuffer = 4 << 10

	// MaxLarge bounds the sum of request bytes beyond RestingBuffer that all channels of a process hold at one moment,
	// because each client may send MaxRequest and then keep silent.
	MaxLarge = 256 << 20
)

// Requests cuts a client's stream into frames, for whoever answers them: the core, or an agent. Its buffer lives as long as
// the channel; what a request used of it is zeroed by Wipe, so that no PIN, plaintext or imported key rests in it. It belongs to
// the channel's goroutine; large is shared by all channels of a process.
type Requests struct {
	conn  io.Reader
	flags uint16 // that a header may carry
	in    []byte // [lo:hi] has been read and not been used
	lo    int
	hi    int
	large *atomic.Int64 // bytes beyond RestingBuffer held by all channels
	held  int64         // of these, by this one
}

// NewRequests reads from conn; flags are those that a request may carry here.
func NewRequests(conn io.Reader, flags uint16, large *atomic.Int64) *Requests {
	return &Requests{conn: conn, flags: flags, in: make([]byte, FirstBuffer), large: large}
}

// Request is a frame's header; Body is a view into the buffer, valid until Wipe.
type Request struct {
	Call     Call
	Flags    uint16
	Sequence uint32
	Body     []byte
}

// Skipped is a frame that was too long to be taken, and was read past; its answer is the code.
type Skipped struct{ Code fault.Code }

func (s *Skipped) Error() string { return s.Code.String() }

// errFrame ends a channel: what came is not a frame of ours, so nothing after it can be trusted to be one.
var errFrame = fault.Malformed.At("read frame header")

// errLarge: all channels together hold as much of large requests as they may.
var errLarge = fault.Busy.At("take large request")

// Next reads one frame. After a *Skipped the channel goes on; after any other error it is over.
func (l *Requests) Next() (q Request, err error) {
	if err := l.fill(RequestHeader); err != nil {
		return q, err
	}
	r := NewReader(l.in[l.lo : l.lo+RequestHeader])
	n := int64(r.U32()) + 4
	q.Call, q.Flags, q.Sequence = Call(r.U16()), r.U16(), r.U32()
	if n < RequestHeader || q.Flags&^l.flags != 0 {
		return q, errFrame
	}
	if n-4 > MaxRequest {
		return q, l.skip(n, fault.Malformed)
	}
	if err := l.fill(int(n)); err == errLarge {
		return q, l.skip(n, fault.Busy)
	} else if err != nil {
		return q, err
	}
	q.Body = l.in[l.lo+RequestHeader : l.lo+int(n)]
	l.lo += int(n)
	return q, nil
}

// fill reads until n unread bytes are there. The buffer grows by doubling as bytes arrive, so that a length alone makes
// nobody allocate.
func (l *Requests) fill(n int) error {
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
func (l *Requests) room(n int) bool {
	old, unread := l.in, l.hi-l.lo
	if unread == len(old) {
		size := min(2*len(old), max(n, FirstBuffer))
		if more := int64(size - len(old)); size > RestingBuffer {
			if l.large.Add(more) > MaxLarge {
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

// skip reads past a frame of n bytes, header and what has been read of it included.
func (l *Requests) skip(n int64, code fault.Code) error {
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
	return &Skipped{code}
}

// Wipe zeroes what the requests so far have used.
func (l *Requests) Wipe() {
	clear(l.in[:l.lo])
	if l.lo == l.hi {
		l.lo, l.hi = 0, 0
	}
	if l.held > 0 {
		l.large.Add(-l.held)
		l.held = 0
	}
	if len(l.in) > RestingBuffer && l.lo == l.hi {
		l.in = make([]byte, FirstBuffer)
	}
}

// End zeroes the buffer, a request that did not come to its end included.
func (l *Requests) End() {
	l.lo = l.hi
	l.Wipe()
	clear(l.in)
}

// Held is the buffer itself, and how much of its end is unread: for tests that search it for what should not rest there.
func (l *Requests) Held() (buffer []byte, unread int) { return l.in, l.hi - l.lo }
