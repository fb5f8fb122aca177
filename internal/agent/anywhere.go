// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// errReopen: the core has closed the session meanwhile; it is opened again.
var errReopen = fault.SessionUnknown.At("agent: use a session that the node has closed")

// ready gives a connection to a node on which all that a request needs is known. wary gives up on a node that is suspect.
func (x *app) ready(ctx context.Context, n *node, what need, wary bool) (*mirror, *conn, error) {
	for again := 0; ; again++ {
		x.mu.Lock()
		if x.gone {
			x.mu.Unlock()
			return nil, nil, fault.AppUnknown.At("agent: the application has ended")
		}
		m := x.mirrorOn(n)
		x.mu.Unlock()
		c, err := m.take(ctx, wary)
		if err == nil {
			if err = m.settle(ctx, c, what, wary); err == nil {
				return m, c, nil
			}
			settleConn(c, err)
			m.give(c)
		}
		if err != errGone || again >= 2 {
			return nil, nil, err
		}
	}
}

// quick gives an idle connection to the best node if everything is known there already.
func (x *app) quick(n *node, what need) (*mirror, *conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.mirrors[n]
	if m == nil || len(m.idle) == 0 || m.gone || !m.settled(what) {
		return nil, nil
	}
	c := m.idle[len(m.idle)-1]
	m.idle = m.idle[:len(m.idle)-1]
	return m, c
}

// heed looks at what an answer says of the mirror itself: it is an error when the request has to be sent again.
func (m *mirror) heed(code fault.Code, session uint64) error {
	if code != fault.AppUnknown && code != fault.SessionUnknown {
		return nil
	}
	x := m.app
	x.mu.Lock()
	defer x.mu.Unlock()
	if code == fault.AppUnknown {
		x.lose(m)
		return errGone
	}
	if _, known := m.opened[session]; known && x.sessions[session] != nil {
		m.closed(session)
		return errReopen
	}
	return nil
}

// anywhere has a request that may be made twice answered by whichever node is soonest. x is nil for requests that need no
// application.
func (a *Agent) anywhere(ctx context.Context, x *app, what need, q request) (*reply, error) {
	a.await(ctx)
	a.hedges.earn()
	k := kind{q.call, q.mechanism}
	r := &race{agent: a, app: x, need: what, request: q, kind: a.expect.of(k)}
	n := a.pick(x, what, healthUp, nil)
	if n == nil || x == nil {
		return r.run(ctx, nil)
	}
	m, c := x.quick(n, what)
	if c == nil {
		return r.run(ctx, nil)
	}
	x.warm()
	got := &result{reply: reply{conn: c, mirror: m}, node: n, sent: time.Now()}
	n.flight.Add(1)
	n.calls.Add(1)
	err := c.send(q.call, q.body)
	if err == nil {
		got.answer, err = c.receive(got.sent.Add(q.late(r.kind)), true)
	}
	switch {
	case err == errLate:
		return r.run(ctx, got)
	case err == nil:
		if err = m.heed(got.code, q.session); err == nil && !moves(got.code) {
			a.observe(n, k, time.Since(got.sent))
			return &got.reply, nil
		}
		if err == nil {
			n.refuses(got.code)
		}
	}
	settleConn(c, err)
	got.reply.done()
	return r.run(ctx, nil)
}

// warm makes mirrors on the other nodes in the background, once an application has shown that it goes on calling: then
// another node can take over at once.
func (x *app) warm() {
	a := x.agent
	shape := a.shape.Load()
	x.mu.Lock()
	x.anywhere++
	now := x.anywhere > 1 && x.warmed != shape && !x.gone
	var slots []need
	if now {
		x.warmed = shape
		for slot := range x.logins {
			slots = append(slots, need{slot: slot, all: true})
		}
	}
	x.mu.Unlock()
	if !now {
		return
	}
	if len(slots) == 0 {
		slots = append(slots, need{})
	}
	a.work.Go(func() {
		select {
		case a.warming <- struct{}{}:
			defer func() { <-a.warming }()
		case <-a.ctx.Done():
			return
		}
		for _, n := range a.members() {
			for _, what := range slots {
				if n.rank(time.Now()) != healthUp {
					break
				}
				ctx, cancel := context.WithTimeout(a.ctx, helloTime)
				if m, c, err := x.ready(ctx, n, what, true); err == nil {
					m.give(c)
				}
				cancel()
			}
		}
	})
}

// refusedByAll ends logins whose ticket no node takes any more: the next try goes out without them, and the core says what it
// has to say to somebody who is not logged in.
func (x *app) refusedByAll() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for slot, l := range x.logins {
		refused, held := 0, false
		for _, m := range x.mirrors {
			held = held || m.logins[slot] == l && !m.node.suspected()
			if m.refused[slot] == l {
				refused++
			}
		}
		if refused > 0 && !held {
			x.logout(slot)
		}
	}
}
