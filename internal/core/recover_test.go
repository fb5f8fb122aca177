// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// recoverOwn does what a host does that lists its own store for its core. spoil may change what is listed.
func (n *node) recoverOwn(spoil func([]wire.Record) []wire.Record) error {
	n.t.Helper()
	begun, err := n.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupBegin})
	if err != nil {
		return err
	}
	list := records(n.t, n.store)
	if spoil != nil {
		list = spoil(list)
	}
	var kept []wire.Record
	for half := range 2 {
		part := list[:len(list)/2]
		if half == 1 {
			part = list[len(list)/2:]
		}
		r, err := n.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: begun.Backup, Records: part, Last: half == 1})
		if err != nil {
			return err
		}
		kept = append(kept, r.Records...)
	}
	last, err := n.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: begun.Backup})
	if err != nil {
		return err
	}
	n.exchange(append(kept, last.Records...))
	_, err = n.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupOpen, Backup: begun.Backup})
	return err
}

// Of two nodes one is lost. The other becomes a cluster by itself from its own store: with all its keys, as another incarnation, in which
// the lost one is nobody when it comes back as it was.
func TestANodesOwnStoreIsRestoredAsAClusterOfItAlone(t *testing.T) {
	w := newTown(t)
	a, slot := first(w)
	handle := a.signingKey(slot)
	b := a.member(w, "b", "file")
	until(t, "both have leases", func() bool {
		a.core.Tick()
		b.core.Tick()
		return a.core.coherence.members() == 2 && a.core.Leased() == nil && b.core.Leased() == nil
	})
	before := copied(t, w.store)
	birth := a.core.birth
	b.core.cluster.links.Stop()
	b.core.endCoherence()

	a.start(wire.Config{Hold: true})
	want(t, "a recovery that nobody opened the domain for", a.recoverOwn(nil), fault.Denied)
	_, err := a.client().DomainKeeper(nil)
	want(t, "the root's keeper", err, fault.OK)
	for what, spoil := range map[string]func(list []wire.Record) []wire.Record{
		"a change log that lacks its last": func(list []wire.Record) []wire.Record {
			for i := len(list) - 1; ; i-- {
				if bytes.Contains([]byte(list[i].Path), []byte("/c/")) {
					return append(list[:i:i], list[i+1:]...)
				}
			}
		},
		"a damaged record": func(list []wire.Record) []wire.Record {
			last := &list[len(list)-1]
			last.Value = bytes.Clone(last.Value)
			last.Value[len(last.Value)-1] ^= 1
			return list
		},
	} {
		stored := records(t, a.store)
		if code := fault.Of(a.recoverOwn(spoil)); code != fault.BackupUnsound && code != fault.RecordInvalid {
			t.Errorf("%s: %v", what, code)
		}
		if len(records(t, a.store)) != len(stored) || a.core.State() != wire.StateLocked {
			t.Errorf("%s: something has changed", what)
		}
	}
	want(t, "recover", a.recoverOwn(nil), fault.OK)
	if a.core.birth == birth || a.core.State() != wire.StateOperational {
		t.Errorf("incarnation %v after %v, %v", a.core.birth, birth, a.core.State())
	}
	until(t, "it needs nobody", func() bool { a.core.Tick(); return a.core.Leased() == nil })
	want(t, "a key from before", a.uses(slot, handle), fault.OK)
	if list, err := a.client().Members(); err != nil || len(list) != 1 {
		t.Errorf("its members are %v, %v", list, err)
	}

	b.store = before // as it was
	b.start(wire.Config{})
	for range 30 {
		a.core.Tick()
		b.core.Tick()
		time.Sleep(100 * time.Millisecond)
	}
	s, err := b.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	want(t, "somebody logs in at the lost one", err, fault.LeaseExpired)
	want(t, "the other goes on", a.uses(slot, handle), fault.OK)
	if n := a.core.coherence.members(); n != 1 {
		t.Errorf("%d take part in leases", n)
	}
	c := a.member(w, "b", "file") // the name is free
	want(t, "a new node uses the key", c.uses(slot, handle), fault.OK)
	if c.id == (key.ID{}) || c.id == b.id {
		t.Error("the new node is the old one")
	}
}

// copied is a store as it is now.
func copied(t *testing.T, s store.Store) store.Store {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.Snapshot(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	old := memory.New()
	if err := old.Restore(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return old
}
