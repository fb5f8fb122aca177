// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Conn is a client channel. One goroutine reads, works and writes; Close may come from any. A Read that follows a Write
// may spin for a moment before it parks (spin.go).
type Conn struct {
	file *os.File
	raw  syscall.RawConn

	// All below belongs to the goroutine that reads and writes.
	spin    spin
	busy    bool // between the first byte of a request and its answer
	answers bool // a Write has come since the last Read: the next Read waits for a client's next thought

	buf  []byte                // of the Read or Write in progress
	n    int                   // bytes of buf done
	err  syscall.Errno         // how it ended
	recv func(fd uintptr) bool // made once, so that Read and Write allocate nothing
	send func(fd uintptr) bool
}

// channels counts all there have been.
var channels atomic.Int64

// NewConn takes over a connected stream socket.
func NewConn(fd int) (*Conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fault.Malformed.At("open channel")
	}
	c := &Conn{file: os.NewFile(uintptr(fd), "channel")}
	raw, err := c.file.SyscallConn()
	if err != nil {
		return nil, fault.Malformed.At("open channel")
	}
	c.raw, c.recv, c.send = raw, c.receive, c.transmit
	c.spin.channel = channels.Add(1)
	return c, nil
}

// Read reads what has come, at least one byte; io.EOF when the client is gone.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.buf = p
	err := c.raw.Read(c.recv)
	c.buf, c.answers = nil, false
	switch {
	case err != nil || c.err == unix.ECONNRESET:
		return 0, io.EOF // closed under us, or by the client with our answer unread
	case c.err != 0:
		return 0, c.err
	case c.n == 0:
		return 0, io.EOF
	}
	if !c.busy {
		c.busy = true
		c.spin.request()
	}
	return c.n, nil
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.buf, c.n = p, 0
	err := c.raw.Write(c.send)
	c.buf = nil
	c.rest()
	c.answers = true
	if err == nil && c.err != 0 {
		err = c.err
	}
	return c.n, err
}

// rest says that the channel works on no request.
func (c *Conn) rest() {
	if c.busy {
		c.busy = false
		working.Add(-1)
	}
}

// Done must be called by the channel's goroutine when it ends, so that an unanswered request counts no longer as work.
func (c *Conn) Done() { c.rest(); c.Close() }

// Close ends the channel; a Read in progress returns io.EOF.
func (c *Conn) Close() error { return c.file.Close() }

// The calls below are raw: they never block, so the scheduler need not be told, which spares the hot path its bookkeeping.

func (c *Conn) receive(fd uintptr) bool {
	if c.answers {
		c.answers = false // once per Read
		if end, ok := c.spin.begin(); ok {
			for {
				if c.tryReceive(fd) {
					c.spin.end(true)
					return true
				}
				if !c.spin.alone() {
					return false
				}
				if nanotime() > end {
					c.spin.end(false)
					return false
				}
			}
		}
	}
	return c.tryReceive(fd)
}

func (c *Conn) tryReceive(fd uintptr) bool {
	for {
		n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&c.buf[0])), uintptr(len(c.buf)), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.n, c.err = int(n), e
			return true
		}
	}
}

func (c *Conn) transmit(fd uintptr) bool {
	for c.n < len(c.buf) {
		p := c.buf[c.n:]
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch e {
		case 0:
			c.n += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.err = e
			return true
		}
	}
	c.err = 0
	return true
}
