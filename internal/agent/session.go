// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// sessionOpen has the home judge the session; other nodes hear of it when a call on it goes there.
func (c *channel) sessionOpen(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	slot, id, flags := r.U64(), r.U64(), r.U64()
	x := c.app
	x.mu.Lock()
	old, many := x.sessions[id], len(x.sessions) >= maxSessions
	x.mu.Unlock()
	if old != nil && (old.slot != slot || old.flags != flags) {
		return nil, fault.SessionExists.At("agent: open session")
	}
	if old == nil && many {
		return nil, fault.QuotaExceeded.At("agent: count sessions")
	}
	got, err := x.atHome(ctx, need{slot: slot, login: true}, q)
	if err != nil || got.code != fault.OK {
		return got, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sessions[id] == nil {
		x.sessions[id] = &session{id: id, slot: slot, flags: flags}
	}
	got.mirror.opened[id] = slot
	return got, nil
}

// sessionClose closes here, and then tells the nodes that know of the session: the home before it answers, the others soon.
func (c *channel) sessionClose(ctx context.Context, q request) (*reply, error) {
	r := wire.NewReader(q.body)
	id := r.U64()
	x := c.app
	x.mu.Lock()
	if id != 0 && x.sessions[id] == nil {
		x.mu.Unlock()
		return nil, fault.SessionUnknown.At("agent: close session")
	}
	home := x.home
	for _, s := range x.sessions {
		if id != 0 && s.id != id {
			continue
		}
		x.closeSession(s)
		for _, m := range x.mirrors {
			if _, known := m.opened[s.id]; known {
				m.closing = append(m.closing, s.id)
			}
		}
	}
	x.mu.Unlock()
	if home != nil {
		ctx, cancel := context.WithTimeout(ctx, deadAfter)
		defer cancel()
		x.flush(ctx, home)
	}
	x.flushOthers(home)
	return ok(nil), nil
}

// flush tells a mirror's core what has ended. Where it does not get through, the core finds out by itself: an application
// without channels ends after a minute.
func (x *app) flush(ctx context.Context, m *mirror) {
	if m.node.suspected() {
		return
	}
	if got, c, err := x.ready(ctx, m.node, need{closed: true}, true); err == nil {
		got.give(c)
	}
}

// flushOthers is flush for all mirrors but one, in the background, one at a time for each application.
func (x *app) flushOthers(but *mirror) {
	x.mu.Lock()
	var list []*mirror
	for _, m := range x.mirrors {
		if m == but || m.flushing {
			continue
		}
		pending := len(m.closing) > 0
		for slot, l := range m.logins {
			pending = pending || x.logins[slot] != l
		}
		if pending {
			m.flushing = true
			list = append(list, m)
		}
	}
	x.mu.Unlock()
	for _, m := range list {
		x.agent.work.Go(func() {
			ctx, cancel := context.WithTimeout(x.agent.ctx, helloTime)
			defer cancel()
			time.Sleep(time.Millisecond) // several that close at once are told at once
			x.mu.Lock()
			m.flushing = false
			gone := m.gone
			x.mu.Unlock()
			if !gone {
				x.flush(ctx, m)
			}
		})
	}
}
