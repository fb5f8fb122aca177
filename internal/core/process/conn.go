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
//
// Answers may go through a pipe of their own (AnswerApart). Whoever reads from a socket frees its writer's memory, and the
// kernel tells that to everybody who polls the writer's end, as the Go runtime does for all: so each answer that a client took
// woke us for nothing. A pipe tells it only when it was full.
type Conn struct {
	file    *os.File
	answers *os.File // nil for none
	raw     syscall.RawConn
	out     syscall.RawConn // where answers go

	// All below belongs to the goroutine that reads and writes.
	spin     spin
	busy     bool // between the first byte of a request and its answer
	apart    bool // answers go through the pipe
	answered bool // a Write has come since the last Read: the next Read waits for a client's next thought

	buf  []byte                // of the Read or Write in progress
	n    int                   // bytes of buf done
	err  syscall.Errno         // how it ended
	recv func(fd uintptr) bool // made once, so that Read and Write allocate nothing
	send func(fd uintptr) bool
}

// channels counts all there have been.
var channels atomic.Int64

// NewConn takes over a connected stream socket, and the writing end of a pipe for the answers; -1 for none.
func NewConn(fd, answers int) (*Conn, error) {
	if unix.SetNonblock(fd, true) != nil || answers >= 0 && unix.SetNonblock(answers, true) != nil {
		return nil, fault.Malformed.At("open channel")
	}
	c := &Conn{file: os.NewFile(uintptr(fd), "channel")}
	raw, err := c.file.SyscallConn()
	if err != nil {
		return nil, fault.Malformed.At("open channel")
	}
	if answers >= 0 {
		c.answers = os.NewFile(uintptr(answers), "answers")
	}
	c.raw, c.out, c.recv, c.send = raw, raw, c.receive, c.transmit
	c.spin.channel = channels.Add(1)
	return c, nil
}

// AnswerApart sends answers through the pipe from now on; false when there is none. It belongs to the goroutine that writes.
func (c *Conn) AnswerApart() bool {
	if c.answers == nil {
		return false
	}
	raw, err := c.answers.SyscallConn()
	if err == nil {
		c.out, c.apart = raw, true
	}
	return err == nil
}

// Read reads what has come, at least one byte; io.EOF when the client is gone.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.buf = p
	err := c.raw.Read(c.recv)
	c.buf, c.answered = nil, false
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
	err := c.out.Write(c.send)
	c.buf = nil
	c.rest()
	c.answered = true
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
func (c *Conn) Close() error {
	if c.answers != nil {
		c.answers.Close()
	}
	return c.file.Close()
}

// The calls below are raw: they never block, so the scheduler need not be told, which spares the hot path its bookkeeping.

func (c *Conn) receive(fd uintptr) bool {
	if c.answered {
		c.answered = false // once per Read
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
		var n uintptr
		var e syscall.Errno
		if c.apart { // the pipe does not block, and the runtime takes SIGPIPE for what it is
			n, _, e = syscall.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		} else {
			n, _, e = syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		}
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
