// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// person holds a share.
type person struct {
	key  *rsa.PrivateKey
	cert []byte
}

func newPerson(t testing.TB, name string) person {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return person{k, der}
}

// download makes a security domain file.
func (n *node) download(quorum int, people ...person) *holder.File {
	n.t.Helper()
	var certs [][]byte
	for _, p := range people {
		certs = append(certs, p.cert)
	}
	shares, data, err := n.admin().DomainDownload(quorum, certs)
	if err != nil {
		n.t.Fatal(err)
	}
	return fileOf(quorum, shares, data)
}

func fileOf(quorum int, shares []client.DomainShare, data []client.DomainDatum) *holder.File {
	var s []holder.Share
	for _, share := range shares {
		s = append(s, holder.Share{JWE: share.JWE, Thumbprint: holder.PrintText(share.Thumbprint)})
	}
	var d []holder.Datum
	for _, datum := range data {
		d = append(d, holder.Datum{JWE: datum.JWE, Tag: datum.Tag})
	}
	return holder.New(quorum, s, d)
}

// bring has people wrap their shares to this core and uploads them.
func (n *node) bring(f *holder.File, say holder.Statement, restore bool, people ...person) error {
	n.t.Helper()
	c := n.client()
	der, err := c.DomainTransfer()
	if err != nil {
		return err
	}
	u := &client.DomainUpload{Restore: restore, Quorum: f.SharedKeys.Required}
	for _, d := range f.EncData.Data {
		u.Data = append(u.Data, client.DomainDatum{Tag: d.Tag, JWE: d.JWE})
	}
	for _, p := range people {
		w, err := f.Wrap(p.key, der, say)
		if err != nil {
			return err
		}
		print, _ := w.Print()
		u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: w.JWE})
	}
	_, _, err = c.DomainUpload(u)
	return err
}

// exchange puts records in place of all that a store holds, as a host does after a restore.
func (n *node) exchange(list []wire.Record) {
	n.t.Helper()
	ctx := context.Background()
	for _, r := range records(n.t, n.store) {
		if _, err := n.store.Txn(ctx, store.Txn{Deletes: []string{r.Path}}); err != nil {
			n.t.Fatal(err)
		}
	}
	for _, r := range list {
		if _, err := n.store.Txn(ctx, store.Txn{Puts: []store.Put{{Path: r.Path, Value: r.Value}}}); err != nil {
			n.t.Fatal(err)
		}
	}
}

// restore does all that a host does.
func (n *node) restore(s *saved) ([]wire.Undone, error) {
	n.t.Helper()
	list, undone, err := n.read(wire.OpRestore, s)
	if err != nil {
		return nil, err
	}
	n.exchange(list)
	_, err = n.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupOpen, Backup: s.id})
	return undone, err
}

func (n *node) mustSave() *saved {
	n.t.Helper()
	s, err := n.save(records(n.t, n.store), 3)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

// content is the digests of every partition, the domain's own among them.
func (n *node) content() map[string][32]byte {
	n.t.Helper()
	c := n.admin()
	list, err := c.Partitions()
	if err != nil {
		n.t.Fatal(err)
	}
	all := map[string][32]byte{}
	for _, id := range append([]key.ID{{}}, ids(list)...) {
		digests, err := c.RecordDigests(id)
		if err != nil {
			n.t.Fatal(err)
		}
		for path, d := range digests {
			all[path] = d
		}
	}
	return all
}

func ids(list []client.Partition) (ids []key.ID) {
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	return ids
}

// secret makes an AES key and answers its handle.
func (n *node) secret(slot uint64, label string) (*client.Session, uint64) {
	n.t.Helper()
	s, err := n.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return s, generateAES(n.t, s, label)
}

func sameContent(t *testing.T, what string, a, b map[string][32]byte) {
	t.Helper()
	if len(a) == 0 {
		t.Errorf("%s: nothing to compare", what)
	}
	for path, d := range a {
		if b[path] != d {
			t.Errorf("%s: %s differs or is missing", what, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			t.Errorf("%s: %s came from nowhere", what, path)
		}
	}
}

// withoutNodes leaves out what changes by being looked at, the admin's charged tries, and what belongs to an incarnation: its
// nodes, and which of them hold leases.
func withoutNodes(content map[string][32]byte) map[string][32]byte {
	rest := map[string][32]byte{}
	for path, d := range content {
		if len(path) > 35 && strings.HasPrefix(path, "r/"+key.ID{}.String()) && strings.Contains("nkuv", path[35:36]) {
			continue
		}
		rest[path] = d
	}
	return rest
}

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
	if err := n.admin().Zeroize(n.core.domain.String()); err != nil {
		t.Fatal(err)
	}
	<-n.machine.exits
	n.machine = &machineDouble{exits: make(chan int, 4)} // whose keeper file is empty, and who has no timer of the last process
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

// bareNode is a node with an id of its own.
func bareNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), store: memory.New(), machine: &machineDouble{exits: make(chan int, 4)}, id: randomID()}
	n.start(wire.Config{})
	return n
}

func generateAES(t *testing.T, s *client.Session, label string) uint64 {
	t.Helper()
	o, err := s.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, label),
		client.ULong(key.AttrValueLen, uint64(32))})
	if err != nil {
		t.Fatal(err)
	}
	return o.Handle
}

func (n *node) secretWith(slot uint64, pin, label string) {
	n.t.Helper()
	s, err := n.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte(pin))
	}
	if err != nil {
		n.t.Fatal(err)
	}
	generateAES(n.t, s, label)
}

func rename(t *testing.T, s *client.Session, h uint64, label string) {
	t.Helper()
	if err := s.Set(h, client.Template{client.Text(key.AttrLabel, label)}); err != nil {
		t.Fatal(err)
	}
}

// giveRoot copies the sealed root that another node's host keeps.
func (n *node) giveRoot(from *node) {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(from.dir, "root", "file"))
	if err == nil {
		err = os.WriteFile(filepath.Join(n.dir, "root", "file"), b, 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// exchangeOnly puts those of another store's records in place of our own whose paths have this in them.
func (n *node) exchangeOnly(from *node, part string) {
	n.t.Helper()
	for _, r := range records(n.t, from.store) {
		if strings.Contains(r.Path, part) {
			if _, err := n.store.Txn(context.Background(), store.Txn{Puts: []store.Put{{Path: r.Path, Value: r.Value}}}); err != nil {
				n.t.Fatal(err)
			}
		}
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
