// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// nobody is asserted as the uid of who comes over HTTP, so that no login by uid is ever open to them.
const nobody = ^uint32(0)

// channel opens a channel to the core as the socket's door does for others, for one of the host's own doors, and keeps the client's end.
func (m *module) channel(door uint8) (io.ReadWriteCloser, error) {
	var pair, pipe [2]int
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fault.Unavailable.At("open channel")
	}
	socket := os.NewFile(uintptr(pair[0]), "core end")
	defer socket.Close()
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		unix.Close(pair[1])
		return nil, fault.Unavailable.At("open channel")
	}
	answers := os.NewFile(uintptr(pipe[1]), "core end")
	defer answers.Close()
	ours, err := client.NewStream(pair[1], pipe[0])
	if err != nil {
		return nil, err
	}
	if err := m.current().Introduce(socket, answers, door, nobody, nobody, uint32(os.Getpid())); err != nil {
		ours.Close()
		return nil, err
	}
	return ours, nil
}

// unlock has the core let another node be unlocked, for who owns this node's directory; the core says whether that is enough.
func (m *module) unlock(node string) error {
	stream, err := m.channel(wire.DoorControl)
	if err != nil {
		return err
	}
	conn := client.New(stream)
	defer conn.Close()
	if err := conn.Hello(); err != nil {
		return err
	}
	return conn.NodeUnlock(node)
}
