// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
)

// errCrowd: too many clients are connected.
var errCrowd = fault.Busy.At("agent: take another channel")

// drainMost is how long calls under way may take when the agent ends.
const drainMost = 10 * time.Second

// Run serves clients until ctx ends, lets the calls that are under way come to their end, and returns. It does not wait for
// nodes: the socket is open at once, and the first call waits for the first node that answers.
func Run(ctx context.Context, c *Config, log *slog.Logger) error {
	if err := harden(); err != nil {
		log.Warn("this process's memory may be dumped", "error", err)
	}
	id, name, err := readIdentity(c.Dir)
	if err != nil {
		return err
	}
	known, err := readMembers(c.Dir)
	if err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if !slices.ContainsFunc(known, func(m member) bool { return m.address == n }) {
			known = append(known, member{n, n})
		}
	}
	if len(known) == 0 {
		return ErrNoNodes
	}
	l, lock, err := listen(c)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer lock.Close()
	dialer := &Dialer{}
	dialer.identity.Store(id)
	a := newAgent(c, dialer, log)
	defer a.close()
	a.set(known)
	a.work.Go(a.ticks)
	if id != nil {
		a.work.Go(a.follow)
		a.work.Go(func() { a.renew(dialer, name) })
	}
	log.Info("agent serves", "name", name, "socket", c.Socket, "nodes", len(known))
	door := &pkcs11.Door{Core: a, Log: log}
	if err := door.Serve(ctx, l); err != nil {
		return err
	}
	a.drain()
	log.Info("agent ends")
	return nil
}

// ErrNoNodes: nobody has said where the cluster is.
var ErrNoNodes = errors.New("no node is known: this agent was not enrolled, and agent.yaml names none")

// listen opens the socket. A file that a killed agent left is removed: the lock beside it says that nobody serves it.
func listen(c *Config) (*net.UnixListener, *os.File, error) {
	lock, err := os.OpenFile(c.Socket+".lock", os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	l, err := bind(c, lock)
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return l, lock, nil
}

func bind(c *Config, lock *os.File) (*net.UnixListener, error) {
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrRunning, c.Socket)
	}
	return c.socket().Listen()
}

// ErrRunning: somebody serves the socket already.
var ErrRunning = errors.New("an agent serves this socket")

// ticks is the agent's clock.
func (a *Agent) ticks() {
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			a.tick(now)
		case <-a.ctx.Done():
			return
		}
	}
}

// drain ends clients' channels: those that are idle now, the others once their call is answered. The C library takes it as it
// takes a node that restarts.
func (a *Agent) drain() {
	a.mu.Lock()
	for l := range a.links {
		l.SetReadDeadline(time.Unix(1, 0)) // a channel in the middle of a call does not read
	}
	a.mu.Unlock()
	for by := time.Now().Add(drainMost); time.Now().Before(by); time.Sleep(5 * time.Millisecond) {
		a.mu.Lock()
		left := a.count
		a.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// close ends everything: clients' channels, applications, connections.
func (a *Agent) close() {
	a.mu.Lock()
	links := make([]net.Conn, 0, len(a.links))
	for l := range a.links {
		links = append(links, l)
	}
	a.mu.Unlock()
	for _, x := range a.applications() {
		x.end()
	}
	a.cancel()
	for _, l := range links {
		l.Close()
	}
	a.shifting.Lock()
	defer a.shifting.Unlock()
	for _, n := range append(a.members(), a.leaving...) {
		n.remove()
	}
	a.work.Wait()
	os.Remove(a.config.Socket)
}
