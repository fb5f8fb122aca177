// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Ways in which an exchange can end without an answer.
var (
	errUnsent = errors.New("the request did not reach the node")             // so nothing of it was done
	errLost   = errors.New("the connection ended before the answer")         // what was done is unknown
	errLate   = errors.New("no answer yet")                                  // receive may be called again
	errBroken = errors.New("what the node answered is not of this protocol") // as lost
)

// answer is a response of a core. body is a view into the connection's buffer, valid until the connection is given back.
type answer struct {
	code     fault.Code
	request  uint64
	approved bool
	body     []byte
}

// conn is one channel to a core: one request in flight. It belongs to whoever took it; prod may be called by anybody.
type conn struct {
	stream Stream
	sealer *client.Sealer // nil until a request with secrets goes out from afar
	node   *node
	out    wire.Writer
	in     []byte // [:have] has been read of an answer
	have   int
	call   wire.Call
	seq    uint32
	limit  atomic.Int64 // unix nanoseconds after which receive gives up, whatever it was told; 0: none
	used   time.Time
	over   bool // nothing more can be said on it
}

// prod wakes a receive that is waiting, so that it looks at node and limit again.
func (c *conn) prod() { c.stream.SetReadDeadline(time.Unix(1, 0)) }

// send writes one request; one with secrets leaves this machine sealed to the core.
func (c *conn) send(call wire.Call, body []byte) error {
	secret := c.stream.Remote() && call.Secret()
	if secret && c.sealer == nil {
		if err := c.fetchSealer(); err != nil {
			return err
		}
	}
	c.seq++
	c.call, c.have = call, 0
	c.limit.Store(0)
	var flags uint16
	if secret {
		sealed, err := c.sealer.Seal(call, c.seq, body)
		if err != nil {
			return c.end(errUnsent)
		}
		flags, body = wire.FlagSealed, sealed
	}
	w := &c.out
	w.B = w.B[:0]
	defer c.wipeOut()
	w.U32(uint32(wire.RequestHeader - 4 + len(body)))
	w.U16(uint16(call))
	w.U16(flags)
	w.U32(c.seq)
	w.Raw(body)
	c.stream.SetWriteDeadline(time.Now().Add(helloTime + time.Duration(len(w.B))*slowest))
	if _, err := c.stream.Write(w.B); err != nil { // a frame that is not whole is not served
		return c.end(errUnsent)
	}
	return nil
}

// fetchSealer asks for the key of this run of the core.
func (c *conn) fetchSealer() error {
	a, err := c.exchange(wire.CallSealKey, nil, time.Now().Add(helloTime), true)
	if err != nil {
		return c.end(errUnsent)
	}
	r := wire.NewReader(a.body)
	if a.code == fault.OK {
		c.sealer, err = client.NewSealer(append([]byte(nil), r.Bytes()...))
	}
	if c.sealer == nil || err != nil || r.End() != nil {
		return c.end(errUnsent)
	}
	c.wipe()
	return nil
}

func (c *conn) wipeOut() {
	clear(c.out.B)
	if cap(c.out.B) > wire.RestingBuffer {
		c.out.B = nil
	}
}

// receive reads the answer, until by. With wary it also returns errLate once the node is suspect.
func (c *conn) receive(by time.Time, wary bool) (answer, error) {
	if c.in == nil {
		c.in = make([]byte, wire.FirstBuffer)
	}
	for {
		n := 4
		if c.have >= n {
			r := wire.NewReader(c.in[:n])
			n += int(r.U32())
			if n < wire.ResponseHeader || n > maxAnswer || n < c.have {
				return answer{}, c.end(errBroken)
			}
			if c.have == n {
				return c.read(n)
			}
		}
		if c.have == len(c.in) {
			grown := make([]byte, min(n, 2*len(c.in)))
			copy(grown, c.in)
			clear(c.in)
			c.in = grown
		}
		c.stream.SetReadDeadline(by)
		if wary && c.node.suspected() {
			return answer{}, errLate
		}
		m, err := c.stream.Read(c.in[c.have:])
		c.have += m
		switch {
		case err == nil || m > 0:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return answer{}, c.end(errLost)
		default:
			now := time.Now()
			if limit := c.limit.Load(); !now.Before(by) || limit != 0 && now.UnixNano() >= limit {
				return answer{}, errLate
			}
		}
	}
}

func (c *conn) read(n int) (answer, error) {
	r := wire.NewReader(c.in[4:n])
	call, code, seq, request, approved := wire.Call(r.U16()), fault.Code(r.U16()), r.U32(), r.U64(), r.Bool()
	if r.Err() != nil || call != c.call || seq != c.seq {
		return answer{}, c.end(errBroken)
	}
	return answer{code: code, request: request, approved: approved, body: r.Rest()}, nil
}

// exchange is send and receive, for what is small.
func (c *conn) exchange(call wire.Call, body []byte, by time.Time, wary bool) (answer, error) {
	if err := c.send(call, body); err != nil {
		return answer{}, err
	}
	a, err := c.receive(by, wary)
	if err == errLate {
		c.end(err)
	}
	return a, err
}

func (c *conn) end(err error) error {
	c.over = true
	return err
}

// wipe zeroes what the last answer left.
func (c *conn) wipe() {
	clear(c.in[:c.have])
	c.have = 0
	if len(c.in) > wire.RestingBuffer {
		c.in = nil
	}
}

// stale tells whether an idle connection has ended, or has something to say that nobody asked for: then a request on it
// would be lost, and a call that is sent once must not begin there.
func (c *conn) stale() bool {
	raw, err := c.stream.Raw()
	if err != nil {
		return true
	}
	stale := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		stale = err != unix.EAGAIN
	})
	return stale || err != nil
}

func (c *conn) close() {
	c.over = true
	c.wipe()
	c.stream.Close()
}

var _ net.Conn = Stream(nil)
