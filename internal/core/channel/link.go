// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"io"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// link is one end of a stream cut into frames. Its two buffers live as long as the channel; what a request or response
// used of them is zeroed before the next, so that no PIN, plaintext or imported key rests in them.
//
// It belongs to the channel's goroutine.
type link struct {
	*wire.Requests
	conn io.Writer
	out  wire.Writer
}

func newLink(conn io.ReadWriter, large *atomic.Int64) *link {
	return &link{Requests: wire.NewRequests(conn, wire.FlagSealed|wire.FlagTimed, large), conn: conn,
		out: wire.Writer{B: make([]byte, 0, wire.FirstBuffer)}}
}

// start lays the place for a response header; the body is appended to l.out after it.
func (l *link) start() { l.out.B = append(l.out.B[:0], make([]byte, wire.ResponseHeader)...) }

// finish fills in the header and sends the response, then zeroes both buffers.
func (l *link) finish(q wire.Request, code fault.Code, id uint64, indicator bool) error {
	b := l.out.B
	h := wire.Writer{B: b[:0]}
	h.U32(uint32(len(b) - 4))
	h.U16(uint16(q.Call))
	h.U16(uint16(code))
	h.U32(q.Sequence)
	h.U64(id)
	h.Bool(indicator)
	_, err := l.conn.Write(b)
	l.wipe(code != fault.OK)
	return err
}

// end zeroes both buffers, a request that did not come to its end included.
func (l *link) end() {
	l.End()
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
	l.Wipe()
	if cap(l.out.B) > wire.RestingBuffer {
		l.out.B = make([]byte, 0, wire.FirstBuffer)
	}
}
