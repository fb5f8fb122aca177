// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	// maxGreetings bounds connections that have not said for what they come.
	maxGreetings = 128

	// greetingTimeout is for five bytes.
	greetingTimeout = 5 * time.Second

	dialTimeout = 5 * time.Second

	// A connection whose far end is gone, machine and all, ends within a quarter of a minute.
	keepIdle, keepInterval, keepCount = 5 * time.Second, 3 * time.Second, 3
	unacknowledged                    = 10 * time.Second
)

// accept passes what comes to the door to the core. The host reads five bytes and no more: what follows is TLS that ends
// in the core.
func (c *Cluster) accept(l net.Listener) {
	slots := make(chan struct{}, maxGreetings)
	for {
		slots <- struct{}{}
		conn, err := l.Accept()
		if err != nil {
			<-slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			c.log.Warn("accept failed", "door", "core", "error", err)
			time.Sleep(50 * time.Millisecond) // out of descriptors: wait for some to be closed
			continue
		}
		go func() {
			defer func() { <-slots }()
			defer conn.Close()
			if err := c.greet(conn.(*net.TCPConn)); err != nil {
				c.log.Debug("connection refused", "door", "core", "from", conn.RemoteAddr(), "error", err)
			}
		}()
	}
}

func (c *Cluster) greet(conn *net.TCPConn) error {
	var hello [len(wire.Preface) + 1]byte
	conn.SetReadDeadline(time.Now().Add(greetingTimeout))
	if _, err := io.ReadFull(conn, hello[:]); err != nil {
		return err
	}
	purpose := hello[len(wire.Preface)]
	if string(hello[:len(wire.Preface)]) != wire.Preface || purpose < wire.DoorChannel || purpose > wire.DoorAdmission {
		return fault.Malformed.At("greeting")
	}
	core, err := c.attached()
	if err != nil {
		return err
	}
	f, err := c.release(conn)
	if err != nil {
		return err
	}
	defer f.Close()
	return core.PassArrived(f, purpose)
}

// dial connects for the core, which speaks first. Only the core's own addresses come here: those of sealed records, or of a
// join token that somebody typed.
func (c *Cluster) dial(asker Dialler, ask *wire.DialRequest) error {
	ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", ask.Address)
	if err != nil {
		c.log.Debug("dial for the core", "address", ask.Address, "error", err)
		return fault.Unavailable.At("dial")
	}
	defer conn.Close()
	f, err := c.release(conn.(*net.TCPConn))
	if err != nil {
		return err
	}
	defer f.Close()
	return asker.PassDialled(f, ask.ID)
}

// release sets what the core, in its sandbox, may not set, and answers a copy of the socket to pass on.
func (c *Cluster) release(conn *net.TCPConn) (*os.File, error) {
	conn.SetDeadline(time.Time{})
	conn.SetNoDelay(true)
	conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepIdle, Interval: keepInterval, Count: keepCount})
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
		})
	}
	return conn.File()
}

// keepDoor closes the door with ctx.
func (c *Cluster) keepDoor(ctx context.Context) {
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.door != nil {
		c.door.Close()
	}
}
