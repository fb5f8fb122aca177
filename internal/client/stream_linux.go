// SPDX-License-Identifier: Apache-2.0

package client

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Stream is the client's end of a channel of this machine whose answers come through a pipe (docs/design/channel.md), for New.
// One goroutine at a time writes a request and reads its answer, as Conn does; Close may come from any.
type Stream struct {
	requests *os.File // a socket that blocks, so that the runtime does not poll it: each request taken would wake us
	answers  *os.File

	raw  syscall.RawConn
	buf  []byte                // of the Write in progress
	n    int                   // bytes of buf done
	err  syscall.Errno         // how it ended
	send func(fd uintptr) bool // made once, so that Write allocates nothing
}

// NewStream takes over a connected stream socket that blocks and the reading end of a pipe that does not.
func NewStream(socket, answers int) (*Stream, error) {
	s := &Stream{requests: os.NewFile(uintptr(socket), "requests"), answers: os.NewFile(uintptr(answers), "answers")}
	raw, err := s.requests.SyscallConn()
	if err != nil {
		s.Close()
		return nil, fault.Unavailable.At("open channel")
	}
	s.raw, s.send = raw, s.transmit
	return s, nil
}

// Close ends the channel.
func (s *Stream) Close() error {
	s.answers.Close()
	return s.requests.Close()
}

// Read reads what has come of the answer.
func (s *Stream) Read(p []byte) (int, error) { return s.answers.Read(p) }

// Write sends a request.
func (s *Stream) Write(p []byte) (int, error) {
	s.buf, s.n, s.err = p, 0, 0
	err := s.raw.Write(s.send)
	s.buf = nil
	if err == nil && s.err != 0 {
		err = s.err
	}
	return s.n, err
}

// transmit tries without the scheduler's knowledge first, which is cheaper; only a request that does not fit the socket's
// buffer has to wait.
func (s *Stream) transmit(fd uintptr) bool {
	for s.n < len(s.buf) {
		p := s.buf[s.n:]
		n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if e == unix.EAGAIN {
			n, _, e = syscall.Syscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		}
		switch e {
		case 0:
			s.n += int(n)
		case unix.EINTR:
		default:
			s.err = e
			return true
		}
	}
	return true
}
