// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/auditlog"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// found is what is in the token of one label: the private or secret key, and the public key.
type found [2]*client.Summary

// inventory lists the token's objects by label.
func inventory(t *testing.T, s *client.Session) map[string]*found {
	t.Helper()
	all, err := s.FindAll(nil)
	must(t, err)
	m := map[string]*found{}
	for _, o := range all {
		if o.Class != key.ClassPublic && o.Class != key.ClassPrivate && o.Class != key.ClassSecret {
			continue // the token's own profile objects
		}
		v, err := s.Get(o.Handle, key.AttrLabel)
		if err != nil {
			t.Errorf("object %d was found but cannot be read: %v", o.Handle, err)
			continue
		}
		label := string(v[0].Value)
		if m[label] == nil {
			m[label] = &found{}
		}
		i := 0
		if o.Class == key.ClassPublic {
			i = 1
		}
		if m[label][i] != nil {
			t.Errorf("%s: two objects of one kind", label)
		}
		m[label][i] = &o
	}
	return m
}

// check holds what the node has against what was answered, while no client acts.
func (c *crowd) check(t *testing.T, n *node, when string) {
	t.Helper()
	c.gate.Lock()
	defer c.gate.Unlock()
	s := n.userSession()
	have := inventory(t, s)
	c.history.mu.Lock()
	things := slices.Clone(c.history.things)
	c.history.mu.Unlock()
	living, resolved := 0, 0
	for _, x := range things {
		f := have[x.label]
		delete(have, x.label)
		if f == nil {
			f = &found{}
		}
		if x.made == unknown {
			if (f[0] == nil) != (x.pair && f[1] == nil || !x.pair && f[0] == nil) {
				t.Errorf("%s: %s: half a key: private %v, public %v", when, x.label, f[0] != nil, f[1] != nil)
				continue
			}
			if f[0] == nil {
				continue // it may be on its way no more, but nobody was told that it is there
			}
			x.adopt(t, s, f)
			resolved++
		}
		for i := range x.half {
			if h := &x.half[i]; h.handle != 0 {
				h.check(t, s, when, x.label, f[i])
			}
		}
		if f[0] != nil && x.half[0].gone != yes {
			living++
			x.works(t, s, when)
		}
	}
	for label := range have {
		t.Errorf("%s: %s is there, and nobody asked for it", when, label)
	}
	c.mu.Lock()
	for _, f := range c.faults {
		t.Errorf("%s: %s", when, f)
	}
	c.faults = nil
	c.mu.Unlock()
	t.Logf("%s: %d keys made in all, %d there and working, %d of unknown outcome found whole", when, len(things), living, resolved)
	if t.Failed() {
		t.FailNow()
	}
}

// adopt takes in a key whose creation was not answered and that is there: from now on it must stay.
func (x *thing) adopt(t *testing.T, s *client.Session, f *found) {
	t.Helper()
	x.half[0].handle = f[0].Handle
	if x.pair {
		x.half[1].handle = f[1].Handle
	}
	must(t, x.note(s))
	x.made = yes
}

// check compares one object with what was answered about it. One of unknown destruction that is gone must stay so.
func (h *half) check(t *testing.T, s *client.Session, when, label string, o *client.Summary) {
	t.Helper()
	switch {
	case o == nil && h.gone == never:
		t.Errorf("%s: %s is lost", when, label)
		return
	case o != nil && h.gone == yes:
		t.Errorf("%s: %s was destroyed and is there again", when, label)
		return
	case o == nil:
		h.gone = yes
		if _, err := s.Summary(h.handle); !absent(err) {
			t.Errorf("%s: %s was destroyed and its handle answers %v", when, label, err)
		}
		if _, err := s.Sign(client.Mech(key.MechECDSASHA256), h.handle, probe); !absent(err) {
			t.Errorf("%s: %s was destroyed and signing with it answers %v", when, label, err)
		}
		return
	case o.Handle != h.handle:
		t.Errorf("%s: %s has another handle than at its creation", when, label)
		return
	}
	v, err := s.Get(o.Handle, key.AttrID)
	if err != nil {
		t.Errorf("%s: attribute of %s: %v", when, label, err)
		return
	}
	id := v[0].Value
	if !bytes.Equal(id, h.id) && !slices.ContainsFunc(h.maybe, func(m []byte) bool { return bytes.Equal(id, m) }) {
		t.Errorf("%s: %s has CKA_ID %q, answered was %q, asked for since %q", when, label, id, h.id, h.maybe)
	}
	h.id, h.maybe = id, nil // what was seen must stay
}

