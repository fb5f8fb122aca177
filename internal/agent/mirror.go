// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// mirror is an application as one core has it. Sessions have the numbers that the client gave them, and objects the
// handles that the core gave, so requests pass unchanged.
type mirror struct {
	app  *app
	node *node

	setup sync.Mutex // held while the core's picture is brought in line with ours

	// The following are guarded by app.mu.
	gone     bool              // the core does not know it any more, or is not to
	secret   opaque.Bytes      // empty before the first HELLO
	epoch    [16]byte          // of the core's run
	opened   map[uint64]uint64 // sessions that the core knows, with their slots
	logins   map[uint64]*login // in force in the core, by slot
	refused  map[uint64]*login // that the core did not take, by slot
	closing  []uint64          // sessions that it has to hear are closed
	idle     []*conn
	conns    int           // idle, in use, being made
	flushing bool          // somebody is about to tell the core what has ended
	free     chan struct{} // tells one waiter that a connection came back
	used     time.Time
}

func newMirror(x *app, n *node) *mirror {
	return &mirror{app: x, node: n, opened: make(map[uint64]uint64), logins: make(map[uint64]*login),
		refused: make(map[uint64]*login), free: make(chan struct{}, 1), used: time.Now()}
}

// mirrorOn finds or begins the mirror on a node. The caller holds x.mu.
func (x *app) mirrorOn(n *node) *mirror {
	m := x.mirrors[n]
	if m == nil {
		m = newMirror(x, n)
		x.mirrors[n] = m
	}
	return m
}

// take gives a connection on which the application is known: an idle one, a new one, or, when there are as many as there
// may be, the next that comes free.
func (m *mirror) take(ctx context.Context, wary bool) (*conn, error) {
	x := m.app
	for {
		x.mu.Lock()
		if m.gone || x.gone {
			x.mu.Unlock()
			return nil, errGone
		}
		if last := len(m.idle) - 1; last >= 0 {
			c := m.idle[last]
			m.idle = m.idle[:last]
			x.mu.Unlock()
			return c, nil
		}
		if m.conns < x.agent.config.Connections {
			m.conns++
			x.mu.Unlock()
			return m.grow(ctx, wary)
		}
		x.mu.Unlock()
		select {
		case <-m.free:
		case <-ctx.Done():
			return nil, fault.Busy.At("agent: wait for a connection")
		}
	}
}

// errGone: the mirror was lost; another is to be made.
var errGone = fault.AppUnknown.At("agent: use a mirror that is gone")

func (m *mirror) grow(ctx context.Context, wary bool) (*conn, error) {
	c, err := m.node.connect(ctx)
	if err == nil {
		if err = m.hello(ctx, c, wary); err != nil {
			m.node.drop(c)
		}
	}
	if err != nil {
		m.shrink()
		return nil, err
	}
	return c, nil
}

// shrink counts a connection off.
func (m *mirror) shrink() {
	m.app.mu.Lock()
	m.conns--
	m.app.mu.Unlock()
	m.wake()
}

func (m *mirror) wake() {
	select {
	case m.free <- struct{}{}:
	default:
	}
}

// give takes a connection back.
func (m *mirror) give(c *conn) {
	c.wipe()
	x := m.app
	x.mu.Lock()
	if !c.over && !m.gone && !x.gone {
		c.used = time.Now()
		m.used = c.used
		m.idle = append(m.idle, c)
		x.mu.Unlock()
		m.wake()
		return
	}
	x.mu.Unlock()
	m.node.drop(c)
	m.shrink()
}

// hello says on a fresh connection whose it is.
func (m *mirror) hello(ctx context.Context, c *conn, wary bool) error {
	m.setup.Lock()
	defer m.setup.Unlock()
	x := m.app
	x.mu.Lock()
	secret, epoch, gone := m.secret, m.epoch, m.gone
	x.mu.Unlock()
	if gone {
		return errGone
	}
	flags := helloNew
	if secret.Len() > 0 {
		flags = helloJoin
	}
	return m.sayHello(ctx, c, flags, secret, epoch, wary)
}

// sayHello makes, joins or copies the application in the core. setup is held.
func (m *mirror) sayHello(ctx context.Context, c *conn, flags uint64, secret opaque.Bytes, epoch [16]byte, wary bool) error {
	var w wire.Writer
	defer func() { clear(w.B) }()
	w.U64(helloVersion)
	w.U64(flags)
	w.U64(m.app.pid)
	w.Bytes(secret.ExposeToCodec())
	a, err := c.exchange(wire.CallHello, w.B, until(ctx, helloTime), wary)
	if err != nil {
		return err
	}
	r := wire.NewReader(a.body)
	var got opaque.Bytes
	var run [16]byte
	if a.code == fault.OK {
		got = opaque.New(append([]byte(nil), r.Bytes()...))
		copy(run[:], r.Bytes())
	}
	c.wipe()
	x := m.app
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case flags == helloJoin && (a.code == fault.AppUnknown || a.code == fault.OK && run != epoch):
		x.lose(m) // the core is another one, or has dropped it
		return errGone
	case a.code != fault.OK:
		return a.code.At("agent: say hello to node " + m.node.label())
	case r.Err() != nil || got.Len() == 0:
		return errBroken
	}
	if flags != helloJoin {
		m.secret, m.epoch = got, run
	}
	return nil
}

// dissolve tells the core that nothing of a lost mirror is needed, and closes its connections.
func (m *mirror) dissolve() {
	x := m.app
	x.mu.Lock()
	idle := m.idle
	m.idle = nil
	x.mu.Unlock()
	for i, c := range idle {
		if i == 0 && !m.node.suspected() {
			var w wire.Writer
			w.U64(0)
			c.exchange(wire.CallSessionClose, w.B, time.Now().Add(helloTime), true)
		}
		m.node.drop(c)
		m.shrink()
	}
}

// trim closes idle connections that were not needed for a while, but for one, and says whether the whole mirror was not.
func (m *mirror) trim(now time.Time) (unused bool) {
	x := m.app
	x.mu.Lock()
	var old []*conn
	for len(m.idle) > 1 && now.Sub(m.idle[0].used) > idleConn {
		old = append(old, m.idle[0])
		m.idle = m.idle[1:]
	}
	unused = x.home != m && m.conns == len(m.idle)+len(old) && now.Sub(m.used) > idleMirror
	for _, s := range x.sessions {
		unused = unused && (s.search == nil || s.search.at != m)
	}
	if unused {
		x.lose(m)
	}
	x.mu.Unlock()
	for _, c := range old {
		m.node.drop(c)
		m.shrink()
	}
	return unused
}

func until(ctx context.Context, most time.Duration) time.Time {
	by := time.Now().Add(most)
	if d, ok := ctx.Deadline(); ok && d.Before(by) {
		return d
	}
	return by
}
