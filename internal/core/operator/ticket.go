// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Ticket is proof of an earlier login, by which a client resumes it after the core was restarted, on any node. Whoever
// holds its bytes can use it until it expires, as with the PIN it stands for: a client keeps it in memory only.
type Ticket struct {
	Partition  key.ID
	Operator   key.ID
	Generation uint64
	Role       Role
	UID        uint32 // the peer it was given to. A worker may have changed its uid since, so this binds only the audit log
	Issued     int64  // nanoseconds since 1970, as is Expires
	Expires    int64
}

const (
	ticketLabel   = "genbu ticket 1"
	ticketVersion = 1

	// TicketLife is a day: a client that talks to its core now and then renews it long before, and one lost in a core
	// dump is soon worth nothing.
	TicketLife = 24 * 3600 * 1_000_000_000
	// TicketRenew is the age from which a new ticket should be given with the next resume.
	TicketRenew = TicketLife / 2
	// ticketSkew is how far the clocks of two nodes may differ, as member's certificates have it. Nobody but a core makes tickets:
	// one of a node whose clock is ahead lives longer by that much, and was given to somebody who had just logged in.
	ticketSkew = 24 * 3600 * 1_000_000_000
)

// SealTicket makes a ticket for an operator who has just logged in. now is nanoseconds since 1970. Called inside ssp.Do.
func SealTicket(partKey ssp.Bytes, domain key.ID, op *Operator, uid uint32, now int64) ([]byte, error) {
	var w wire.Writer
	w.U8(ticketVersion)
	w.PutID(op.ID)
	w.U64(op.Generation)
	w.U8(uint8(op.Role))
	w.U32(uid)
	w.U64(uint64(now))
	w.U64(uint64(now + TicketLife))
	return seal.Box(partKey, ticketLabel, ticketAAD(domain, op.Partition), w.B)
}

// OpenTicket opens what SealTicket made for this partition and checks its time. It is worth something only after Check
// has compared it with the operator's record. TicketInvalid for everything else. Called inside ssp.Do.
func OpenTicket(partKey ssp.Bytes, domain, partition key.ID, ticket []byte, now int64) (Ticket, error) {
	plain, err := seal.OpenBox(partKey, ticketLabel, ticketAAD(domain, partition), ticket, fault.TicketInvalid)
	if err != nil {
		return Ticket{}, err
	}
	r := wire.NewReader(plain)
	if r.U8() != ticketVersion {
		r.Fail()
	}
	t := Ticket{Partition: partition, Operator: r.ID(), Generation: r.U64(), Role: Role(r.U8()), UID: r.U32(),
		Issued: int64(r.U64()), Expires: int64(r.U64())}
	if r.End() != nil || now > t.Expires || now < t.Issued-ticketSkew {
		return Ticket{}, fault.TicketInvalid.At("check ticket")
	}
	return t, nil
}

// Check compares the ticket with the operator's newest record: since it was given, no credential may have changed.
// A PIN that was locked by wrong tries ends no ticket, or anybody could stop a service by guessing.
func (t Ticket) Check(op *Operator) error {
	if op.ID != t.Operator || op.Partition != t.Partition || op.Disabled || op.Generation != t.Generation || op.Role != t.Role {
		return fault.TicketInvalid.At("check ticket")
	}
	return nil
}

func ticketAAD(domain, partition key.ID) []byte {
	return append(append(make([]byte, 0, 32), domain[:]...), partition[:]...)
}
