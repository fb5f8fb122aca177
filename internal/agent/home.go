// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// target says where a call with state goes.
type target struct {
	mirror *mirror // it must be this one, since something lies there that no other has
	node   *node
}

// homeNow finds the application's home: the one that holds its state, the one it had as long as that is well, or another.
func (x *app) homeNow(what need) (target, bool) {
	x.mu.Lock()
	home, stateful := x.home, x.stateful()
	x.mu.Unlock()
	if home != nil && stateful {
		return target{home, home.node}, true
	}
	if home != nil && home.node.rank(time.Now()) == healthUp {
		return target{node: home.node}, true
	}
	n := x.agent.pick(x, what, healthDown, nil)
	if n == nil {
		return target{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.gone && x.home == home && !x.stateful() {
		x.home = x.mirrorOn(n)
	}
	return target{node: n}, true
}

// atHome has a call answered by the application's home. A call that may not be made twice is sent once; when its answer is
// lost, what it did is unknown.
func (x *app) atHome(ctx context.Context, what need, q request) (*reply, error) {
	return x.at(ctx, what, q, nil)
}

// at is atHome, or at one mirror where a search stands.
func (x *app) at(ctx context.Context, what need, q request, only *mirror) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	x.agent.await(ctx)
	started, pause := time.Now(), 5*time.Millisecond
	lost, refusals := 0, 0
	for {
		to := target{mirror: only}
		ok := true
		if only != nil {
			to.node = only.node
		} else {
			to, ok = x.homeNow(what)
		}
		var err error = errUnsent
		if ok {
			var got *reply
			if got, err = x.tell(ctx, to, what, q); err == nil {
				return got, nil
			}
		}
		switch {
		case err == errLost || err == errBroken || err == errLate:
			if lost++; lost > q.row.repeats() {
				return nil, fault.OutcomeUnknown.At("agent: await the answer of node " + to.node.label())
			}
		case err == errRefused:
			if !x.otherHome(to) {
				x.refusedByAll()
			}
		case final(err):
			return nil, err
		case answered(err):
			refusals++
			if to.mirror != nil || refusals > 2*len(x.agent.members()) {
				return nil, err
			}
		}
		if since := time.Since(started); to.mirror != nil && (since > deadAfter || since > goneAfter && to.node.condition() == healthDown) {
			x.mu.Lock()
			x.lose(to.mirror) // it is given up, with what lies there
			x.mu.Unlock()
		}
		x.mu.Lock()
		gone := only != nil && only.gone
		x.mu.Unlock()
		if gone {
			return nil, errEnded
		}
		if time.Since(started) > x.agent.patience || ctx.Err() != nil {
			if !answered(err) {
				err = nil
			}
			return nil, giveUp(err)
		}
		select {
		case <-time.After(pause):
		case <-x.agent.news():
		case <-ctx.Done():
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

// errEnded: what the call goes on with ended with the core where it lay. The C library makes CKR_DEVICE_ERROR of it, as after
// a restart of a single node.
var errEnded = fault.Unavailable.At("agent: go on with what ended with its node")

// repeats is how often a call may be sent again after a lost answer. A login that is sent twice costs one try more, and only
// if the PIN is wrong.
func (r *row) repeats() int {
	switch {
	case r.again:
		return 1 << 20
	case r.login():
		return 1
	}
	return 0
}

// tell sends a request to one node and awaits the answer.
func (x *app) tell(ctx context.Context, to target, what need, q request) (*reply, error) {
	wary := to.mirror == nil
	m, c, err := x.ready(ctx, to.node, what, wary)
	if err != nil {
		return nil, err
	}
	if to.mirror != nil && m != to.mirror {
		m.give(c)
		return nil, errGone
	}
	if !q.row.again && c.stale() {
		c.over = true
		m.give(c)
		return nil, errUnsent
	}
	n := m.node
	n.flight.Add(1)
	n.calls.Add(1)
	got := &reply{conn: c, mirror: m}
	sent := time.Now()
	if err = c.send(q.call, q.body); err == nil {
		got.answer, err = c.receive(time.Now().Add(callTime), wary && q.row.repeats() > 0)
	}
	if err == nil {
		x.agent.observe(n, kind{q.call, q.mechanism}, time.Since(sent))
		if err = m.heed(got.code, q.session); err == nil && (undone(got.code) || q.row.again && moves(got.code)) && to.mirror == nil {
			n.refuses(got.code)
			err = got.code.At("agent: ask node " + n.label())
		}
	}
	if err == nil {
		return got, nil
	}
	if err == errLate { // it may have been served: nobody knows what that core thinks of the application
		x.mu.Lock()
		x.lose(m)
		x.mu.Unlock()
	}
	settleConn(c, err)
	got.done()
	return nil, err
}

// otherHome looks for a node that has the login in force, after one has not taken its ticket.
func (x *app) otherHome(to target) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if to.mirror != nil {
		return false
	}
	for _, m := range x.mirrors {
		for slot, l := range x.logins {
			if m.logins[slot] == l && m.node.rank(time.Now()) == healthUp {
				x.home = m
				return true
			}
		}
	}
	return false
}
