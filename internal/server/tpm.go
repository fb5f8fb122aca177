// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// tpmLine carries the core's commands to the machine's TPM, and the answers back. It does not look into them: what it could read
// is encrypted, what it changed would be noticed (core/tpm).
type tpmLine struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	conn io.ReadWriteCloser // guarded by mu: of the conversation that is under way; the kernel takes away what it made when it is closed
}

const (
	tpmHeader = 10
	maxTPM    = 4096 // the kernel's own limit

	// tpmTime is more than any command takes that the core gives.
	tpmTime = 30 * time.Second
)

// handle executes one command, or ends the conversation.
func (l *tpmLine) handle(body []byte) ([]byte, error) {
	var ask wire.TPMRequest
	r := wire.NewReader(body)
	if ask.Decode(&r); r.End() != nil || len(ask.Command) > maxTPM {
		return nil, fault.Malformed.At("TPM")
	}
	var reply wire.TPMReply
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ask.Command) == 0 {
		l.close()
	} else {
		var err error
		if reply.Answer, err = l.execute(ask.Command); err != nil {
			l.close()
			l.log.Error("TPM", "path", l.path, "error", err)
			return nil, fault.TPMMissing.At("use " + l.path + ": " + reason(err))
		}
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, nil
}

// reason is why, without the path, which is said already.
func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func (l *tpmLine) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

func (l *tpmLine) execute(command []byte) ([]byte, error) {
	if l.conn == nil {
		conn, err := openTPM(l.path)
		if err != nil {
			return nil, err
		}
		l.conn = conn
	}
	if _, err := l.conn.Write(command); err != nil {
		return nil, err
	}
	// A device gives the whole answer at once or not at all, a socket piece by piece.
	answer := make([]byte, maxTPM)
	for got, size := 0, tpmHeader; ; {
		n, err := l.conn.Read(answer[got:])
		if got += n; got >= tpmHeader {
			size = int(binary.BigEndian.Uint32(answer[2:]))
		}
		switch {
		case size < tpmHeader || size > maxTPM || got > size:
			return nil, errors.New("what answers is no TPM 2.0")
		case got == size:
			return answer[:got], nil
		case err != nil:
			return nil, err
		case n == 0:
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// openTPM opens a device, or the socket of a TPM in software.
func openTPM(path string) (io.ReadWriteCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch info.Mode() & os.ModeType {
	case os.ModeDevice | os.ModeCharDevice:
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		return tpmDevice(fd), nil
	case os.ModeSocket:
		conn, err := net.DialTimeout("unix", path, tpmTime)
		if err != nil {
			return nil, err
		}
		return tpmSocket{conn}, nil
	}
	return nil, errors.New("neither a device nor a socket")
}

// tpmDevice is read and written as it is: a write waits until the command was executed, and os.File would make it not wait.
type tpmDevice int

func (d tpmDevice) Read(p []byte) (int, error) {
	return again(func() (int, error) { return unix.Read(int(d), p) })
}
func (d tpmDevice) Write(p []byte) (int, error) {
	return again(func() (int, error) { return unix.Write(int(d), p) })
}
func (d tpmDevice) Close() error { return unix.Close(int(d)) }

func again(f func() (int, error)) (int, error) {
	for {
		if n, err := f(); err != unix.EINTR {
			return max(0, n), err
		}
	}
}

// tpmSocket does not wait for ever.
type tpmSocket struct{ net.Conn }

func (s tpmSocket) Write(p []byte) (int, error) {
	s.SetDeadline(time.Now().Add(tpmTime))
	return s.Conn.Write(p)
}
