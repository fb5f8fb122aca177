// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Kinds of passed descriptors (docs/design/boundary.md).
const (
	kindChannel = 1
	kindKeeper  = 2
	kindArrived = 3
	kindDialled = 4
)

// Packet is one descriptor that the host passed. Exactly one of Channel, Keeper, Arrived and Dialled is set; it is the
// receiver's to close.
type Packet struct {
	Channel *Conn

	// What the host asserts of the channel's client.
	Door          uint8
	UID, GID, PID uint32

	Keeper *Keeper

	// Somebody came to the node's door, and said for what (wire.Door...).
	Arrived *Stream
	Purpose uint8

	// The connection that the core asked for by this id.
	Dialled *Stream
	ID      key.ID
}

// header is the data that goes with a descriptor.
type header struct {
	kind          uint8
	door          uint8
	uid, gid, pid uint32
	write         bool
	purpose       uint8
	id            key.ID
}

func parseHeader(b []byte) (header, error) {
	r := wire.NewReader(b)
	h := header{kind: r.U8()}
	switch h.kind {
	case kindChannel:
		h.door, h.uid, h.gid, h.pid = r.U8(), r.U32(), r.U32(), r.U32()
	case kindKeeper:
		h.write = r.Bool()
	case kindArrived:
		if h.purpose = r.U8(); r.U32() != 0 {
			r.Fail()
		}
	case kindDialled:
		h.id = r.ID()
	default:
		r.Fail()
	}
	return h, r.End()
}

// Intake waits for the next descriptor from the host. io.EOF means that the host is gone; any other error that one packet
// was not as agreed: what it carried is closed, and the next call goes on.
func Intake() (Packet, error) { return receive(intake) }

func receive(from *os.File) (Packet, error) {
	raw, err := from.SyscallConn()
	if err != nil {
		return Packet{}, err
	}
	data, oob := make([]byte, 64), make([]byte, unix.CmsgSpace(4*8))
	var n, oobn, flags int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, flags, _, failed = unix.Recvmsg(int(fd), data, oob, unix.MSG_CMSG_CLOEXEC)
			if failed != unix.EINTR {
				return failed != unix.EAGAIN
			}
		}
	})
	if err != nil || failed != nil || n == 0 && oobn == 0 {
		return Packet{}, io.EOF
	}
	fds := rights(oob[:oobn])
	h, err := parseHeader(data[:n])
	if err != nil || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 || len(fds) != 1 && (len(fds) != 2 || h.kind != kindChannel) {
		closeAll(fds)
		return Packet{}, fault.Malformed.At("receive descriptor")
	}
	p, err := h.packet(fds)
	if err != nil {
		closeAll(fds)
	}
	return p, err
}

// packet wraps the descriptors, after a look whether they are of the kind they are said to be: a channel that is no socket, or
// a keeper that is no file, would make the core wait in odd places.
func (h header) packet(fds []int) (Packet, error) {
	typ, err := kindOf(fds[0])
	if err != nil {
		return Packet{}, err
	}
	answers := -1
	if len(fds) == 2 {
		answers = fds[1]
		if typ, err := kindOf(answers); err != nil || typ != unix.S_IFIFO {
			return Packet{}, fault.Malformed.At("look at descriptor")
		}
	}
	switch fd := fds[0]; {
	case h.kind == kindChannel && typ == unix.S_IFSOCK:
		c, err := NewConn(fd, answers)
		if err != nil {
			return Packet{}, err
		}
		return Packet{Channel: c, Door: h.door, UID: h.uid, GID: h.gid, PID: h.pid}, nil
	case h.kind == kindKeeper && typ == unix.S_IFREG:
		return Packet{Keeper: &Keeper{fd: fd, writable: h.write}}, nil
	case (h.kind == kindArrived || h.kind == kindDialled) && typ == unix.S_IFSOCK:
		s, err := NewStream(fd)
		if err != nil {
			return Packet{}, err
		}
		if h.kind == kindArrived {
			return Packet{Arrived: s, Purpose: h.purpose}, nil
		}
		return Packet{Dialled: s, ID: h.id}, nil
	}
	return Packet{}, fault.Malformed.At("look at descriptor")
}

func kindOf(fd int) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fault.Malformed.At("look at descriptor")
	}
	return st.Mode & unix.S_IFMT, nil
}

// rights finds the descriptors in ancillary data.
func rights(oob []byte) (fds []int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range msgs {
		if len(msgs[i].Data)%4 != 0 {
			continue // the kernel sends whole descriptors; ParseUnixRights relies on it
		}
		got, err := unix.ParseUnixRights(&msgs[i])
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