// works uses a key and compares with what it was at its creation.
func (x *thing) works(t *testing.T, s *client.Session, when string) {
	t.Helper()
	var err error
	if x.pair && x.public != nil {
		err = signs(s, x.half[0].handle, x.public)
	} else if !x.pair && x.sealed != nil {
		err = x.opens(s, x.half[0].handle)
	}
	if err != nil {
		t.Errorf("%s: %s does not work: %v", when, x.label, err)
	}
}

// checkLogins logs everybody in who has not used up ten tries.
func (c *crowd) checkLogins(t *testing.T, n *node) {
	t.Helper()
	n.admin()
	n.login(tokenLabel, client.Officer, "", soPIN)
	for i := range guessers {
		_, err := n.tryLogin(tokenLabel, client.User, fmt.Sprintf("guess-c%d", i), guesserPIN)
		if code := codeOf(err); err != nil && (code != fault.PINLocked || c.history.counted("lockouts") == 0) {
			t.Errorf("login of guess-c%d: %v", i, err)
		}
	}
}

// checkDisk looks at what the stopped node left: an audit log that is whole and has every answered act, a log without a
// refused record, and no object's record beyond those that were found.
func (c *crowd) checkDisk(t *testing.T, n *node, auditKey string) {
	t.Helper()
	out := n.run("audit", "verify", "--key", auditKey)
	t.Logf("audit verify: %s", strings.TrimSpace(out))
	acts := map[uint64]map[wire.Call]bool{} // by handle
	for l, err := range auditlog.Entries(n.path("audit")) {
		must(t, err)
		e := l.Entry
		if e.Kind == wire.AuditAlarm {
			t.Errorf("the audit log has an alarm: %s: %v", e.Text, e.Result)
		}
		if e.Kind == wire.AuditKey && e.Result == fault.OK {
			h := e.Object.Handle()
			if acts[h] == nil {
				acts[h] = map[wire.Call]bool{}
			}
			acts[h][wire.Call(e.Call)] = true
		}
	}
	for line := range strings.Lines(n.log()) {
		for _, bad := range []string{"is refused", "panic", "self-test failed"} {
			if strings.Contains(line, bad) {
				t.Errorf("the node's log says: %s", line)
			}
		}
	}
	objects := map[uint64]bool{}
	for _, r := range records(t, n) {
		if _, id, ok := strings.Cut(r.Path, "/o/"); ok {
			id, _ := key.ParseID(id)
			objects[id.Handle()] = true
		}
	}
	for _, x := range c.history.things {
		for i, h := range x.half {
			if h.handle == 0 {
				continue
			}
			if objects[h.handle] != (h.gone != yes) {
				t.Errorf("%s: record on disk: %v", x.label, objects[h.handle])
			}
			delete(objects, h.handle)
			if h.gone == yes && h.told && !acts[h.handle][wire.CallDestroy] {
				t.Errorf("%s: the audit log does not have its destruction", x.label)
			}
			call := wire.CallGenerate
			if x.pair {
				call = wire.CallGeneratePair
			}
			if x.told && !acts[h.handle][call] {
				t.Errorf("%s: the audit log does not have the creation of half %d", x.label, i)
			}
		}
	}
	for h := range objects {
		t.Errorf("there is a record of an object nobody knows: handle %d", h)
	}
}

// records reads the store of a stopped node.
func records(t *testing.T, n *node) (all []store.Record) {
	t.Helper()
	withStore(t, n, func(e *etcd.Engine) {
		_, err := e.List(context.Background(), store.Range{}, func(r store.Record) error {
			all = append(all, r)
			return nil
		})
		must(t, err)
	})
	return all
}

// withStore opens the store of a stopped node.
func withStore(t *testing.T, n *node, f func(e *etcd.Engine)) {
	t.Helper()
	e, err := etcd.Start(context.Background(), etcd.Config{Dir: n.path("store")})
	must(t, err)
	defer e.Close()
	f(e)
}
