// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Token is one slot with its token.
type Token struct {
	Slot           uint64
	Label          string
	Serial         string
	Flags          uint64
	MinPIN, MaxPIN uint64
	Free           uint64
}

// Slots lists the tokens.
func (c *Conn) Slots() (list []Token, err error) {
	err = c.call(wire.CallSlots, nil, func(r *wire.Reader) {
		for range r.Count(48) {
			list = append(list, Token{r.U64(), r.String(), r.String(), r.U64(), r.U64(), r.U64(), r.U64()})
		}
	})
	return list, err
}

// MechanismInfo is what C_GetMechanismInfo says, with the shape of the parameter and the key types.
type MechanismInfo struct {
	ID       key.Mechanism
	Min, Max uint64
	Flags    key.MechFlags
	Shape    uint64
	Keys     []key.Type
}

// Mechanisms lists what a slot can do.
func (c *Conn) Mechanisms(slot uint64) (list []MechanismInfo, err error) {
	err = c.call(wire.CallMechanisms, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		for range r.Count(44) {
			m := MechanismInfo{key.Mechanism(r.U64()), r.U64(), r.U64(), key.MechFlags(r.U64()), r.U64(), nil}
			for range r.Count(8) {
				m.Keys = append(m.Keys, key.Type(r.U64()))
			}
			list = append(list, m)
		}
	})
	return list, err
}

// Session is a session of the application, on one channel. On makes the same session speak over another.
type Session struct {
	conn *Conn
	ID   uint64
	Slot uint64
}

// On is the session over another channel of the same application.
func (s *Session) On(c *Conn) *Session { return &Session{c, s.ID, s.Slot} }

// Open opens a session under a number drawn at random, which no other has.
func (c *Conn) Open(slot uint64, write bool) (*Session, error) {
	var b [8]byte
	rand.Read(b[:])
	return c.OpenAs(slot, binary.LittleEndian.Uint64(b[:])|1, write)
}

// OpenAs opens a session under a number of the caller's.
func (c *Conn) OpenAs(slot, id uint64, write bool) (*Session, error) {
	flags := uint64(4) // CKF_SERIAL_SESSION
	if write {
		flags |= 2 // CKF_RW_SESSION
	}
	err := c.call(wire.CallSessionOpen, func(w *wire.Writer) {
		w.U64(slot)
		w.U64(id)
		w.U64(flags)
	}, nil)
	return &Session{c, id, slot}, err
}

// CloseAll closes every session of the application.
func (c *Conn) CloseAll() error {
	return c.call(wire.CallSessionClose, func(w *wire.Writer) { w.U64(0) }, nil)
}

// Close closes the session.
func (s *Session) Close() error {
	return s.conn.call(wire.CallSessionClose, func(w *wire.Writer) { w.U64(s.ID) }, nil)
}

// User types of Login.
const (
	Officer uint64 = 0 // CKU_SO
	User    uint64 = 1 // CKU_USER
	Context uint64 = 2 // CKU_CONTEXT_SPECIFIC
)

// Login logs in and answers a ticket for Resume. The PIN is zeroed. With name "uid" and no PIN the peer's uid is the
// evidence, where the partition allows it.
func (s *Session) Login(user uint64, name string, pin []byte) (ticket []byte, err error) {
	defer clear(pin)
	err = s.conn.call(wire.CallLogin, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(user)
		w.String(name)
		w.Bytes(pin)
	}, func(r *wire.Reader) { ticket = keep(r.Bytes()) })
	return ticket, err
}

// Logout ends the login of the session's slot.
func (s *Session) Logout() error {
	return s.conn.call(wire.CallLogout, func(w *wire.Writer) { w.U64(s.ID) }, nil)
}

// Resume logs in by a ticket and answers the user type.
func (c *Conn) Resume(slot uint64, ticket []byte) (user uint64, err error) {
	err = c.call(wire.CallResume, func(w *wire.Writer) {
		w.U64(slot)
		w.Bytes(ticket)
	}, func(r *wire.Reader) { user = r.U64() })
	return user, err
}

// InitToken empties a token and gives it a label and a security officer's PIN. The PIN is zeroed.
func (c *Conn) InitToken(slot uint64, pin []byte, label string) error {
	defer clear(pin)
	return c.call(wire.CallInitToken, func(w *wire.Writer) {
		w.U64(slot)
		w.Bytes(pin)
		w.String(label)
	}, nil)
}

// InitPIN sets the user's PIN by the security officer. The PIN is zeroed.
func (s *Session) InitPIN(pin []byte) error {
	defer clear(pin)
	return s.conn.call(wire.CallInitPin, func(w *wire.Writer) {
		w.U64(s.ID)
		w.Bytes(pin)
	}, nil)
}

// SetPIN changes the PIN of who is logged in, else the user's. Both PINs are zeroed.
func (s *Session) SetPIN(old, pin []byte) error {
	defer clear(old)
	defer clear(pin)
	return s.conn.call(wire.CallSetPin, func(w *wire.Writer) {
		w.U64(s.ID)
		w.Bytes(old)
		w.Bytes(pin)
	}, nil)
}

// Random answers n bytes of the core's generator.
func (s *Session) Random(n int) (out []byte, err error) {
	err = s.conn.call(wire.CallRandom, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(n))
	}, func(r *wire.Reader) { out = keep(r.Bytes()) })
	return out, err
}

// Seed offers entropy.
func (s *Session) Seed(b []byte) error {
	return s.conn.call(wire.CallSeed, func(w *wire.Writer) {
		w.U64(s.ID)
		w.Bytes(b)
	}, nil)
}
