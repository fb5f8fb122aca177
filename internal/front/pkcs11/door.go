// SPDX-License-Identifier: Apache-2.0

// Package pkcs11 is the door for PKCS #11 clients and for the command line: a unix socket on which the host checks who
// is there, introduces the client to the core and steps aside (docs/design/channel.md). It sees no call, no PIN and no
// data: those run on the socketpair whose ends it has given away.
package pkcs11

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Peer is what the kernel says of the process at the other end.
type Peer struct {
	UID, GID, PID uint32
}

// Core is who the door introduces clients to. Introduce takes over the descriptors, also when it fails: its end of the
// socketpair, and the writing end of a pipe for answers, nil where the door has no pipes.
type Core interface {
	Introduce(channel, answers *os.File, peer Peer) error
}

const (
	// maxGreetings bounds introductions under way at once, so that a flood of connections waits in the listen queue
	// instead of taking the host's memory.
	maxGreetings = 64

	// greetingTimeout ends an introduction whose client does not take its descriptor.
	greetingTimeout = 5 * time.Second
)

// Door serves one unix socket.
type Door struct {
	Core  Core
	Log   *slog.Logger
	Pipes bool // the core can answer through a pipe

	wg sync.WaitGroup
}

// Serve accepts clients until ctx ends or the listener is closed.
func (d *Door) Serve(ctx context.Context, l *net.UnixListener) error {
	defer d.wg.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	slots := make(chan struct{}, maxGreetings)
	for {
		slots <- struct{}{}
		conn, err := l.AcceptUnix()
		if err != nil {
			<-slots
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			d.Log.Warn("accept failed", "door", "pkcs11", "error", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: wait for some to be closed
			continue
		}
		d.wg.Go(func() {
			defer func() { <-slots }()
			if err := d.greet(conn); err != nil {
				level := slog.LevelWarn
				if fault.Of(err) == fault.Unavailable { // clients try until the next core is there; that it ended is logged once
					level = slog.LevelDebug
				}
				d.Log.Log(ctx, level, "client not introduced", "door", "pkcs11", "error", err)
			}
		})
	}
}

var greeting = []byte("GNBU\x01")

func (d *Door) greet(conn *net.UnixConn) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(greetingTimeout))
	peer, err := credentials(conn)
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return d.refuse(conn, fault.Unavailable, err)
	}
	defer unix.Close(pair[1])
	rights := []int{pair[1]}
	var answers *os.File
	if d.Pipes {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			unix.Close(pair[0])
			return d.refuse(conn, fault.Unavailable, err)
		}
		defer unix.Close(pipe[0])
		rights = append(rights, pipe[0]) // behind the socket: a library that knows of no pipes keeps the first and closes the rest
		answers = os.NewFile(uintptr(pipe[1]), "core end")
	}
	if err := d.Core.Introduce(os.NewFile(uintptr(pair[0]), "core end"), answers, peer); err != nil {
		return d.refuse(conn, fault.Of(err), err)
	}
	_, _, err = conn.WriteMsgUnix(greeting, unix.UnixRights(rights...), nil)
	return err
}

// refuse tells the client why it gets no channel: version 0 and the fault.
func (d *Door) refuse(conn *net.UnixConn, code fault.Code, why error) error {
	conn.Write([]byte{'G', 'N', 'B', 'U', 0, byte(code), byte(code >> 8)})
	return why
}

func credentials(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if failed != nil {
		return Peer{}, failed
	}
	return Peer{UID: cred.Uid, GID: cred.Gid, PID: uint32(cred.Pid)}, nil
}
