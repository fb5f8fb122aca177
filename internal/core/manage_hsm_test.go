// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// threeHolders are people with shares, the same ones for all tests, since making RSA keys takes a while.
var threeHolders = sync.OnceValue(func() []person {
	var t testing.T
	return []person{newPerson(&t, "a"), newPerson(&t, "b"), newPerson(&t, "c")}
})

// chief is an identity that is the administrator of an HSM, on a channel of its own.
func (w *world) chief(slot uint64, name string) *client.Conn {
	w.t.Helper()
	id, pass := w.identity(name)
	w.assign(slot, "/", hsmAdmin, id)
	return w.roleConn(slot, id, pass)
}

// hsmFile downloads an HSM's domain for two of three holders.
func (w *world) hsmFile(c *client.Conn, slot uint64) *holder.File {
	w.t.Helper()
	p := threeHolders()
	shares, data, err := c.HSMDomainDownload(slot, 2, [][]byte{p[0].cert, p[1].cert, p[2].cert})
	w.must(err)
	return fileOf(2, shares, data)
}

// wrapped is what holders of a file make of it for a transfer key.
func (w *world) wrapped(f *holder.File, transfer []byte, people ...person) *client.DomainUpload {
	w.t.Helper()
	u := &client.DomainUpload{Quorum: f.SharedKeys.Required}
	for _, d := range f.EncData.Data {
		u.Data = append(u.Data, client.DomainDatum{Tag: d.Tag, JWE: d.JWE})
	}
	for _, p := range people {
		s, err := f.Wrap(p.key, transfer, holder.Statement{})
		w.must(err)
		print, err := s.Print()
		w.must(err)
		u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: s.JWE})
	}
	return u
}

// keyOf is an HSM's domain key, and whose it is.
func (w *world) keyOf(slot uint64) (string, key.ID) {
	w.t.Helper()
	t, err := w.core.tenant(slot)
	w.must(err)
	k, id, err := w.core.domainKey(t)
	w.must(err)
	defer k.Free()
	return string(secretOf(k)), id
}

func TestTwoOfThreeHoldersBringAnHSMsDomainToAnother(t *testing.T) {
	w := newHSMWorld(t)
	far := newHSMWorld(t) // of another Genbu, with another root
	p := threeHolders()
	here, there := w.chief(w.hsm, "chief"), far.chief(far.hsm, "chief")
	f := w.hsmFile(here, w.hsm)
	want, id := w.keyOf(w.hsm)
	before, _ := far.keyOf(far.hsm)

	transfer, expires, err := there.HSMDomainTransfer(far.hsm)
	far.must(err)
	again, _, err := there.HSMDomainTransfer(far.hsm)
	if far.must(err); !bytes.Equal(transfer, again) || expires <= far.core.Now() {
		t.Error("a transfer key is exchanged while holders wrap to it")
	}
	refuse := func(what string, u *client.DomainUpload, code fault.Code) {
		t.Helper()
		_, err := there.HSMDomainUpload(far.hsm, u)
		far.want(what, err, code)
		if k, _ := far.keyOf(far.hsm); k != before {
			t.Fatalf("%s changed the domain", what)
		}
	}
	refuse("one of three", far.wrapped(f, transfer, p[0]), fault.SharesMissing)
	lone := far.wrapped(f, transfer, p[0])
	lone.Quorum = 1
	refuse("one of three who says that one is enough", lone, fault.ArgumentsBad)
	refuse("the same one twice", far.wrapped(f, transfer, p[0], p[0]), fault.ShareBad)
	foreign, _, err := here.HSMDomainTransfer(w.hsm)
	w.must(err)
	refuse("what was wrapped to another HSM's transfer key", far.wrapped(f, foreign, p[0], p[1]), fault.ShareBad)
	mixed := far.wrapped(f, transfer, p[0], p[1])
	mixed.Data = far.wrapped(w.hsmFile(here, w.hsm), transfer).Data
	refuse("data of another file", mixed, fault.ShareBad)
	refuse("the file of a whole Genbu", far.wrapped(w.download(2, p...), transfer, p[0], p[1]), fault.DomainOther)
	refuse("nothing", &client.DomainUpload{Quorum: 2}, fault.SharesMissing)

	for i := range 2 { // with two of three, and with the other two
		if i > 0 {
			transfer, _, err = there.HSMDomainTransfer(far.hsm)
			far.must(err)
		}
		u := far.wrapped(f, transfer, p[i], p[2])
		got, err := there.HSMDomainUpload(far.hsm, u)
		far.must(err)
		if k, is := far.keyOf(far.hsm); k != want || is != id || got != id {
			t.Fatalf("the domain is %s, %s", got, is)
		}
		before = want
		refuse("a transfer key that is spent", u, fault.ShareBad)
	}
	far.start(wire.Config{})
	if k, is := far.keyOf(far.hsm); k != want || is != id {
		t.Error("after a restart it is another domain")
	}

	// What it was given it passes on.
	third := far.partition("third", client.KindManagedHSM)
	last := far.chief(third, "last")
	f = far.hsmFile(far.admin, far.hsm)
	transfer, _, err = last.HSMDomainTransfer(third)
	far.must(err)
	_, err = last.HSMDomainUpload(third, far.wrapped(f, transfer, p[0], p[1]))
	far.must(err)
	if k, is := far.keyOf(third); k != want || is != id {
		t.Error("the third HSM has another domain")
	}
}

