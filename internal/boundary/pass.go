// SPDX-License-Identifier: Apache-2.0

package boundary

import (
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

// Introduce passes the core's end of a client channel, with what the host asserts of the client. Answers is the writing end
// of a pipe through which the client may want its answers (docs/design/channel.md), nil for none. The caller closes its
// copies of the files.
func (c *Core) Introduce(channel, answers *os.File, door uint8, uid, gid, pid uint32) error {
	var w wire.Writer
	w.U8(kindChannel)
	w.U8(door)
	w.U32(uid)
	w.U32(gid)
	w.U32(pid)
	if answers == nil {
		return c.pass(w.B, channel)
	}
	return c.pass(w.B, channel, answers)
}

// PassKeeper passes the file keeper's file, which the host does not read. With write the core may fill the empty file;
// its directory entry must be on disk already. The caller closes its copy.
func (c *Core) PassKeeper(file *os.File, write bool) error {
	var w wire.Writer
	w.U8(kindKeeper)
	w.Bool(write)
	return c.pass(w.B, file)
}

// PassArrived passes a connection that came to the node's door and said its purpose (wire.DoorChannel and the like). The caller
// has set what it wants of the socket (no delay, keep-alive), and closes its copy.
func (c *Core) PassArrived(socket *os.File, purpose uint8) error {
	var w wire.Writer
	w.U8(kindArrived)
	w.U8(purpose)
	w.U32(0)
	return c.pass(w.B, socket)
}

// PassDialled passes the connection that the core asked for by OpDial with this id. The caller has set what it wants of the
// socket, and closes its copy; it answers OpDial afterwards.
func (c *Core) PassDialled(socket *os.File, id key.ID) error {
	var w wire.Writer
	w.U8(kindDialled)
	w.PutID(id)
	return c.pass(w.B, socket)
}

func (c *Core) pass(data []byte, files ...*os.File) error { return c.passAll(data, files, nil) }

// passAll holds the files one within the other, so that none is closed before they are passed.
func (c *Core) passAll(data []byte, files []*os.File, fds []int) error {
	if len(files) == 0 {
		return c.send(data, unix.UnixRights(fds...))
	}
	what, err := files[0].SyscallConn() // not Fd, which would make the shared file description blocking
	if err != nil {
		return fault.ArgumentsBad.At("pass descriptor")
	}
	var failed error
	err = what.Control(func(fd uintptr) { failed = c.passAll(data, files[1:], append(fds, int(fd))) })
	if err != nil {
		return fault.Unavailable.At("pass descriptor")
	}
	return failed
}

func (c *Core) send(data, rights []byte) error {
	to, err := c.intake.SyscallConn()
	if err != nil {
		return fault.Unavailable.At("pass descriptor")
	}
	var failed error
	err = to.Write(func(socket uintptr) bool {
		for {
			failed = unix.Sendmsg(int(socket), data, rights, nil, unix.MSG_NOSIGNAL)
			if failed != unix.EINTR {
				return failed != unix.EAGAIN
			}
		}
	})
	if err != nil || failed != nil {
		return fault.Unavailable.At("pass descriptor")
	}
	return nil
}
