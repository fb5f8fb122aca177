// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// mechanisms lists what the module can do. It is the same on every slot; fips mode leaves out what is never approved
// only when it is used, since a row cannot tell without a key.
func mechanisms(c *channel) error {
	slot := c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	if _, err := c.module.Token(slot); err != nil && slot != 0 && len(c.module.Tokens()) > 0 {
		return err
	}
	rows := all.Rows()
	c.w.U32(uint32(len(rows)))
	for _, m := range rows {
		c.w.U64(uint64(m.ID))
		c.w.U64(uint64(m.Min))
		c.w.U64(uint64(m.Max))
		c.w.U64(uint64(m.Flags))
		c.w.U64(uint64(m.Shape))
		c.w.U32(uint32(len(m.KeyTypes)))
		for _, t := range m.KeyTypes {
			c.w.U64(uint64(t))
		}
	}
	return nil
}

// random answers bytes of Go's FIPS generator (SP 800-90A), so the service is approved.
func random(c *channel) error {
	id, n := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if err := policy.May(v.who(), policy.Random); err != nil {
		return err
	}
	if n > maxRandom {
		return fault.RandomTooLong.At("draw random bytes")
	}
	at := c.startBytes(int(n))
	c.w.B = c.w.B[:at+int(n)]
	rand.Read(c.w.B[at:])
	c.endBytes(at)
	c.approve = true
	return nil
}

// seed takes a client's entropy and leaves it be: the generator is seeded by the kernel, and nothing that a client
// knows may stand in its state.
func seed(c *channel) error {
	id, _ := c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	_, err := c.session(id)
	return err
}

// manage passes a management call on to the module.
func manage(c *channel) error {
	ctx := &ManageContext{Request: c.request, Peer: c.peer, Who: c.whoOn, Object: c.objectOf}
	c.noted = true
	out, err := c.module.Manage(uint16(c.row.call), ctx, c.r.Rest())
	c.w.Raw(out)
	clear(out)
	return err
}

// whoOn is the login of this channel's application on a slot.
func (c *channel) whoOn(slot uint64) *Identity {
	if c.app == nil {
		return nil
	}
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if l := c.app.logins[slot]; l != nil && (l.who.Until == 0 || c.module.Now() < l.who.Until) {
		return &l.who
	}
	return nil
}

// objectOf finds an object as a session sees it.
func (c *channel) objectOf(session, handle uint64) (*object.Object, Token, *Identity, error) {
	if c.app == nil {
		return nil, Token{}, nil, fault.AppUnknown.At("no hello was said")
	}
	v, err := c.session(session)
	if err != nil {
		return nil, Token{}, nil, err
	}
	o, err := v.find(handle)
	if err != nil {
		return nil, Token{}, nil, err
	}
	t, err := c.module.Token(v.slot)
	return o.Object, t, v.who(), err
}

// startBytes begins letter b in the response, with room for n bytes, which the caller appends to c.w.B; endBytes writes
// the length before them.
func (c *channel) startBytes(n int) (at int) {
	c.reserve(4 + n)
	c.w.U32(0)
	return len(c.w.B)
}

func (c *channel) endBytes(at int) {
	h := wire.Writer{B: c.w.B[at-4 : at-4]}
	h.U32(uint32(len(c.w.B) - at))
}

// reserve makes room for n more bytes of answer, so that code that appends secrets leaves no outgrown buffer behind.
func (c *channel) reserve(n int) {
	if cap(c.w.B)-len(c.w.B) >= n {
		return
	}
	old := c.w.B
	c.w.B = append(make([]byte, 0, len(old)+n), old...)
	clear(old)
}
