// SPDX-License-Identifier: Apache-2.0

// Package client speaks to the core over a client channel (docs/design/channel.md and management.md), for the command
// line, tests and Go programs. It is the twin of the C library in pkcs11/: it marshals, sends, receives and unmarshals,
// and decides nothing.
//
// Dial meets the node's socket and says HELLO; a Conn carries one call at a time, and Join opens another of the same
// application for a second one. Errors are *Error: a fault code with the request id that stands in the core's log. A PIN
// or share given to a method is zeroed before the method returns, and so is every buffer that a call went through.
package client

import (
	"io"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	requestHeader  = 4 + 2 + 2 + 4
	responseHeader = 2 + 2 + 4 + 8 + 1
	maxFrame       = 16 << 20
	maxAnswer      = 64 << 20 // a response is longer than its request by a page at most; beyond this the stream is broken
	version        = 1
	firstRead      = 4096 // room for the first read of an answer
)

// Conn is one channel. It is safe for many goroutines, which wait for each other.
type Conn struct {
	mu       sync.Mutex
	stream   io.ReadWriteCloser // guarded by mu, except Close
	sequence uint32             // guarded by mu
	out      wire.Writer        // guarded by mu
	in       []byte             // guarded by mu
	broken   error              // guarded by mu: why no call can be made any more
	approved bool               // guarded by mu
	observe  Observer           // guarded by mu: nil for none
	sealer   *Sealer            // set before the first call with secrets; nil for a channel of this machine

	Secret []byte   // of the application, for Join and Fork
	Epoch  [16]byte // of the core's run: another one means that logins and session objects are gone
	Now    uint64   // the core's clock at HELLO
}

// Error is a refusal by the core.
type Error struct {
	Code    fault.Code
	Request uint64 // stands in the core's log with the reason
	Reason  string
	Left    int // PIN attempts left, -1 when not told
}

func (e *Error) Error() string { return e.Reason }

// Unwrap makes fault.Of and errors.Is find the code.
func (e *Error) Unwrap() error { return e.Code }

// New makes a Conn of a channel that is open already; Hello must be the first call.
func New(stream io.ReadWriteCloser) *Conn { return &Conn{stream: stream} }

// Close ends the channel. The application ends 60 s after its last channel.
func (c *Conn) Close() error { return c.stream.Close() }

// Approved tells whether the last call that succeeded was an approved service (FIPS 140-3).
func (c *Conn) Approved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.approved
}

// call sends one request, whose body put writes, and lets get read the answer. The answer's bytes are zeroed when get
// has returned, so get copies what it keeps.
func (c *Conn) call(call wire.Call, put func(w *wire.Writer), get func(r *wire.Reader)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	c.sequence++
	w := &c.out
	w.B = w.B[:0]
	defer c.wipe()
	w.U32(0)
	w.U16(uint16(call))
	w.U16(0)
	w.U32(c.sequence)
	if put != nil {
		put(w)
	}
	if err := c.seal(w, call); err != nil {
		return err
	}
	if len(w.B)-4 > maxFrame {
		return fault.TooLarge.At("send request")
	}
	began := c.timed(w)
	h := wire.Writer{B: w.B[:0]}
	h.U32(uint32(len(w.B) - 4))
	if _, err := c.stream.Write(w.B); err != nil {
		return c.end(fault.Unavailable.At("send request"))
	}
	// One read takes what is there, which is nearly always the whole answer: nothing else can follow it.
	if cap(c.in) < firstRead {
		c.in = make([]byte, firstRead)
	}
	c.in = c.in[:cap(c.in)]
	got, err := io.ReadAtLeast(c.stream, c.in, 4)
	if err != nil {
		return c.end(fault.Unavailable.At("read answer"))
	}
	r := wire.NewReader(c.in[:4])
	n := int(r.U32())
	if n < responseHeader || n > maxAnswer || got > 4+n {
		return c.end(fault.Malformed.At("read answer"))
	}
	if cap(c.in) < 4+n {
		larger := make([]byte, 4+n)
		copy(larger, c.in[:got])
		clear(c.in)
		c.in = larger
	}
	c.in = c.in[:4+n]
	if _, err := io.ReadFull(c.stream, c.in[got:]); err != nil {
		return c.end(fault.Unavailable.At("read answer"))
	}
	r = wire.NewReader(c.in[4:])
	worked := c.worked(&r, c.in[4:])
	answered, code, sequence, request, approved := wire.Call(r.U16()), fault.Code(r.U16()), r.U32(), r.U64(), r.Bool()
	if answered != call || sequence != c.sequence || r.Err() != nil {
		return c.end(fault.Malformed.At("match the answer with its request"))
	}
	c.observed(call, request, began, worked, code)
	if code != fault.OK {
		e := &Error{Code: code, Request: request, Reason: r.String(), Left: int(int64(r.U64()))}
		if r.End() != nil {
			return c.end(fault.Malformed.At("read refusal"))
		}
		return e
	}
	c.approved = approved
	if get != nil {
		get(&r)
	}
	if r.End() != nil {
		return c.end(fault.Malformed.At("read answer to " + call.String()))
	}
	return nil
}

// end closes the channel: what would come next on it cannot be understood.
func (c *Conn) end(err error) error {
	c.broken = err
	c.stream.Close()
	return err
}

func (c *Conn) wipe() {
	clear(c.out.B[:cap(c.out.B)])
	clear(c.in[:cap(c.in)])
	if cap(c.in) > 64<<10 {
		c.in = nil
	}
	if cap(c.out.B) > 64<<10 {
		c.out.B = nil
	}
}

// Flags of HELLO.
const (
	helloNew  = 0
	helloJoin = 1
	helloFork = 2

	helloApart = 4 // beside one of these: answers come through the pipe of a Stream
)

// Hello makes this channel's application.
func (c *Conn) Hello() error { return c.hello(helloNew, nil) }

// HelloJoin adds this channel to the application of a secret.
func (c *Conn) HelloJoin(secret []byte) error { return c.hello(helloJoin, secret) }

// HelloFork makes this channel's application as a copy of the secret's, as a forked child does.
func (c *Conn) HelloFork(secret []byte) error { return c.hello(helloFork, secret) }

func (c *Conn) hello(flags uint64, secret []byte) error {
	if _, ok := c.stream.(*Stream); ok {
		flags |= helloApart
	}
	return c.call(wire.CallHello, func(w *wire.Writer) {
		w.U64(version)
		w.U64(flags)
		w.U64(uint64(pid()))
		w.Bytes(secret)
	}, func(r *wire.Reader) {
		c.Secret = keep(r.Bytes())
		copy(c.Epoch[:], r.Bytes())
		c.Now = r.U64()
	})
}

// keep copies a view that will be zeroed. It answers an empty slice rather than nil.
func keep(b []byte) []byte { return append([]byte{}, b...) }
