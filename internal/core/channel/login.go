// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// logIn checks a PIN (C_Login, C_LoginUser). The check itself takes long on purpose, so no lock is held meanwhile.
func logIn(c *channel) error {
	id, user, name, pin := c.r.U64(), c.r.U64(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	if len(pin) > maxPIN || len(name) > maxPIN {
		return fault.PINLength.At("read pin")
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	// The domain's admins have something to say just where there is no lease: of two nodes, the one that runs has none while
	// the other waits to be unlocked. The module reads them from the store then.
	if v.slot != 0 {
		if err := c.module.AwaitLease(); err != nil {
			return err
		}
	}
	switch user {
	case UserContext:
		return c.authenticate(v, pin)
	case UserOfficer, UserCrypto:
	default:
		return fault.UserTypeInvalid.At("read user type")
	}
	a := v.app
	a.mu.Lock()
	err = a.mayLogIn(v.slot, user)
	a.mu.Unlock()
	if err != nil {
		return err
	}
	c.noted = true // by the module
	who, ticket, err := c.module.Login(c.peer, v.slot, user, string(name), pin)
	if err != nil {
		return err
	}
	if err := a.logIn(v.session, v.slot, &login{who, user, v.partition}); err != nil {
		return err
	}
	c.w.Bytes(ticket)
	return nil
}

// mayLogIn holds the rules of section 5.6.8. The caller holds a.mu.
func (a *application) mayLogIn(slot, user uint64) error {
	if l := a.logins[slot]; l != nil {
		if l.user == user {
			return fault.AlreadyLoggedIn.At("log in")
		}
		return fault.OtherLoggedIn.At("log in")
	}
	if user == UserOfficer {
		for _, x := range a.sessions {
			if x.slot == slot && !x.rw {
				return fault.ReadOnlyExists.At("log in the security officer")
			}
		}
	}
	return nil
}

// logIn makes l the login of the slot, if another channel has not been faster. x, where given, must still be open.
func (a *application) logIn(x *session, slot uint64, l *login) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone || x != nil && a.sessions[x.id] != x {
		return fault.SessionUnknown.At("log in")
	}
	if err := a.mayLogIn(slot, l.user); err != nil {
		return err
	}
	a.logins[slot] = l
	delete(a.ended, slot)
	return nil
}

// authenticate lets one operation of an ALWAYS_AUTHENTICATE key go on (CKU_CONTEXT_SPECIFIC).
func (c *channel) authenticate(v view, pin []byte) error {
	if v.login == nil {
		return fault.NotLoggedIn.At("authenticate an operation")
	}
	v.mu.Lock()
	waiting := false
	for _, op := range v.ops {
		waiting = waiting || op != nil && op.unproven
	}
	v.mu.Unlock()
	if !waiting {
		return fault.OperationNotActive.At("authenticate an operation")
	}
	c.noted = true // by the module
	who, ticket, err := c.module.Login(c.peer, v.slot, UserContext, v.login.who.Name, pin)
	if err != nil {
		return err
	}
	if who.Operator != v.login.who.Operator {
		return fault.PINIncorrect.At("authenticate an operation")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, op := range v.ops {
		if op != nil && op.login == v.login {
			op.unproven = false
		}
	}
	c.w.Bytes(ticket)
	return nil
}

func logOut(c *channel) error {
	id := c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	v.app.mu.Lock()
	v.app.logout(v.slot)
	v.app.mu.Unlock()
	return c.record(key.ID{})
}

// logout ends the login of a slot with the private session objects, and operations with private keys. Private objects in
// cursors end by themselves, since these remember the login they began under. The caller holds a.mu.
func (a *application) logout(slot uint64) {
	l := a.logins[slot]
	delete(a.logins, slot)
	delete(a.ended, slot)
	if l != nil {
		a.endOperations(slot, l)
	}
	for h, o := range a.objects {
		if o.slot == slot && o.object.Private() {
			delete(a.objects, h)
		}
	}
}

// endOperations ends what began under a login. It does not wait: a part that is at work holds its session, and the session
// may be waiting for a.mu, which the caller holds.
func (a *application) endOperations(slot uint64, l *login) {
	var list []*session
	for _, x := range a.sessions {
		if x.slot == slot {
			list = append(list, x)
		}
	}
	go func() {
		for _, x := range list {
			x.endOf(l)
		}
	}()
}

// resume logs in again by a ticket of an earlier login, after a restart of the core.
func resume(c *channel) error {
	slot, ticket := c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	t, err := c.module.Token(slot)
	if err != nil {
		return err
	}
	c.about.Partition = t.Partition
	c.noted = true // by the module
	who, err := c.module.Resume(c.peer, slot, ticket)
	if err != nil {
		return err
	}
	user := UserCrypto
	if who.Role == policy.RoleAdmin {
		user = UserOfficer
	}
	if err := c.app.logIn(nil, slot, &login{who, user, t.Partition}); err != nil {
		return err
	}
	c.w.U64(user)
	return nil
}

// initToken empties a partition (C_InitToken).
func initToken(c *channel) error {
	slot, pin, label := c.r.U64(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	if len(pin) > maxPIN {
		return fault.PINLength.At("read pin")
	}
	t, err := c.module.Token(slot)
	if err != nil {
		return err
	}
	c.about.Partition = t.Partition
	open := false
	c.server.each(func(a *application) {
		for _, x := range a.sessions {
			open = open || x.slot == slot
		}
	})
	if open {
		return fault.SessionExists.At("initialize token")
	}
	c.noted = true // by the module
	if err := c.module.InitToken(c.peer, slot, pin, label); err != nil {
		return err
	}
	c.changed = true
	c.server.Drop(t.Partition) // a session that was opened meanwhile is of the old token
	return nil
}

// initPIN sets the user's PIN by the security officer (C_InitPIN).
func initPIN(c *channel) error {
	id, pin := c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	c.noted = true // by the module
	c.changed = true
	return c.module.InitPIN(v.whoever(), v.slot, pin)
}

// setPIN changes the PIN of whoever is logged in, or the user's (C_SetPIN).
func setPIN(c *channel) error {
	id, old, pin := c.r.U64(), c.r.Bytes(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if !v.rw {
		return fault.SessionReadOnly.At("set pin")
	}
	if len(old) > maxPIN || len(pin) > maxPIN {
		return fault.PINLength.At("read pin")
	}
	c.noted = true // by the module
	c.changed = true
	return c.module.SetPIN(c.peer, v.who(), v.slot, old, pin)
}
