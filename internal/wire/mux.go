// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// MaxMessage bounds one message between host and core: an etcd request limit (1.5 MiB) fits, and so do the largest
// batches of Describe; a length beyond it is a broken stream.
const MaxMessage = 8 << 20

const muxHeader = 4 + 1 + 1 + 2 + 8

// Handler answers one request of the other side. It runs in a goroutine of its own; body is the handler's to keep. The
// answer is copied before Handler's caller returns.
type Handler func(op uint16, body []byte) ([]byte, error)

// Mux carries requests both ways over one stream. Many goroutines may Call at once; writes are combined: whoever finds
// the writer busy leaves its frame with it (measured: 5 us of CPU per call at 64 callers).
type Mux struct {
	// Clock, in nanoseconds, lets this side tell how long it worked on a request. Set before Serve; nil tells nothing.
	Clock func() int64

	conn   io.ReadWriteCloser
	handle Handler

	answering sync.WaitGroup // requests taken from the stream and not yet handled

	wmu   sync.Mutex
	buf   []byte // guarded by wmu: frames waiting for the busy writer
	spare []byte // guarded by wmu
	busy  bool   // guarded by wmu

	pmu     sync.Mutex
	pending map[uint64]chan reply // guarded by pmu
	next    uint64                // guarded by pmu
	err     error                 // guarded by pmu: why the stream ended
}

type reply struct {
	code   fault.Code
	body   []byte
	worked int64
}

// NewMux wraps conn. Serve must be running for Call to return.
func NewMux(conn io.ReadWriteCloser, handle Handler) *Mux {
	return &Mux{conn: conn, handle: handle, pending: make(map[uint64]chan reply)}
}

// Serve reads until the stream ends, then fails every pending call with Unavailable and returns the reason.
func (m *Mux) Serve() error {
	err := m.read()
	m.conn.Close()
	m.pmu.Lock()
	m.err = err
	for id, ch := range m.pending {
		delete(m.pending, id)
		ch <- reply{code: fault.Unavailable}
	}
	m.pmu.Unlock()
	return err
}

// Drain waits for the handlers of all requests that came before the stream ended. It is called after Serve has returned.
func (m *Mux) Drain() { m.answering.Wait() }

func (m *Mux) read() error {
	var head [muxHeader]byte
	for {
		if _, err := io.ReadFull(m.conn, head[:]); err != nil {
			return err
		}
		r := NewReader(head[:])
		n, kind, flags, op, id := int(r.U32()), r.U8(), r.U8(), r.U16(), r.U64()
		n -= muxHeader - 4
		if n < 0 || n > MaxMessage || kind > 1 {
			return fault.Malformed.At("read message")
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(m.conn, body); err != nil {
			return err
		}
		switch {
		case kind == 1:
			m.pmu.Lock()
			ch := m.pending[id]
			delete(m.pending, id)
			m.pmu.Unlock()
			if ch != nil {
				ch <- replied(fault.Code(op), flags, body)
			}
		default:
			m.answering.Go(func() { m.answer(op, id, flags, body) })
		}
	}
}

func (m *Mux) answer(op uint16, id uint64, flags uint8, body []byte) {
	began := m.begin(flags)
	out, err := m.handle(op, body)
	if id == 0 { // a notice: nobody waits
		return
	}
	code := fault.Of(err)
	if code != fault.OK {
		out = []byte(err.Error())
	}
	m.send(1, flags&timed, uint16(code), id, m.told(flags, began, out))
}

// Call sends a request and waits for its answer. The error carries the other side's fault code and its words.
func (m *Mux) Call(op uint16, body []byte) ([]byte, error) {
	if len(body) > MaxMessage {
		return nil, fault.TooLarge.At("call")
	}
	ch := make(chan reply, 1)
	id, err := m.expect(ch)
	if err != nil {
		return nil, err
	}
	m.send(0, 0, op, id, body)
	return (<-ch).result()
}

// CallUntil is Call with an end: Timeout when over is closed before the answer came. The other side may still do what was
// asked. A peer that takes nothing any more holds up only the goroutine that writes to it.
func (m *Mux) CallUntil(over <-chan struct{}, op uint16, body []byte) ([]byte, error) {
	if len(body) > MaxMessage {
		return nil, fault.TooLarge.At("call")
	}
	ch := make(chan reply, 1)
	id, err := m.expect(ch)
	if err != nil {
		return nil, err
	}
	go m.send(0, 0, op, id, body)
	select {
	case r := <-ch:
		return r.result()
	case <-over:
		m.pmu.Lock()
		delete(m.pending, id)
		m.pmu.Unlock()
		return nil, fault.Timeout.At("call")
	}
}

// expect makes ch the place of the next answer.
func (m *Mux) expect(ch chan reply) (id uint64, err error) {
	m.pmu.Lock()
	defer m.pmu.Unlock()
	if m.err != nil {
		return 0, fault.Unavailable.At("call")
	}
	m.next++
	m.pending[m.next] = ch
	return m.next, nil
}

func (r reply) result() ([]byte, error) {
	if r.code != fault.OK {
		// The words end in the code's own, which the error says by itself.
		step := strings.TrimSuffix(strings.TrimSuffix(string(r.body), r.code.String()), ": ")
		return nil, &fault.Error{Code: r.code, Step: step, Left: -1}
	}
	return r.body, nil
}

// Notify sends a request that has no answer.
func (m *Mux) Notify(op uint16, body []byte) { m.send(0, 0, op, 0, body) }

func (m *Mux) send(kind, flags uint8, op uint16, id uint64, body []byte) {
	m.wmu.Lock()
	w := Writer{B: m.buf}
	w.U32(uint32(muxHeader - 4 + len(body)))
	w.U8(kind)
	w.U8(flags)
	w.U16(op)
	w.U64(id)
	w.Raw(body)
	m.buf = w.B
	if m.busy {
		m.wmu.Unlock()
		return
	}
	m.busy = true
	for len(m.buf) > 0 {
		out := m.buf
		m.buf = m.spare[:0]
		m.wmu.Unlock()
		if _, err := m.conn.Write(out); err != nil {
			m.conn.Close() // the reader fails the pending calls
		}
		m.wmu.Lock()
		m.spare = out
	}
	m.busy = false
	m.wmu.Unlock()
}
