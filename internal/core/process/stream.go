// SPDX-License-Identifier: Apache-2.0

package process

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Stream is a connection from outside this machine: TCP, already connected, passed by the host. One goroutine may read
// while another writes. It is a net.Conn, as crypto/tls wants one; what it would say of addresses only the host knows.
type Stream struct{ *os.File }

// NewStream takes over a connected stream socket. (Which kind of socket it is cannot be asked in the sandbox; one of another
// kind never shakes hands.)
func NewStream(fd int) (*Stream, error) {
	if unix.SetNonblock(fd, true) != nil {
		return nil, fault.Malformed.At("open stream")
	}
	return &Stream{os.NewFile(uintptr(fd), "stream")}, nil
}

// writeTime is how long a peer may leave us waiting before it takes what we write. Whoever is slower has no use for it.
const writeTime = 10 * time.Second

// Write writes all of p, or fails when the peer does not take it.
func (s *Stream) Write(p []byte) (int, error) {
	s.File.SetWriteDeadline(time.Now().Add(writeTime))
	return s.File.Write(p)
}

type nowhere struct{}

func (nowhere) Network() string { return "genbu" }
func (nowhere) String() string  { return "by the host" }

func (*Stream) LocalAddr() net.Addr  { return nowhere{} }
func (*Stream) RemoteAddr() net.Addr { return nowhere{} }
