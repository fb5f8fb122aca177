// SPDX-License-Identifier: Apache-2.0

package core

import (
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
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// What tests of backups need of people and hosts.

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
