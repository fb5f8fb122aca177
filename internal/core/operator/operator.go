// SPDX-License-Identifier: Apache-2.0

// Package operator knows who may log in: the operator record, PINs with lockout, login by the asserted uid of a unix
// peer, and the tickets by which a login outlives the core (FIPS 140-3, identity-based authentication, ISO/IEC 19790
// section 7.4).
//
//	gate, err := operator.NewGate(charger)
//	op, err := gate.VerifyPIN(id, pin, now)        // charged before it is told
//	op.Identity()                                  // who this is, for the rest of the core
//	ticket, err := operator.SealTicket(partKey, domain, op, uid, now)
//
// An Operator is never changed once it is shared: SetPIN, Disable and the like answer a new one, to be committed under
// the next version of its record.
package operator

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Role is what an operator may do. Numbers are those of docs/design/management.md.
type Role uint8

const (
	RoleUnknown Role = iota
	Admin            // the security officer of PKCS #11: operators and policy, no keys
	CryptoUser       // keys
	Auditor          // reads
	Service          // of the domain: what the role assignments of each partition say
)

func (r Role) String() string {
	switch r {
	case Admin:
		return "admin"
	case CryptoUser:
		return "crypto-user"
	case Auditor:
		return "auditor"
	case Service:
		return "service"
	}
	return "unknown"
}

// Identity is who is logged in.
type Identity struct {
	Partition key.ID // zero: the domain
	Operator  key.ID
	Name      string
	Role      Role
}

// Operator is the plaintext of a record at r/<partition>/u/<operator>.
type Operator struct {
	ID         key.ID
	Partition  key.ID
	Name       string
	Role       Role
	PIN        *Verifier // nil: no PIN has been set
	UIDs       []uint32  // unix uids that log in without a PIN, where the partition allows it
	Disabled   bool
	Tries      uint32 // charged and not taken back (Gate)
	Charges    uint64 // how often Tries was set: tells a Gate that another one did
	Generation uint64 // raised whenever a credential is changed or taken away: ends tickets, tokens and cached logins

	Limited     bool // may do only what it is granted
	Credentials []Credential
}

// Path is where an operator's record rests.
func Path(partition, operator key.ID) string { return Prefix(partition) + operator.String() }

// Prefix is common to all operators of a partition.
func Prefix(partition key.ID) string { return "r/" + partition.String() + "/u/" }

const (
	formatVersion = 2 // 1 ended with the uids
	maxName       = 64
	maxUIDs       = 64 // people list a service's few accounts; a group is a later matter
)

// New makes an operator without credentials.
func New(partition, id key.ID, name string, role Role) (*Operator, error) {
	if !validName(name) || role == RoleUnknown || role > Service || role == Service && !partition.IsZero() {
		return nil, fault.ArgumentsBad.At("name operator")
	}
	return &Operator{ID: id, Partition: partition, Name: name, Role: role, Generation: 1, Limited: role == Service}, nil
}

// validName allows 1 to 64 visible ASCII characters but the colon, which parts name and PIN in a PKCS #11 login.
func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// Identity is the operator for the rest of the core.
func (o *Operator) Identity() Identity { return Identity{o.Partition, o.ID, o.Name, o.Role} }

func (o *Operator) clone() *Operator {
	c := *o
	c.UIDs = slices.Clone(o.UIDs)
	c.Credentials = slices.Clone(o.Credentials)
	return &c
}

// WithUIDs answers the operator with other uids; tickets end.
func (o *Operator) WithUIDs(uids []uint32) (*Operator, error) {
	if len(uids) > maxUIDs {
		return nil, fault.ArgumentsBad.At("set uids")
	}
	c := o.clone()
	c.UIDs = slices.Clone(uids)
	c.Generation++
	return c, nil
}

// WithDisabled answers the operator disabled or enabled; tickets end either way.
func (o *Operator) WithDisabled(disabled bool) *Operator {
	c := o.clone()
	c.Disabled = disabled
	c.Generation++
	return c
}

// WithTries answers the operator with so many tries charged: what a Charger commits. Zero unlocks the PIN.
func (o *Operator) WithTries(used uint32) *Operator {
	c := o.clone()
	c.Tries = used
	c.Charges++
	return c
}

// VerifyUID accepts the uid that the host asserts of a unix peer, which is marked so in the audit log. Whether the
// partition allows it, the caller knows.
func (o *Operator) VerifyUID(uid uint32) error {
	if o.Disabled || !slices.Contains(o.UIDs, uid) {
		return fault.Denied.At("log in by uid")
	}
	return nil
}

// Encode appends the record's plaintext.
func (o *Operator) Encode(w *wire.Writer) {
	w.U8(formatVersion)
	w.PutID(o.ID)
	w.PutID(o.Partition)
	w.String(o.Name)
	w.U8(uint8(o.Role))
	w.Bool(o.Disabled)
	w.U32(o.Tries)
	w.U64(o.Charges)
	w.U64(o.Generation)
	w.Bool(o.PIN != nil)
	if o.PIN != nil {
		o.PIN.encode(w)
	}
	w.U32(uint32(len(o.UIDs)))
	for _, uid := range o.UIDs {
		w.U32(uid)
	}
	w.Bool(o.Limited)
	w.U32(uint32(len(o.Credentials)))
	for i := range o.Credentials {
		o.Credentials[i].encode(w)
	}
}

// Decode reads a record's plaintext, which the seal has already vouched for: RecordInvalid is then a bug or a newer
// format. It keeps nothing of b.
func Decode(b []byte) (*Operator, error) {
	r := wire.NewReader(b)
	o := &Operator{}
	version := r.U8()
	if version == 0 || version > formatVersion {
		r.Fail()
	}
	o.ID, o.Partition, o.Name, o.Role = r.ID(), r.ID(), r.String(), Role(r.U8())
	o.Disabled, o.Tries, o.Charges, o.Generation = r.Bool(), r.U32(), r.U64(), r.U64()
	if r.Bool() {
		o.PIN = decodeVerifier(&r)
	}
	for range r.Count(4) {
		o.UIDs = append(o.UIDs, r.U32())
	}
	if version > 1 {
		o.Limited = r.Bool()
		for range r.Count(64) {
			o.Credentials = append(o.Credentials, decodeCredential(&r))
		}
	}
	if r.End() != nil || !validName(o.Name) || o.Role == RoleUnknown || o.Role > Service || len(o.UIDs) > maxUIDs {
		return nil, fault.RecordInvalid.At("read operator")
	}
	return o, nil
}
