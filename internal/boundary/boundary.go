// SPDX-License-Identifier: Apache-2.0

// Package boundary is the host's side of the core process: start it, call it, pass it descriptors, see it end.
//
//	report, err := boundary.Harden(accepted)   // once, before the first Start and before a door opens
//	core, err := boundary.Start(ctx, options)  // spawned, sandboxed, configured
//	answer, err := core.Call(wire.OpStatus, nil)
//	err = core.Introduce(file, answers, door, uid, gid, pid)
//	err = core.Wait()                          // until it ends; whether to Start another is the caller's policy
//
// What it promises. The core is a process of its own, in its own namespaces, as another uid where the host is root; it is
// started from an image that it may not read, so that its memory is closed to the host's user and to the creator of
// its user namespace. It dies with the host. The host, once hardened, cannot trace, read or enter it either way.
package boundary

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// DefaultUID is the user and group of the core where the host is root: outside the ranges that systemd and Debian give to
// services, users and containers.
const DefaultUID = 65528

const (
	startTimeout = 60 * time.Second // self-tests of slow algorithms on a slow and busy machine
	stopTimeout  = 3 * time.Second  // a core has nothing to save
)

// Options say how to start a core.
type Options struct {
	Config wire.Config  // sent as the first request
	Handle wire.Handler // answers the core's requests (ops from 16 on); many calls run at once

	// Log receives each line that the core writes to descriptor 2, without the newline. Nil drops them.
	Log func(line string)

	UID, GID uint32        // of the core where the host is root; 0: DefaultUID
	Timeout  time.Duration // for start, sandbox and self-tests; 0: a minute
	Args     []string      // argv; nil: "genbu", "core". Tests start themselves as a core by other words
}

// Core is a running core, or one that has ended: then every call returns Unavailable.
type Core struct {
	mux    *wire.Mux
	stream io.Closer // closing it ends the core
	intake *os.File
	status wire.Status
	child  *os.Process

	sameUID bool // the core could not be made another user than root, which is accepted

	done    chan struct{} // closed when the process has ended
	err     error         // why; set before done is closed
	drained chan struct{} // closed when nothing that it asked for is under way any more
}

// Start spawns a core and configures it. When it returns nil the core is in its sandbox and has passed its self-tests; an
// error carries the core's own words where it had any.
func Start(ctx context.Context, o Options) (*Core, error) {
	if o.Timeout == 0 {
		o.Timeout = startTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	c := &Core{done: make(chan struct{}), drained: make(chan struct{})}
	stream, err := c.spawn(&o)
	if err != nil {
		return nil, err
	}
	c.stream = stream
	c.mux = wire.NewMux(stream, o.Handle)
	go func() {
		defer close(c.drained)
		c.mux.Serve()
		c.mux.Drain()
	}()

	configured := make(chan error, 1)
	go func() {
		var w wire.Writer
		o.Config.Encode(&w)
		answer, err := c.mux.Call(wire.OpConfigure, w.B)
		if err == nil {
			r := wire.NewReader(answer)
			c.status.Decode(&r)
			err = r.End()
		}
		configured <- err
	}()
	select {
	case err = <-configured:
	case <-ctx.Done():
		err = fault.Timeout.At("start core")
	}
	if err != nil {
		if fault.Of(err) == fault.Timeout {
			c.child.Kill()
		}
		if c.Stop(); fault.Of(err) == fault.Unavailable {
			err = errors.Join(err, c.err) // it ended before it answered: say how
		}
		return nil, err
	}
	if c.sameUID && !slices.Contains(c.status.Missing, sameUID) { // without mappings the core cannot tell
		c.status.Missing = append(c.status.Missing, sameUID)
	}
	return c, nil
}

// Status is what the core answered when it was configured: sandbox, missing protections, state.
func (c *Core) Status() wire.Status { return c.status }

// Pid is the core's process id as the host sees it.
func (c *Core) Pid() int { return c.child.Pid }

// Call sends a request and waits for the answer.
func (c *Core) Call(op uint16, body []byte) ([]byte, error) { return c.mux.Call(op, body) }

// CallTimed is Call that also tells how long the core worked on it, as the core says.
func (c *Core) CallTimed(op uint16, body []byte) ([]byte, time.Duration, error) {
	answer, worked, err := c.mux.CallTimed(op, body)
	return answer, time.Duration(worked), err
}

// Done is closed when the core has ended.
func (c *Core) Done() <-chan struct{} { return c.done }

// Wait waits until the core has ended and says how: nil for an exit with code 0.
func (c *Core) Wait() error {
	<-c.done
	return c.err
}

// Drain waits until every request that the core sent before it ended has been handled. Another core is started only
// then: a commit or audit entry of the last one that came in later would be news that the new one was not given.
func (c *Core) Drain() { <-c.drained }

// Zeroize sends the signal upon which the core forgets every secret.
func (c *Core) Zeroize() error { return c.child.Signal(zeroizeSignal) }

// Stop ends the core: it sees its stream end and leaves, or is killed. It returns when the process is gone.
func (c *Core) Stop() {
	c.stream.Close()
	c.intake.Close()
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		c.child.Kill()
		<-c.done
	}
}
