// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// link is a client's channel cut into frames. Its buffers live as long as the channel; what a call used of them is zeroed
// after it. It belongs to the channel's goroutine.
type link struct {
	*wire.Requests
	conn net.Conn
	out  []byte
}

func newLink(conn net.Conn, large *atomic.Int64) *link {
	return &link{Requests: wire.NewRequests(conn, 0, large), conn: conn, out: make([]byte, 0, wire.FirstBuffer)}
}

// answer sends a response, and zeroes what the call left in both buffers.
func (l *link) answer(f wire.Request, a answer) error {
	w := wire.Writer{B: l.out[:0]}
	w.U32(uint32(wire.ResponseHeader - 4 + len(a.body)))
	w.U16(uint16(f.Call))
	w.U16(uint16(a.code))
	w.U32(f.Sequence)
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
func (l *link) refuse(f wire.Request, err error) error {
	left := ^uint64(0)
	var w wire.Writer
	w.String(err.Error())
	w.U64(left)
	return l.answer(f, answer{code: fault.Of(err), body: w.B})
}

func (l *link) wipe() {
	l.Wipe()
	if cap(l.out) > wire.RestingBuffer {
		l.out = make([]byte, 0, wire.FirstBuffer)
	}
}

// end zeroes both buffers, a request that did not come to its end included.
func (l *link) end() {
	l.End()
	l.wipe()
	l.conn.Close()
}
