// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of docs/design/management.md. Those that need a login use the one of the application on slot 0 (the domain)
// or on the partition's slot.

// Status tells how the core is. It is answered in every state.
func (c *Conn) Status() (v wire.Status, err error) {
	err = c.call(wire.CallStatus, nil, func(r *wire.Reader) {
		v.DecodeAny(r)
		v.AuditKey, v.TPMRoot = keep(v.AuditKey), keep(v.TPMRoot)
	})
	return v, err
}

// Init makes the root key and the domain's admin, and answers the custodians' shares. The PIN is zeroed.
func (c *Conn) Init(keeper string, threshold, shares int, adminPIN []byte) (out [][]byte, err error) {
	defer clear(adminPIN)
	err = c.call(wire.CallInit, func(w *wire.Writer) {
		w.String(keeper)
		w.U64(uint64(threshold))
		w.U64(uint64(shares))
		w.Bytes(adminPIN)
	}, func(r *wire.Reader) { out = shareList(r) })
	return out, err
}

// Unlock gives one share, or asks the file keeper with none, and answers how many are missing. The share is zeroed.
func (c *Conn) Unlock(share []byte) (missing uint64, err error) {
	defer clear(share)
	err = c.call(wire.CallUnlock, func(w *wire.Writer) { w.Bytes(share) }, func(r *wire.Reader) { missing = r.U64() })
	return missing, err
}

// Lock ends the core after its answer; the next one starts locked.
func (c *Conn) Lock() error { return c.call(wire.CallLock, nil, nil) }

// Zeroize destroys every secret in memory, and with the domain's id as confirmation the sealed root for ever.
func (c *Conn) Zeroize(confirm string) error {
	return c.call(wire.CallZeroize, func(w *wire.Writer) { w.String(confirm) }, nil)
}

// Rekeep changes the keeper of the root key.
func (c *Conn) Rekeep(keeper string, threshold, shares int) (out [][]byte, err error) {
	err = c.call(wire.CallRekeep, func(w *wire.Writer) {
		w.String(keeper)
		w.U64(uint64(threshold))
		w.U64(uint64(shares))
	}, func(r *wire.Reader) { out = shareList(r) })
	return out, err
}

func shareList(r *wire.Reader) (list [][]byte) {
	for range r.Count(4) {
		list = append(list, keep(r.Bytes()))
	}
	return list
}

// Flags of a partition.
const (
	InitAllowed uint64 = 1 // C_InitToken may empty it
	UIDLogin    uint64 = 2 // the peer's uid is evidence
	AuditEach   uint64 = 4 // every use is an entry of its own, else uses are counted
)

// PartitionCreate makes a partition with its first two operators, so and user. The PINs are zeroed.
func (c *Conn) PartitionCreate(label string, soPIN, userPIN []byte, flags uint64) (id key.ID, slot uint64, err error) {
	defer clear(soPIN)
	defer clear(userPIN)
	err = c.call(wire.CallPartitionCreate, func(w *wire.Writer) {
		w.String(label)
		w.Bytes(soPIN)
		w.Bytes(userPIN)
		w.U64(flags)
	}, func(r *wire.Reader) { id, slot = idBytes(r), r.U64() })
	return id, slot, err
}

// Partition is one row of Partitions.
type Partition struct {
	ID           key.ID
	Label        string
	Slot         uint64
	Flags        uint64
	Objects      uint64
	MaxObjects   uint64
	MaxOperators uint64
	Initialized  bool
}

// Partitions lists what there is.
func (c *Conn) Partitions() (list []Partition, err error) {
	err = c.call(wire.CallPartitionList, nil, func(r *wire.Reader) {
		for range r.Count(56) {
			list = append(list, Partition{idBytes(r), r.String(), r.U64(), r.U64(), r.U64(), r.U64(), r.U64(), r.U64() != 0})
		}
	})
	return list, err
}

// What PartitionSet changes.
const (
	SetFlags  uint64 = 1
	SetQuotas uint64 = 2
	SetLabel  uint64 = 4
)

// PartitionSet changes what mask names of a partition to what p says.
func (c *Conn) PartitionSet(mask uint64, p Partition) error {
	return c.call(wire.CallPartitionSet, func(w *wire.Writer) {
		w.Bytes(p.ID[:])
		w.U64(mask)
		w.U64(p.Flags)
		w.U64(p.MaxObjects)
		w.U64(p.MaxOperators)
		w.String(p.Label)
	}, nil)
}

