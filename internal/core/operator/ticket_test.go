// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bytes"
	"os"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/key"
)

func partKey(t testing.TB, b byte) ssp.Bytes {
	k := must(ssp.Alloc(32))
	k.Use(access.Token{}, func(p []byte) { copy(p, bytes.Repeat([]byte{b}, 32)) })
	t.Cleanup(k.Free)
	return k
}

const now = int64(1_700_000_000_000_000_000)

func TestTicketResumesALogin(t *testing.T) {
	k, op := partKey(t, 1), withPIN("right")
	ticket := must(SealTicket(k, domain, op, 1000, now))
	got, err := OpenTicket(k, domain, partition, ticket, now+TicketLife-1)
	if err != nil || got.UID != 1000 || got.Operator != op.ID || got.Role != CryptoUser || got.Issued != now {
		t.Fatalf("%+v, %v", got, err)
	}
	wantFault(t, "same operator", got.Check(op), fault.OK)
	wantFault(t, "tries were charged since", got.Check(op.WithTries(10)), fault.OK)
}

func TestTicketEndsWithWhatItStoodFor(t *testing.T) {
	k, op := partKey(t, 1), withPIN("right")
	ticket := must(SealTicket(k, domain, op, 1000, now))
	got := must(OpenTicket(k, domain, partition, ticket, now))
	other := op.clone()
	other.ID = key.ID{8}
	promoted := op.clone()
	promoted.Role = Admin
	for what, changed := range map[string]*Operator{
		"new pin":        must(op.WithPIN([]byte("1234"))),
		"new uids":       must(op.WithUIDs(nil)),
		"disabled":       op.WithDisabled(true),
		"enabled again":  op.WithDisabled(true).WithDisabled(false),
		"other operator": other,
		"other role":     promoted,
	} {
		wantFault(t, what, got.Check(changed), fault.TicketInvalid)
	}
	for what, f := range map[string]func() error{
		"expired":             func() error { _, err := OpenTicket(k, domain, partition, ticket, now+TicketLife+1); return err },
		"from the future":     func() error { _, err := OpenTicket(k, domain, partition, ticket, now-ticketSkew-1); return err },
		"other partition":     func() error { _, err := OpenTicket(k, domain, key.ID{1}, ticket, now); return err },
		"other domain":        func() error { _, err := OpenTicket(k, key.ID{1}, partition, ticket, now); return err },
		"other partition key": func() error { _, err := OpenTicket(partKey(t, 2), domain, partition, ticket, now); return err },
		"empty":               func() error { _, err := OpenTicket(k, domain, partition, nil, now); return err },
	} {
		wantFault(t, what, f(), fault.TicketInvalid)
	}
	for i := range ticket {
		b := bytes.Clone(ticket)
		b[i] ^= 4
		_, err := OpenTicket(k, domain, partition, b, now)
		wantFault(t, "forged", err, fault.TicketInvalid)
	}
}

func TestTicketOfFormat1StillOpens(t *testing.T) {
	const name = "testdata/ticket.v1"
	k, op := partKey(t, 1), withPIN("right")
	if *update {
		os.WriteFile(name, must(SealTicket(k, domain, op, 1000, now)), 0o644)
	}
	got, err := OpenTicket(k, domain, partition, must(os.ReadFile(name)), now)
	if want := (Ticket{partition, op.ID, 1, CryptoUser, 1000, now, now + TicketLife}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzTicket(f *testing.F) {
	k := partKey(f, 1)
	good := must(os.ReadFile("testdata/ticket.v1"))
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := OpenTicket(k, domain, partition, b, now); err == nil && !bytes.Equal(b, good) {
			t.Errorf("opened %x", b)
		}
	})
}
