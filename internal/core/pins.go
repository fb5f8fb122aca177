// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// InitPIN sets the user's PIN by the security officer (C_InitPIN), making the user when there is none yet.
func (c *Core) InitPIN(who channel.Identity, slot uint64, pin []byte) error {
	t, err := c.tenant(slot)
	if err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	if t.settings().flags&flagInitToken == 0 && t.named(nameUser) == nil {
		return fault.Denied.At("set the first user pin: the partition's policy does not allow it")
	}
	return c.act(t, wire.AuditLogin, wire.CallInitPin, who, func() error { return c.setPIN(t, nameUser, operator.CryptoUser, 0, pin) })
}

// SetPIN changes a PIN, whose owner has to know it: of who, or of the default user when nobody is logged in (C_SetPIN).
func (c *Core) SetPIN(peer channel.Peer, who *channel.Identity, slot uint64, old, pin []byte) error {
	t, err := c.tenant(slot)
	if err != nil {
		return err
	}
	if err := operator.CheckPINLength(pin); err != nil { // before a try is charged
		return err
	}
	name, user := defaultName(t, channel.UserCrypto), channel.UserCrypto
	if who != nil {
		name, user = who.Name, channel.UserContext
	}
	op, err := c.authenticate(t, peer, user, name, old)
	if _, _, err := c.loggedIn(t, peer, wire.CallSetPin, op, nil, err); err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	return c.act(t, wire.AuditLogin, wire.CallSetPin, identity(t, op), func() error { return c.setPIN(t, op.Name, op.Role, op.Generation, pin) })
}

// setPIN gives a named operator a PIN, which unlocks it, and makes the operator if there is none. proven is the generation whose
// PIN was shown, 0 for none. The caller holds change.
func (c *Core) setPIN(t *tenant, name string, role operator.Role, proven uint64, pin []byte) error {
	return again(func() error {
		m := t.named(name)
		var next *operator.Operator
		var err error
		if m != nil && proven != 0 && m.Generation != proven {
			return fault.PINIncorrect.At("set pin: it was changed meanwhile")
		}
		if m != nil {
			next = m.Operator
		} else if next, err = operator.New(t.id, randomID(), name, role); err != nil {
			return err
		}
		ssp.Do(func() { next, err = next.WithPIN(pin) })
		if err != nil {
			return err
		}
		if m == nil {
			return t.add(next)
		}
		c.gate.Forget(m.ID)
		return t.settle(m, next)
	})
}

// act runs a management act and writes what came of it into the audit log, on disk before the answer.
func (c *Core) act(t *tenant, kind wire.AuditKind, call wire.Call, who channel.Identity, f func() error) error {
	err := f()
	e := wire.AuditEntry{Kind: kind, Time: c.system.Now(), Partition: t.id, Operator: who.Operator, Role: uint8(who.Role),
		Call: uint16(call), Result: fault.Of(err)}
	return c.noted(e, err)
}

// InitToken empties a partition and gives it a label and a security officer (C_InitToken), where its policy allows that.
// An officer that is there already must be proven by the PIN given.
func (c *Core) InitToken(peer channel.Peer, slot uint64, pin, label []byte) error {
	t, err := c.tenant(slot)
	if err != nil || slot == 0 {
		return fault.PartitionUnknown
	}
	if t.settings().protected {
		return fault.ActionProhibited.At("initialize token: the partition has purge protection")
	}
	if t.settings().flags&flagInitToken == 0 {
		return fault.Denied.At("initialize token: the partition's policy does not allow it")
	}
	officer := channel.Identity{}
	if t.named(nameOfficer) != nil {
		op, err := c.authenticate(t, peer, channel.UserOfficer, nameOfficer, pin)
		if officer, _, err = c.loggedIn(t, peer, wire.CallInitToken, op, nil, err); err != nil {
			return err
		}
	}
	c.change.Lock()
	defer c.change.Unlock()
	return c.act(t, wire.AuditManage, wire.CallInitToken, officer, func() error {
		late, err := later(nil, c.empty(t))
		if err != nil {
			return err
		}
		if m := t.named(nameUser); m != nil { // C_InitToken leaves the user's PIN unset
			if late, err = later(late, t.remove(m)); err != nil {
				return err
			}
			t.lose(m.ID)
		}
		if late, err = later(late, c.setPIN(t, nameOfficer, operator.Admin, 0, pin)); err != nil {
			return err
		}
		i := *t.settings()
		i.label, i.initialized = trimLabel(label), true
		if late, err = later(late, c.putInfo(t, &i)); err != nil {
			return err
		}
		return late
	})
}

// later parts a step's failure from its being in force later, which ends no act of several steps but is its outcome.
func later(before, err error) (late, failed error) {
	if fault.Of(err) == fault.InForceLater {
		return err, nil
	}
	return before, err
}

// empty destroys every object of a partition.
func (c *Core) empty(t *tenant) error {
	var late error
	for after := (key.ID{}); ; {
		found, next, more, err := t.vault.Find(wire.Query{}, after, 256)
		if err != nil {
			return err
		}
		for _, o := range found {
			if late, err = later(late, t.vault.Destroy(o)); err != nil && fault.Of(err) != fault.ObjectUnknown {
				return err
			}
		}
		if after = next; !more {
			return late
		}
	}
}

// trimLabel takes the padding of CK_TOKEN_INFO off.
func trimLabel(label []byte) string {
	n := len(label)
	for n > 0 && (label[n-1] == ' ' || label[n-1] == 0) {
		n--
	}
	return string(label[:min(n, maxLabel)])
}
