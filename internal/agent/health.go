// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// watch checks the node until ctx ends: once a second while it is well, faster when it is not or when somebody asks. A check
// is STATUS on a connection of its own, which costs the core microseconds.
func (n *node) watch(ctx context.Context) {
	var c *conn
	defer func() {
		if c != nil {
			n.drop(c)
		}
	}()
	pause := pingSoon / 2
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.probe:
		case <-timer.C:
		}
		fresh := c == nil
		err := n.ping(ctx, &c)
		if err != nil && !fresh && ctx.Err() == nil {
			err = n.ping(ctx, &c) // the connection ended, but perhaps not the node
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause = pingEvery
		default:
			n.becomes(healthDown, reason(err))
			n.forgetSpares()
			pause = min(max(2*pause, pingSoon/2), pingEvery)
			if fresh {
				pause = max(pause, pingSoon)
			}
		}
		if n.rank(time.Now()) == healthRefusing {
			pause = pingSoon
		}
		timer.Reset(pause)
		n.trim()
	}
}

// whyLocked is why no connection can be made to a node that says that it is locked.
const whyLocked = "locked: genbu unlock on its machine"

func reason(err error) string {
	if fault.Of(err) == fault.Locked {
		return whyLocked
	}
	return err.Error()
}

// ping makes one check. It returns an error when there is no connection to the node any more.
func (n *node) ping(ctx context.Context, at **conn) error {
	if *at == nil {
		c, err := n.meet(ctx)
		if err != nil {
			return err
		}
		*at = c
	}
	c := *at
	fail := func(err error) error {
		n.drop(c)
		*at = nil
		return err
	}
	start := time.Now()
	if err := c.send(wire.CallStatus, nil); err != nil {
		return fail(err)
	}
	a, err := c.receive(start.Add(suspectAfter), false)
	if err == errLate {
		n.becomes(healthSuspect, "a health check is late")
		if a, err = c.receive(start.Add(deadAfter), false); err != nil {
			n.cut()
			if err == errLate {
				err = fault.Timeout.At("agent: check the node's health")
			}
		}
	}
	if err != nil {
		return fail(err)
	}
	took := time.Since(start)
	code, state := n.read(a)
	c.wipe()
	n.agent.observe(n, kind{call: wire.CallStatus}, took)
	if code != fault.OK {
		n.becomes(healthRefusing, code.String())
	} else if state != wire.StateOperational {
		n.becomes(healthRefusing, "the module is "+state.String())
	} else {
		n.becomes(healthUp, "")
		if n.agent.young() { // whoever waits for the first node gets this connection, and saves a handshake
			*at = nil
			n.back(c)
		}
	}
	return nil
}

func (n *node) read(a answer) (fault.Code, wire.State) {
	if a.code != fault.OK {
		return a.code, wire.StateUnknown
	}
	r := wire.NewReader(a.body)
	var s wire.Status
	if s.Decode(&r); r.End() != nil {
		return fault.Malformed, wire.StateUnknown
	}
	return fault.OK, s.State
}

func (n *node) forgetSpares() {
	n.mu.Lock()
	list := n.spare
	n.spare = nil
	n.mu.Unlock()
	for _, c := range list {
		n.drop(c)
	}
}

// trim closes spares that have ended.
func (n *node) trim() {
	n.mu.Lock()
	list := n.spare
	n.spare = nil
	n.mu.Unlock()
	for _, c := range list {
		if c.stale() {
			n.drop(c)
		} else {
			n.back(c)
		}
	}
	n.refill()
}
