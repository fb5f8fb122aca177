// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// HELLO's version and flags.
const (
	helloVersion uint64 = 1
	helloNew     uint64 = 0
	helloJoin    uint64 = 1
	helloFork    uint64 = 2
)

// hello makes, joins or copies an application. No node is asked: one that is away now may be there at the first call.
func (c *channel) hello(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	version, flags, pid, secret := r.U64(), r.U64(), r.U64(), r.Bytes()
	if version != helloVersion {
		return nil, fault.Unsupported.At("agent: speak this version")
	}
	if c.app != nil {
		return nil, fault.ArgumentsBad.At("agent: say hello twice")
	}
	a := c.agent
	var x *app
	var err error
	switch flags {
	case helloNew:
		x = newApp(a, c.peer.UID, pid)
		x.channels = 1
		secret, err = a.register(x)
	case helloJoin:
		x, err = a.join(secret, c.peer.UID)
	case helloFork:
		x, secret, err = a.fork(ctx, secret, c.peer.UID, pid)
	default:
		err = fault.ArgumentsBad.At("agent: read hello flags")
	}
	if err != nil {
		return nil, err
	}
	c.app = x
	var w wire.Writer
	w.Bytes(secret)
	w.Bytes(a.epoch[:])
	w.U64(uint64(time.Now().Unix()))
	return ok(w.B), nil
}

// fork makes a child's own copy of the application of a secret. What has state in the home is copied there by the core; all
// the rest is made anew when it is needed.
func (a *Agent) fork(ctx context.Context, secret []byte, uid uint32, pid uint64) (*app, []byte, error) {
	parent := a.find(secret)
	if parent == nil {
		return nil, nil, fault.AppUnknown.At("agent: find application to copy")
	}
	child, home := parent.copy(uid, pid)
	if child == nil {
		return nil, nil, fault.AppUnknown.At("agent: copy application")
	}
	child.channels = 1
	if home != nil {
		if err := child.copyHome(ctx, home); err != nil {
			child.mu.Lock()
			child.lose(child.home) // as if that node had died right after the fork
			child.mu.Unlock()
			a.log.Debug("the state of a forked child is lost", "node", home.node.label(), "error", err)
		}
	}
	fresh, err := a.register(child)
	return child, fresh, err
}

// copy makes the child's side of a fork, and tells which of the parent's mirrors has state to be copied.
func (x *app) copy(uid uint32, pid uint64) (*app, *mirror) {
	y := newApp(x.agent, uid, pid)
	y.forked = true
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		return nil, nil
	}
	home := x.home
	moved := x.stateful()
	for id, s := range x.sessions {
		t := *s
		t.search = s.search.copy()
		y.sessions[id] = &t
	}
	for slot, l := range x.logins {
		y.logins[slot] = &login{slot, l.user, opaque.New(append([]byte(nil), l.ticket.ExposeToCodec()...))}
	}
	if home == nil || !moved {
		return y, nil
	}
	for h, o := range x.objects {
		y.objects[h] = o
	}
	m := newMirror(y, home.node)
	for id, slot := range home.opened {
		m.opened[id] = slot
	}
	for slot, l := range home.logins {
		if x.logins[slot] == l {
			m.logins[slot] = y.logins[slot]
		}
	}
	y.home = m
	y.mirrors[home.node] = m
	return y, home
}

// copyHome has the core copy what lies in the parent's home.
func (x *app) copyHome(ctx context.Context, parent *mirror) error {
	m := x.home
	ctx, cancel := context.WithTimeout(ctx, deadAfter)
	defer cancel()
	c, err := m.node.connect(ctx)
	if err != nil {
		return err
	}
	parent.app.mu.Lock()
	secret := parent.secret
	parent.app.mu.Unlock()
	m.setup.Lock()
	defer m.setup.Unlock()
	if err := m.sayHello(ctx, c, helloFork, secret, [16]byte{}, true); err != nil {
		m.node.drop(c)
		return err
	}
	x.mu.Lock()
	m.conns++
	x.mu.Unlock()
	m.give(c)
	return nil
}