// PartitionDestroy ends a partition and every key in it; confirm is its label.
func (c *Conn) PartitionDestroy(id key.ID, confirm string) error {
	return c.call(wire.CallPartitionDestroy, func(w *wire.Writer) {
		w.Bytes(id[:])
		w.String(confirm)
	}, nil)
}

// Roles of operators.
const (
	Admin      uint64 = 1
	CryptoUser uint64 = 2
	Auditor    uint64 = 3
)

// OperatorCreate makes an operator of a partition. The PIN is zeroed.
func (c *Conn) OperatorCreate(slot uint64, name string, role uint64, pin []byte, uids ...uint64) error {
	defer clear(pin)
	return c.call(wire.CallOperatorCreate, func(w *wire.Writer) {
		w.U64(slot)
		w.String(name)
		w.U64(role)
		w.Bytes(pin)
		putList(w, uids)
	}, nil)
}

// Operator is one row of Operators.
type Operator struct {
	ID    key.ID
	Name  string
	Role  uint64
	Left  uint64 // PIN tries
	Flags uint64
	UIDs  []uint64
}

// Operators lists the operators of a partition.
func (c *Conn) Operators(slot uint64) (list []Operator, err error) {
	err = c.call(wire.CallOperatorList, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		for range r.Count(52) {
			o := Operator{idBytes(r), r.String(), r.U64(), r.U64(), r.U64(), nil}
			for range r.Count(8) {
				o.UIDs = append(o.UIDs, r.U64())
			}
			list = append(list, o)
		}
	})
	return list, err
}

// What OperatorSet changes.
const (
	SetPINOf uint64 = 1 // also unlocks
	SetUIDs  uint64 = 2
	Disable  uint64 = 4
	Enable   uint64 = 8
)

// OperatorSet changes what mask names. The PIN is zeroed.
func (c *Conn) OperatorSet(slot uint64, name string, mask uint64, pin []byte, uids ...uint64) error {
	defer clear(pin)
	return c.call(wire.CallOperatorSet, func(w *wire.Writer) {
		w.U64(slot)
		w.String(name)
		w.U64(mask)
		w.Bytes(pin)
		putList(w, uids)
	}, nil)
}

// OperatorDestroy ends an operator.
func (c *Conn) OperatorDestroy(slot uint64, name string) error {
	return c.call(wire.CallOperatorDestroy, func(w *wire.Writer) {
		w.U64(slot)
		w.String(name)
	}, nil)
}

// KeyShare lets an operator use an object, or no longer.
func (s *Session) KeyShare(object uint64, operator string, on bool) error {
	return s.conn.call(wire.CallKeyShare, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
		w.String(operator)
		w.U64(bit(on))
	}, nil)
}

// KeyState moves a key through the states of SP 800-57.
func (s *Session) KeyState(object uint64, state key.State) error {
	return s.conn.call(wire.CallKeyState, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
		w.U64(uint64(state))
	}, nil)
}

// AuditNote writes a remark into the audit log, on disk when it returns.
func (c *Conn) AuditNote(text string) error {
	return c.call(wire.CallAuditNote, func(w *wire.Writer) { w.String(text) }, nil)
}

// AuditHead answers a fresh checkpoint of the audit log.
func (c *Conn) AuditHead() (checkpoint []byte, err error) {
	err = c.call(wire.CallAuditHead, nil, func(r *wire.Reader) { checkpoint = keep(r.Bytes()) })
	return checkpoint, err
}

func putList(w *wire.Writer, list []uint64) {
	w.U32(uint32(len(list)))
	for _, v := range list {
		w.U64(v)
	}
}

func idBytes(r *wire.Reader) (id key.ID) {
	if copy(id[:], r.Bytes()) != len(id) {
		r.Fail()
	}
	return id
}

// AgentStatus answers how the agent at this end sees its nodes, as JSON; a node answers Unsupported.
func (c *Conn) AgentStatus() (text []byte, err error) {
	err = c.call(wire.CallAgentStatus, nil, func(r *wire.Reader) { text = keep(r.Bytes()) })
	return text, err
}
