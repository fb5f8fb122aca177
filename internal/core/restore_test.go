// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func TestHoldersAndABackupRebuildEverythingOnABareNode(t *testing.T) {
	a, b, c := newPerson(t, "a"), newPerson(t, "b"), newPerson(t, "c")
	n := filled(t)
	n.secret(1, "k1")
	n.secret(2, "k2")
	file := n.download(2, a, b, c)
	backup := n.mustSave()
	before := withoutNodes(n.content())

	bare := bareNode(t)
	want(t, "a restore that nobody opened the domain for", func() error { _, err := bare.restore(backup); return err }(), fault.Denied)
	want(t, "one holder of two", bare.bring(file, holder.Statement{}, true, b), fault.SharesMissing)
	want(t, "two holders", bare.bring(file, holder.Statement{}, true, b, c), fault.OK)
	damaged := backup.clone()
	damaged.chunks[1][50] ^= 1
	_, err := bare.restore(damaged)
	want(t, "a damaged backup", err, fault.BackupInvalid)
	if bare.core.State() != wire.StateUninitialized || len(records(t, bare.store)) != 0 {
		t.Errorf("%v with %d records after a restore that was refused", bare.core.State(), len(records(t, bare.store)))
	}
	undone, err := bare.restore(backup)
	if err != nil || len(undone) != 0 {
		t.Fatalf("restore: %v, %v", undone, err)
	}
	if bare.core.State() != wire.StateOperational {
		t.Fatalf("state %v", bare.core.State())
	}
	sameContent(t, "restored", before, withoutNodes(bare.content()))
	if bare.core.birth.IsZero() || bare.core.birth == n.core.birth {
		t.Errorf("incarnation %v after %v", bare.core.birth, n.core.birth)
	}
	// It is a node like any other: changes, and a next start.
	bare.secret(1, "new")
	if err := bare.admin().OperatorSet(1, "user", 1, []byte("new-pin")); err != nil {
		t.Error(err)
	}
	content := bare.content()
	bare.start(wire.Config{})
	if bare.core.State() != wire.StateOperational {
		t.Fatalf("state %v after the next start", bare.core.State())
	}
	sameContent(t, "after the next start", withoutNodes(content), withoutNodes(bare.content()))
}

func TestAnOlderBackupDoesNotReplaceANewerStateUnlessTheHoldersSaySo(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	n := filled(t)
	s, doomed := n.secret(1, "doomed")
	_ = doomed
	file := n.download(2, a, b)
	backup := n.mustSave()
	if err := s.Destroy(doomed); err != nil {
		t.Fatal(err)
	}
	if err := n.admin().OperatorSet(1, "user", 1, []byte("new-pin")); err != nil {
		t.Fatal(err)
	}
	n.secretWith(2, "user-pin", "late")

	want(t, "over an open module", func() error { _, err := n.restore(backup); return err }(), fault.Denied)
	want(t, "upload to an open module", n.bring(file, holder.Statement{}, true, a, b), fault.AlreadyInitialized)
	n.start(wire.Config{Hold: true})
	state := records(t, n.store)
	want(t, "upload", n.bring(file, holder.Statement{}, true, a, b), fault.OK)
	_, err := n.restore(backup)
	want(t, "an older backup", err, fault.BackupOld)
	same := records(t, n.store)
	if len(same) != len(state) || n.core.State() != wire.StateLocked {
		t.Errorf("%d records of %d, %v", len(same), len(state), n.core.State())
	}
	for i := range same {
		if !bytes.Equal(same[i].Value, state[i].Value) {
			t.Errorf("%s changed by a restore that was refused", same[i].Path)
		}
	}
	other := wire.LeafHash([]byte("another head"))
	want(t, "upload", n.bring(file, holder.Statement{Older: true, Backup: other}, true, a, b), fault.OK)
	_, err = n.restore(backup)
	want(t, "the holders spoke of another backup", err, fault.Denied)
	want(t, "upload", n.bring(file, holder.Statement{Older: true, Backup: wire.LeafHash(backup.head)}, true, a, b), fault.OK)
	undone, err := n.restore(backup)
	want(t, "the holders said so", err, fault.OK)
	found := map[string]bool{}
	for _, u := range undone {
		found[[]string{"", "back ", "as it was ", "gone "}[u.What]+string(u.Name)] = true
	}
	for _, w := range []string{"back doomed", "as it was user", "gone late"} {
		if !found[w] {
			t.Errorf("the answer does not tell: %s; it tells %v", w, found)
		}
	}
	if n.core.State() != wire.StateOperational {
		t.Errorf("state %v", n.core.State())
	}
	n.secret(1, "with the old pin")
}

