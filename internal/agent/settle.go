// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// need says how much of the application a core must know before a request goes there.
type need struct {
	session uint64 // this one, with the login of its slot
	slot    uint64 // with login or all: the slot meant
	login   bool   // the slot's login
	all     bool   // every session of the slot, and its login
	every   bool   // every session and every login
	closed  bool   // that sessions were closed
}

// settled tells whether the core knows what is needed. The caller holds app.mu.
func (m *mirror) settled(n need) bool {
	_, more := m.step(n)
	return !more && !m.refuses(n)
}

// refuses tells whether the core did not take a login that is needed. The caller holds app.mu.
func (m *mirror) refuses(n need) bool {
	for slot, l := range m.app.logins {
		if m.refused[slot] == l && m.logins[slot] != l && m.wanted(n, slot) {
			return true
		}
	}
	return false
}

// wanted tells whether the login of a slot is needed. The caller holds app.mu.
func (m *mirror) wanted(n need, slot uint64) bool {
	if n.every || (n.all || n.login) && slot == n.slot {
		return true
	}
	s := m.app.sessions[n.session]
	return s != nil && s.slot == slot
}

// step is one small exchange that brings the core's picture closer to ours.
type step struct {
	call wire.Call
	body []byte
	done func(code fault.Code) error // called with app.mu held
}

// settle makes the exchanges that are needed, one caller at a time.
func (m *mirror) settle(ctx context.Context, c *conn, n need, wary bool) error {
	x := m.app
	x.mu.Lock()
	settled := m.settled(n)
	x.mu.Unlock()
	if settled {
		return nil
	}
	m.setup.Lock()
	defer m.setup.Unlock()
	for {
		x.mu.Lock()
		if m.gone || x.gone {
			x.mu.Unlock()
			return errGone
		}
		s, more := m.step(n)
		refused := m.refuses(n)
		x.mu.Unlock()
		switch {
		case refused:
			return errRefused
		case !more:
			return nil
		}
		a, err := c.exchange(s.call, s.body, until(ctx, helloTime), wary)
		clear(s.body)
		if err != nil {
			return err
		}
		c.wipe()
		x.mu.Lock()
		if a.code == fault.AppUnknown {
			x.lose(m)
			err = errGone
		} else {
			err = s.done(a.code)
		}
		x.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// step finds what is to be said next: first that sessions were closed, then that logins ended, then sessions, then logins.
// The caller holds app.mu.
func (m *mirror) step(n need) (step, bool) {
	x := m.app
	if len(m.closing) > 0 && (n.closed || n.all || n.every) {
		return m.close(m.closing[0]), true
	}
	for slot, l := range m.logins {
		if x.logins[slot] != l {
			return m.endLogin(slot), true
		}
	}
	if s := x.sessions[n.session]; s != nil {
		if _, known := m.opened[s.id]; !known {
			return m.open(s), true
		}
	}
	if n.all || n.every {
		for _, s := range x.sessions {
			if _, known := m.opened[s.id]; !known && (n.every || s.slot == n.slot) {
				return m.open(s), true
			}
		}
	}
	for slot, l := range x.logins {
		if m.logins[slot] == nil && m.refused[slot] != l && m.wanted(n, slot) {
			return m.resume(l), true
		}
	}
	return step{}, false
}

func (m *mirror) close(id uint64) step {
	var w wire.Writer
	w.U64(id)
	return step{wire.CallSessionClose, w.B, func(fault.Code) error { // a session that it does not know is closed
		m.closing = m.closing[1:]
		m.closed(id)
		return nil
	}}
}

// closed notes that the core has closed a session. The caller holds app.mu.
func (m *mirror) closed(id uint64) {
	slot, known := m.opened[id]
	delete(m.opened, id)
	for _, other := range m.opened {
		if other == slot {
			return
		}
	}
	if known {
		delete(m.logins, slot) // with the last session that the core knows of a slot its login ends
	}
}

func (m *mirror) open(s *session) step {
	var w wire.Writer
	w.U64(s.slot)
	w.U64(s.id)
	w.U64(s.flags)
	return step{wire.CallSessionOpen, w.B, func(code fault.Code) error {
		if code != fault.OK {
			return code.At("agent: open session on node " + m.node.label())
		}
		m.opened[s.id] = s.slot
		return nil
	}}
}

// endLogin logs out on a core that missed it. Only a session can: without one, the mirror is given up.
func (m *mirror) endLogin(slot uint64) step {
	for id, at := range m.opened {
		if at == slot {
			var w wire.Writer
			w.U64(id)
			return step{wire.CallLogout, w.B, func(code fault.Code) error {
				if code != fault.OK && code != fault.NotLoggedIn && code != fault.SessionUnknown {
					return code.At("agent: log out on node " + m.node.label())
				}
				delete(m.logins, slot)
				return nil
			}}
		}
	}
	var w wire.Writer
	w.U64(0)
	return step{wire.CallSessionClose, w.B, func(fault.Code) error {
		m.app.lose(m)
		return errGone
	}}
}

func (m *mirror) resume(l *login) step {
	var w wire.Writer
	w.U64(l.slot)
	w.Bytes(l.ticket.ExposeToCodec())
	return step{wire.CallResume, w.B, func(code fault.Code) error {
		switch code {
		case fault.OK, fault.AlreadyLoggedIn:
			m.logins[l.slot] = l
			return nil
		case fault.TicketInvalid, fault.UserUnknown, fault.Denied, fault.PINLocked:
			m.refused[l.slot] = l
			return errRefused
		}
		return code.At("agent: resume login on node " + m.node.label())
	}}
}

// errRefused: the core does not take the login's ticket.
var errRefused = fault.TicketInvalid.At("agent: resume login")
