// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// Session flags (CKF_*).
const (
	flagRW     uint64 = 2
	flagSerial uint64 = 4
)

// session is one PKCS #11 session. Its first fields never change. It is closed by being taken out of its application:
// whoever still holds it then works on something that nobody can reach any more.
type session struct {
	id        uint64
	slot      uint64
	partition key.ID
	rw        bool
	tokens    Objects

	mu     sync.Mutex       // held while a part of an operation runs: the same session at once is serialised
	ops    [uses]*operation // guarded by mu; by mech.Use
	cursor *cursor          // guarded by mu
}

// view is a session together with who is logged in, as they are at the start of a request.
type view struct {
	channel *channel
	app     *application
	*session
	login *login // nil when nobody is logged in
	ended bool   // by this core, and the client may not know it yet
}

// who is who is logged in, nil without a login.
func (v view) who() *Identity {
	if v.login == nil {
		return nil
	}
	return &v.login.who
}

// whoever is who with nobody in particular for nil, for the module's acts, which the policy allows to nobody without a
// login.
func (v view) whoever() Identity {
	if v.login == nil {
		return Identity{}
	}
	return v.login.who
}

// session finds the session that a request names.
func (c *channel) session(id uint64) (view, error) {
	a := c.app
	a.mu.Lock()
	x := a.sessions[id]
	var l *login
	ended := false
	if x != nil {
		l, ended = a.logins[x.slot], a.ended[x.slot]
	}
	a.mu.Unlock()
	if x == nil {
		return view{}, fault.SessionUnknown.At("find session")
	}
	c.about.Partition = x.partition
	if l != nil && l.who.Until != 0 && c.module.Now() >= l.who.Until {
		a.mu.Lock()
		if a.logins[x.slot] == l {
			a.logout(x.slot)
		}
		a.mu.Unlock()
		return view{}, fault.TokenExpired.At("act under a login")
	}
	if l != nil {
		c.about.Operator, c.about.Role = l.who.Operator, l.who.Role
	}
	return view{c, a, x, l, ended}, nil
}

func sessionOpen(c *channel) error {
	slot, id, flags := c.r.U64(), c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	if id == 0 || flags&flagSerial == 0 || flags&^(flagRW|flagSerial) != 0 {
		return fault.ArgumentsBad.At("read session flags")
	}
	t, err := c.module.Token(slot)
	if err != nil {
		return err
	}
	x := &session{id: id, slot: slot, partition: t.Partition, rw: flags&flagRW != 0, tokens: t.Objects}
	a := c.app
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.sessions[id]; old != nil {
		if old.slot == slot && old.rw == x.rw {
			return nil // asked twice, since the first answer was lost with its channel
		}
		return fault.SessionExists.At("open session")
	}
	if l := a.logins[slot]; l != nil && l.user == UserOfficer && !x.rw {
		return fault.OfficerExists.At("open session") // section 5.6.1
	}
	if a.gone {
		return fault.AppUnknown.At("open session")
	}
	if len(a.sessions) >= maxSessions {
		return fault.QuotaExceeded.At("count sessions")
	}
	a.sessions[id] = x
	return nil
}

func sessionClose(c *channel) error {
	id := c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	a := c.app
	a.mu.Lock()
	defer a.mu.Unlock()
	if id == 0 {
		for _, x := range a.sessions {
			a.closeSession(x)
		}
		return nil
	}
	x := a.sessions[id]
	if x == nil {
		return fault.SessionUnknown.At("close session")
	}
	a.closeSession(x)
	return nil
}

// closeSession closes x with the session objects made in it. With the last session of a slot its login ends (section
// 5.6.6). The caller holds a.mu.
func (a *application) closeSession(x *session) {
	delete(a.sessions, x.id)
	ssp.Dropped() // of operations under way
	for h, o := range a.objects {
		if o.object.Session == x.id {
			delete(a.objects, h)
		}
	}
	for _, y := range a.sessions {
		if y.slot == x.slot {
			return
		}
	}
	delete(a.logins, x.slot)
}

// hello makes or joins an application.
func hello(c *channel) error {
	version, flags, _, secret := c.r.U64(), c.r.U64(), c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	if flags&helloApart != 0 {
		if to, ok := c.link.conn.(Apart); !ok || !to.AnswerApart() {
			return fault.ArgumentsBad.At("answer through the pipe")
		}
		flags &^= helloApart // so that what follows is answered there, a refusal too
	}
	if version != 1 {
		return fault.Unsupported.At("speak this version")
	}
	if c.app != nil {
		return fault.ArgumentsBad.At("say hello twice")
	}
	var a *application
	var err error
	switch flags {
	case helloNew:
		a = newApplication(c.peer.owner())
		a.channels = 1
		secret, err = c.server.register(a)
	case helloJoin:
		a, err = c.server.join(secret, c.peer.owner())
	case helloFork:
		a, secret, err = c.server.fork(secret, c.peer.owner())
	default:
		err = fault.ArgumentsBad.At("read hello flags")
	}
	if err != nil {
		return err
	}
	c.app = a
	epoch := c.module.Epoch()
	c.w.Bytes(secret)
	c.w.Bytes(epoch[:])
	c.w.U64(uint64(c.module.Now()))
	return nil
}

// Flags of HELLO.
const (
	helloNew  uint64 = 0
	helloJoin uint64 = 1
	helloFork uint64 = 2

	helloApart uint64 = 4 // beside one of these: answers, this call's included, go through the channel's pipe
)

func slots(c *channel) error {
	if err := c.r.End(); err != nil {
		return err
	}
	list := c.module.Tokens()
	c.w.U32(uint32(len(list)))
	for _, t := range list {
		c.w.U64(t.Slot)
		c.w.Bytes(t.Label)
		c.w.Bytes(t.Serial)
		c.w.U64(t.Flags)
		c.w.U64(t.MinPIN)
		c.w.U64(t.MaxPIN)
		c.w.U64(t.Free)
	}
	return nil
}