func TestTheRootsKeeperAloneRestoresIntoAnEmptyNodeAndNothingOlder(t *testing.T) {
	n := filled(t)
	backup := n.mustSave()
	before := withoutNodes(n.content())
	bare := bareNode(t)
	c := bare.client()
	_, err := c.DomainKeeper(nil)
	want(t, "no sealed root is there", err, fault.RecordUnknown)
	bare.giveRoot(n)
	bare.machine.keeper = n.machine.keeper
	if _, err = c.DomainKeeper(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := bare.restore(backup); err != nil {
		t.Fatal(err)
	}
	sameContent(t, "restored", before, withoutNodes(bare.content()))

	bare.secret(1, "since then")
	bare.start(wire.Config{Hold: true})
	if _, err = bare.client().DomainKeeper(nil); err != nil {
		t.Fatal(err)
	}
	_, err = bare.restore(backup)
	want(t, "the same backup over what was made since", err, fault.BackupOld)
}

func TestALostRootIsBroughtBackByTheHolders(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	n := filled(t)
	file := n.download(2, a, b)
	content := n.content()
	if err := os.Remove(filepath.Join(n.dir, "root", "file")); err != nil {
		t.Fatal(err)
	}
	n.machine = &machineDouble{exits: make(chan int, 4)} // whose keeper file is empty
	n.start(wire.Config{})
	if n.core.State() != wire.StateZeroized {
		t.Fatalf("state %v", n.core.State())
	}
	other := filled(t)
	wrong := other.download(2, a, b)
	want(t, "holders of another domain", n.bring(wrong, holder.Statement{}, false, a, b), fault.DomainOther)
	want(t, "its holders", n.bring(file, holder.Statement{}, false, a, b), fault.OK)
	sameContent(t, "opened", withoutNodes(content), withoutNodes(n.content()))
	n.start(wire.Config{})
	if n.core.State() != wire.StateOperational {
		t.Errorf("state %v after the next start", n.core.State())
	}
}

func TestClonesTakeObjectsFromEachOtherAsTheyRest(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	n := filled(t)
	file := n.download(2, a, b)
	backup := n.mustSave()
	clone := bareNode(t)
	want(t, "upload", clone.bring(file, holder.Statement{}, true, a, b), fault.OK)
	if _, err := clone.restore(backup); err != nil {
		t.Fatal(err)
	}
	from, k := n.secret(1, "shared")
	to, _ := clone.secret(1, "other")
	r, err := from.ReplicaGive(k)
	if err != nil {
		t.Fatal(err)
	}
	h, outcome, err := to.ReplicaTake(r)
	if err != nil || outcome != client.ReplicaNew || h != k {
		t.Fatalf("handle %x of %x, outcome %d: %v", h, k, outcome, err)
	}
	path := "r/" + r.Partition.String() + "/o/" + r.Object.String()
	if n.content()[path] != clone.content()[path] || n.content()[path] == [32]byte{} {
		t.Error("the clone's object is another one")
	}
	if _, outcome, err = to.ReplicaTake(r); err != nil || outcome != client.ReplicaSame {
		t.Errorf("again: outcome %d, %v", outcome, err)
	}
	rename(t, from, k, "renamed")
	if r, err = from.ReplicaGive(k); err != nil {
		t.Fatal(err)
	}
	if _, outcome, err = to.ReplicaTake(r); err != nil || outcome != client.ReplicaChanged || n.content()[path] != clone.content()[path] {
		t.Errorf("changed: outcome %d, %v", outcome, err)
	}
	bad := r
	bad.Record = append([]byte{}, r.Record...)
	bad.Record[60] ^= 1
	_, _, err = to.ReplicaTake(bad)
	want(t, "a record that was altered", err, fault.RecordInvalid)
	if err := to.Destroy(k); err != nil {
		t.Fatal(err)
	}
	_, _, err = to.ReplicaTake(r)
	want(t, "one that was destroyed there", err, fault.RecordRevived)
	stranger := filled(t)
	s, _ := stranger.secret(1, "x")
	_, _, err = s.ReplicaTake(r)
	want(t, "at a stranger", err, fault.PartitionUnknown)

	// What the clone changed cannot be put into the original, nor the other way round, although paths and keys are the same.
	n.exchangeOnly(clone, "/u/")
	n.start(wire.Config{Hold: false})
	login, err := n.client().Open(1, true)
	if err == nil {
		_, err = login.Login(client.User, "", []byte("user-pin"))
	}
	if err == nil {
		t.Error("an operator as the clone charged it serves in the original")
	}
}

// TestCustodiansBringTheirDomainShareByShare: the sealed root was kept elsewhere, and two of three custodians are there.
func TestCustodiansBringTheirDomainShareByShare(t *testing.T) {
	n := newNode(t)
	shares := n.initialize("custodians", 2, 3)
	n.partition("one", 0)
	backup := n.mustSave()
	before := withoutNodes(n.content())
	bare := bareNode(t)
	b, err := os.ReadFile(filepath.Join(n.dir, "root", "custodians"))
	if err == nil {
		err = os.WriteFile(filepath.Join(bare.dir, "root", "custodians"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := bare.client()
	for i, share := range [][]byte{nil, shares[2], nil, shares[0]} {
		missing, err := c.DomainKeeper(bytes.Clone(share))
		if err != nil || int(missing) != []int{2, 1, 1, 0}[i] {
			t.Fatalf("%d missing after step %d: %v", missing, i, err)
		}
	}
	if _, err := bare.restore(backup); err != nil {
		t.Fatal(err)
	}
	sameContent(t, "restored", before, withoutNodes(bare.content()))
}
