// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const userContext = 2 // CKU_CONTEXT_SPECIFIC

// conflicts is how often a login is sent again that met another one of the same operator.
const conflicts = 5

func (r *row) login() bool { return r.spec.Call == wire.CallLogin }

// logIn passes a PIN to the home, and keeps the ticket that it answers; the PIN goes with the buffers. The home must know all
// sessions of the slot, since an officer cannot log in while there are read-only ones (PKCS #11 5.6.8).
func (c *channel) logIn(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	r.U64()
	user := r.U64()
	x := c.app
	x.mu.Lock()
	s := x.sessions[q.session]
	if s == nil {
		x.mu.Unlock()
		return nil, fault.SessionUnknown.At("agent: find session")
	}
	slot, lost := s.slot, s.ops == 0 && s.lost != 0
	x.mu.Unlock()
	if user == userContext {
		if lost {
			return nil, errEnded
		}
		return x.atHome(ctx, need{session: q.session}, q)
	}
	got, err := x.atHome(ctx, need{session: q.session, slot: slot, all: true}, q)
	for try := range conflicts {
		if err != nil || got.code != fault.Conflict {
			break
		}
		got.done() // two logins of one operator on two nodes: this one was not judged
		select {
		case <-time.After(time.Duration(1+rand.IntN(10<<try)) * time.Millisecond):
		case <-ctx.Done():
		}
		got, err = x.atHome(ctx, need{session: q.session, slot: slot, all: true}, q)
	}
	if err != nil || got.code != fault.OK {
		return got, err
	}
	answer := wire.NewReader(got.body)
	x.loggedIn(got.mirror, &login{slot, user, opaque.New(append([]byte(nil), answer.Bytes()...))})
	return got, nil
}

// loggedIn notes a login that a core has accepted.
func (x *app) loggedIn(m *mirror, l *login) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		l.ticket.Clear()
		return
	}
	if old := x.logins[l.slot]; old != nil {
		old.ticket.Clear()
	}
	x.logins[l.slot] = l
	m.logins[l.slot] = l
	x.warmed = 0
}

// resume takes a login back by its ticket, for a client that was logged in before this agent started.
func (c *channel) resume(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	slot := r.U64()
	ticket := opaque.New(append([]byte(nil), r.Bytes()...))
	x := c.app
	x.mu.Lock()
	_, already := x.logins[slot]
	x.mu.Unlock()
	got, err := x.atHome(ctx, need{slot: slot, login: already}, q)
	if err != nil || got.code != fault.OK {
		ticket.Clear()
		return got, err
	}
	answer := wire.NewReader(got.body)
	x.loggedIn(got.mirror, &login{slot, answer.U64(), ticket})
	return got, nil
}

// logOut ends the login here whatever the nodes say; those that cannot be reached now hear of it before they hear anything
// else of this application.
func (c *channel) logOut(ctx context.Context, q request) (*reply, error) {
	x := c.app
	x.mu.Lock()
	s := x.sessions[q.session]
	if s == nil {
		x.mu.Unlock()
		return nil, fault.SessionUnknown.At("agent: find session")
	}
	slot, in := s.slot, x.logins[s.slot] != nil
	x.mu.Unlock()
	if !in {
		return nil, fault.NotLoggedIn.At("agent: log out")
	}
	got, err := x.atHome(ctx, need{session: q.session}, q)
	if err == nil && got.code != fault.OK && got.code != fault.NotLoggedIn {
		return got, nil
	}
	x.mu.Lock()
	x.logout(slot)
	var home *mirror
	if err == nil {
		home = got.mirror
		delete(home.logins, slot)
	}
	x.mu.Unlock()
	x.flushOthers(home)
	if err != nil {
		return ok(nil), nil
	}
	return got, nil
}

// initToken is refused while a client of this machine has a session on the slot: the core asks the same of its own.
func (c *channel) initToken(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	slot := r.U64()
	for _, x := range c.agent.applications() {
		x.mu.Lock()
		open := false
		for _, s := range x.sessions {
			open = open || s.slot == slot
		}
		x.mu.Unlock()
		if open {
			return nil, fault.SessionExists.At("agent: initialize token")
		}
	}
	return c.app.atHome(ctx, need{closed: true}, q)
}