func TestAnHSMWithKeysKeepsItsDomain(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	chief := w.chief(w.hsm, "chief")
	f := w.hsmFile(w.chief(other, "otherchief"), other)
	transfer, _, err := chief.HSMDomainTransfer(w.hsm)
	w.must(err)
	u := w.wrapped(f, transfer, threeHolders()[:2]...)
	s := w.session(w.hsm)
	k := w.create(s, ecKey("k"))
	before, _ := w.keyOf(w.hsm)
	_, err = chief.HSMDomainUpload(w.hsm, u)
	w.want("while it has a key", err, fault.PartitionNotEmpty)
	w.must(s.DeleteName(key.GroupKeys, "k"))
	_, err = chief.HSMDomainUpload(w.hsm, u)
	w.want("while the key can be recovered", err, fault.PartitionNotEmpty)
	if now, _ := w.keyOf(w.hsm); now != before {
		t.Error("the domain changed")
	}
	_ = k
	w.must(w.purge(w.hsm, "k"))
	_, err = chief.HSMDomainUpload(w.hsm, u)
	w.want("once it is empty, by the same transfer key", err, fault.OK)
	w.create(w.session(w.hsm), ecKey("k"))
}

// purge destroys a deleted key for good.
func (w *world) purge(slot uint64, name string) error {
	id, pass := w.identity("purger")
	w.assign(slot, "/", "515eb02d-2335-4d2d-92f2-b1cbdf9c3778", id) // Managed HSM Crypto Officer
	return w.as(slot, id, pass).PurgeName(key.GroupKeys, name)
}

// TestOnlyTheHSMsAdministratorsHaveItsDomain: who uses keys, who backs up, and the administrator of another HSM do not.
func TestOnlyTheHSMsAdministratorsHaveItsDomain(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	p := threeHolders()
	certs := [][]byte{p[0].cert, p[1].cert}
	all := map[string]func(c *client.Conn, slot uint64) error{
		"download": func(c *client.Conn, slot uint64) error { _, _, err := c.HSMDomainDownload(slot, 2, certs); return err },
		"transfer": func(c *client.Conn, slot uint64) error { _, _, err := c.HSMDomainTransfer(slot); return err },
		"upload": func(c *client.Conn, slot uint64) error {
			_, err := c.HSMDomainUpload(slot, &client.DomainUpload{Quorum: 2})
			return err
		},
		"state of download": func(c *client.Conn, slot uint64) error {
			_, err := c.HSMDomainState(slot, client.OfDownload)
			return err
		},
		"state of upload": func(c *client.Conn, slot uint64) error { _, err := c.HSMDomainState(slot, client.OfUpload); return err },
	}
	refused := func(who string, c *client.Conn, slot uint64, code fault.Code) {
		t.Helper()
		for what, do := range all {
			w.want(who+": "+what, do(c, slot), code)
		}
	}
	for _, role := range builtInRoles {
		if strings.HasPrefix(role.name, "Managed HSM") && role.id != hsmAdmin {
			id, pass := w.identity(strings.ReplaceAll(role.name, " ", ""))
			w.assign(w.hsm, "/", role.id, id)
			refused(role.name, w.roleConn(w.hsm, id, pass), w.hsm, fault.Denied)
		}
	}
	chief := w.chief(other, "chief")
	refused("the administrator of another HSM", chief, w.hsm, fault.NotLoggedIn)
	refused("for a vault", w.admin, w.vault, fault.Unsupported)
	refused("nobody", w.node.client(), w.hsm, fault.NotLoggedIn)
	user := w.node.client()
	s, err := user.Open(w.hsm, true)
	w.must(err)
	_, err = s.Login(client.User, "", []byte("user-pin"))
	w.must(err)
	refused("the partition's own crypto-user", user, w.hsm, fault.NotLoggedIn)
	w.must(s.Logout())
	_, err = s.Login(client.Officer, "", []byte("so-pin"))
	w.must(err)
	for _, slot := range []uint64{w.hsm, other} {
		_, _, err := w.admin.HSMDomainTransfer(slot)
		w.must(err)
	}
	for what, do := range all {
		want := fault.OK
		if what == "upload" {
			want = fault.SharesMissing
		}
		w.want("its security officer: "+what, do(user, w.hsm), want)
		w.want("its administrator: "+what, do(chief, other), want)
		w.want("the domain's admin: "+what, do(w.admin, w.hsm), want)
	}
}

// TestAWithheldDomainRecordBringsNoEarlierKeyBack: a host can hide the record, or put an earlier version of it back; the core then
// refuses rather than go by another key, or by a transfer key that was spent.
func TestAWithheldDomainRecordBringsNoEarlierKeyBack(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	f := w.hsmFile(w.chief(other, "otherchief"), other)
	chief := w.chief(w.hsm, "chief")
	transfer, _, err := chief.HSMDomainTransfer(w.hsm)
	w.must(err)
	part, err := w.core.tenant(w.hsm)
	w.must(err)
	path := hsmDomainPath(part.id)
	before, err := w.store.Get(context.Background(), path)
	w.must(err)
	_, err = chief.HSMDomainUpload(w.hsm, w.wrapped(f, transfer, threeHolders()[1:]...))
	w.must(err)
	want, _ := w.keyOf(w.hsm)
	after, err := w.store.Get(context.Background(), path)
	w.must(err)
	if bytes.Contains(after.Value, []byte(want)) {
		t.Error("the key is legible")
	}
	put := func(txn store.Txn) {
		t.Helper()
		_, err := w.store.Txn(context.Background(), txn)
		w.must(err)
	}
	for name, txn := range map[string]store.Txn{
		"withheld": {Deletes: []string{path}},
		"set back": {Puts: []store.Put{{Path: path, Value: before.Value}}},
		"altered":  {Puts: []store.Put{{Path: path, Value: append(bytes.Clone(after.Value[:len(after.Value)-1]), after.Value[len(after.Value)-1]^1)}}},
	} {
		put(txn)
		for _, what := range []string{"download", "transfer", "upload"} {
			var err error
			switch what {
			case "download":
				_, _, err = chief.HSMDomainDownload(w.hsm, 2, [][]byte{threeHolders()[0].cert, threeHolders()[1].cert})
			case "transfer":
				_, _, err = chief.HSMDomainTransfer(w.hsm)
			case "upload":
				_, err = chief.HSMDomainUpload(w.hsm, w.wrapped(f, transfer, threeHolders()[1:]...))
			}
			if code := fault.Of(err); code != fault.RecordInvalid && code != fault.RecordOld {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		put(store.Txn{Puts: []store.Put{{Path: path, Value: after.Value}}})
	}
	if k, _ := w.keyOf(w.hsm); k != want {
		t.Error("the key is another one")
	}
}

// TestATransferKeyLastsADay and is exchanged when it is asked for shortly before its end.
func TestATransferKeyLastsADay(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	f := w.hsmFile(w.admin, other)
	transfer, expires, err := w.admin.HSMDomainTransfer(w.hsm)
	w.must(err)
	u := w.wrapped(f, transfer, threeHolders()[:2]...)
	w.machine.skew.Store((transferLife + 60) * 1_000_000_000)
	_, err = w.admin.HSMDomainUpload(w.hsm, u)
	w.want("a day later", err, fault.ShareBad)
	next, until, err := w.admin.HSMDomainTransfer(w.hsm)
	if w.must(err); bytes.Equal(next, transfer) || until <= expires {
		t.Error("the transfer key is still the same")
	}
	_, err = w.admin.HSMDomainUpload(w.hsm, u)
	w.want("wrapped to the one before", err, fault.ShareBad)
	_, err = w.admin.HSMDomainUpload(w.hsm, w.wrapped(f, next, threeHolders()[:2]...))
	w.must(err)
}

// FuzzHSMDomain feeds the reader of the record; what it takes is written as it was.
func FuzzHSMDomain(f *testing.F) {
	full := &hsmDomain{id: key.ID{1}, since: 7, certificate: []byte("certificate"), expires: 9}
	ssp.Do(func() {
		full.key, _ = holdBytes(bytes.Repeat([]byte{3}, rootKeyLen))
		full.private, _ = holdBytes([]byte("private"))
		f.Add(bytes.Clone(full.encode()))
		f.Add(bytes.Clone((&hsmDomain{id: key.ID{2}}).encode()))
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		d := &hsmDomain{}
		defer d.free()
		ssp.Do(func() {
			if d.decode(text) == nil && !bytes.Equal(d.encode(), text) {
				t.Errorf("%x is written otherwise", text)
			}
		})
	})
}

// TestAnHSMsDomainOpensNothingAtRest: who has an HSM's domain key, as two of its holders have together, opens no record of the store by
// it, the HSM's own included; the partition's key, for comparison, does.
func TestAnHSMsDomainOpensNothingAtRest(t *testing.T) {
	w := newHSMWorld(t)
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	w.create(w.session(w.hsm), ecKey("k"))
	w.create(w.session(w.vault), ecKey("k"))
	hsm, err := w.core.tenant(w.hsm)
	w.must(err)
	k, _, err := w.core.domainKey(hsm)
	w.must(err)
	defer k.Free()
	root, domain := w.core.rootKey()
	opened := 0
	for _, r := range records(t, w.store) {
		ssp.Do(func() {
			if _, _, err := seal.Open(k, domain, r.Path, r.Value); err == nil {
				t.Errorf("%s opens", r.Path)
			}
			if _, _, err := seal.Open(hsm.key, domain, r.Path, r.Value); err == nil {
				opened++
			}
		})
	}
	if opened < 3 { // head, access, key
		t.Errorf("the partition's own key opens %d records", opened)
	}
	for _, of := range w.core.all() {
		if k.Equal(of.key) || k.Equal(root) {
			t.Error("the domain key is another key as well")
		}
		ssp.Do(func() {
			if _, err := seal.UnwrapPartition(k, domain, of.id, of.settings().wrapped); err == nil {
				t.Errorf("it unwraps the key of %s", of.id)
			}
			if of.id != (key.ID{}) {
				if unwrapped, err := seal.UnwrapPartition(root, domain, of.id, of.settings().wrapped); err != nil {
					t.Errorf("the root key does not unwrap: %v", err)
				} else {
					unwrapped.Free()
				}
			}
		})
	}
}

// TestAnHSMsDomainAndTransferKeyAreTheSameOnEveryNode: asked for on one node, given on another, spent and in force on all.
func TestAnHSMsDomainAndTransferKeyAreTheSameOnEveryNode(t *testing.T) {
	herding(t, 3, func(h *herd) {
		at := func(i int) *world { return &world{node: h.nodes[i].node, admin: h.nodes[i].admin()} }
		first := at(0)
		from := first.partition("from", client.KindManagedHSM)
		to := first.partition("to", client.KindManagedHSM)
		f := first.hsmFile(first.admin, from)
		want, id := first.keyOf(from)
		transfer, expires, err := first.admin.HSMDomainTransfer(to)
		first.must(err)
		u := first.wrapped(f, transfer, threeHolders()[:2]...)
		for i := range h.nodes {
			w := at(i)
			same, until, err := w.admin.HSMDomainTransfer(to)
			if w.must(err); !bytes.Equal(same, transfer) || until != expires {
				t.Errorf("node %d has another transfer key", i)
			}
		}
		second := at(1)
		_, err = second.admin.HSMDomainUpload(to, u)
		second.must(err)
		for i := range h.nodes {
			w := at(i)
			if k, is := w.keyOf(to); k != want || is != id {
				t.Errorf("node %d has another domain", i)
			}
			_, err := w.admin.HSMDomainUpload(to, u)
			w.want("the transfer key that another node has spent", err, fault.ShareBad)
		}
		next, _, err := at(2).admin.HSMDomainTransfer(to)
		if first.must(err); bytes.Equal(next, transfer) {
			t.Error("the transfer key that was spent is shown again")
		}
	})
}

// TestAnUploadedDomainComesBackWithTheWholeGenbu: its record is part of the domain-wide backup, and is told of by name where a restore takes
// it back.
func TestAnUploadedDomainComesBackWithTheWholeGenbu(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	f := w.hsmFile(w.admin, other)
	transfer, _, err := w.admin.HSMDomainTransfer(w.hsm)
	w.must(err)
	_, err = w.admin.HSMDomainUpload(w.hsm, w.wrapped(f, transfer, threeHolders()[:2]...))
	w.must(err)
	want, id := w.keyOf(w.hsm)
	p := threeHolders()
	whole := w.download(2, p...)
	backup := w.mustSave()
	late, _, err := w.admin.HSMDomainTransfer(w.hsm) // what a restore takes back
	w.must(err)

	bare := &world{node: bareNode(t)}
	bare.must(bare.bring(whole, holder.Statement{}, true, p[0], p[2]))
	_, err = bare.restore(backup)
	bare.must(err)
	if k, is := bare.keyOf(w.hsm); k != want || is != id {
		t.Error("the restored HSM has another domain")
	}
	bare.admin = bare.node.admin()
	fresh, _, err := bare.admin.HSMDomainTransfer(w.hsm)
	if bare.must(err); bytes.Equal(fresh, late) {
		t.Error("a transfer key that was made after the backup came from nowhere")
	}

	w.start(wire.Config{Hold: true})
	w.must(w.bring(whole, holder.Statement{Older: true}, true, p[1], p[2]))
	undone, err := w.restore(backup)
	w.must(err)
	if !slices.ContainsFunc(undone, func(u wire.Undone) bool { return string(u.Name) == "security domain" && u.What == wire.UndoneChange }) {
		t.Errorf("what the restore took back: %+v", undone)
	}
}
