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

// A thief of the disk who writes to it: every record that was altered, truncated, moved, exchanged or set back is refused by
// name, in the node's log and as an alarm in the audit log, and everything else goes on working (docs/design/records.md).

// shelf is what a store holds: value by path.
type shelf map[string][]byte

func shelfOf(t *testing.T, n *node) shelf {
	t.Helper()
	s := shelf{}
	for _, r := range records(t, n) {
		s[r.Path] = r.Value
	}
	return s
}

// below lists the paths with a prefix, in order.
func (s shelf) below(prefix string) (paths []string) {
	for p := range s {
		if strings.HasPrefix(p, prefix) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// write makes the store what want says, leaving what is equal untouched.
func (n *node) write(have, want shelf) {
	n.t.Helper()
	var txn store.Txn
	for p, v := range want {
		if !bytes.Equal(have[p], v) || have[p] == nil {
			txn.Puts = append(txn.Puts, store.Put{Path: p, Value: v})
		}
	}
	for p := range have {
		if _, ok := want[p]; !ok {
			txn.Deletes = append(txn.Deletes, p)
		}
	}
	withStore(n.t, n, func(e *etcd.Engine) {
		_, err := e.Txn(context.Background(), txn)
		must(n.t, err)
	})
}

func objectPath(partition key.ID, s shelf, handle uint64) string {
	prefix := "r/" + partition.String() + "/o/"
	for p := range s {
		if rest, ok := strings.CutPrefix(p, prefix); ok {
			if id, ok := key.ParseID(rest); ok && id.Handle() == handle {
				return p
			}
		}
	}
	return "no record of that object"
}

// refusal is a record that must be refused, and why.
type refusal struct {
	what string
	path string
	code fault.Code
}

// mustRefuse holds the node's log and its audit log against what must be refused: all of that and nothing else.
func (n *node) mustRefuse(want []refusal) {
	n.t.Helper()
	log := n.log()
	for _, r := range want {
		line := fmt.Sprintf("record %s is refused: ", r.path)
		_, rest, found := strings.Cut(log, line)
		reason, _, _ := strings.Cut(rest, "\n")
		if !found || !strings.Contains(reason, r.code.String()) {
			n.t.Errorf("%s: the log does not say that %s is refused since %q, but %q", r.what, r.path, r.code, reason)
		}
	}
	for line := range strings.Lines(log) {
		_, rest, found := strings.Cut(line, `msg="record `)
		if path, _, _ := strings.Cut(rest, " "); found && path != "is" &&
			!slices.ContainsFunc(want, func(r refusal) bool { return r.path == path }) {
			n.t.Errorf("the log refuses what nobody touched: %s", line)
		}
	}
	alarms := map[string]fault.Code{}
	for l, err := range auditlog.Entries(n.path("audit")) {
		must(n.t, err)
		if l.Entry.Kind == wire.AuditAlarm {
			alarms[l.Entry.Text] = l.Entry.Result
		}
	}
	for _, r := range want {
		if alarms[r.path] != r.code {
			n.t.Errorf("%s: the alarm in the audit log about %s is %v, want %v", r.what, r.path, alarms[r.path], r.code)
		}
	}
}

// token is one partition with an ordinary user's session.
type token struct {
	id      key.ID
	session *client.Session
}

func (n *node) tokens() map[string]*token {
	n.t.Helper()
	conn := n.operational()
	list, err := conn.Partitions()
	must(n.t, err)
	m := map[string]*token{}
	for _, p := range list {
		m[p.Label] = &token{id: p.ID}
	}
	return m
}

// pair makes a key pair and notes how to know it again.
func pair(t *testing.T, s *client.Session, label string) *thing {
	t.Helper()
	x := &thing{label: label, pair: true, made: yes}
	public, private := pairTemplates(label, []byte(label))
	pub, priv, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), public, private)
	must(t, err)
	x.half[0], x.half[1] = half{handle: priv.Handle, id: []byte(label)}, half{handle: pub.Handle, id: []byte(label)}
	must(t, x.note(s))
	return x
}

func setID(t *testing.T, s *client.Session, x *thing, id string) {
	t.Helper()
	must(t, s.Set(x.half[0].handle, client.Template{client.Bytes(key.AttrID, []byte(id))}))
}

func TestRecordsThatWereTamperedWithAreRefusedByName(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	freshToken(t, admin, "other")
	part := n.tokens()
	here, other := part[tokenLabel].id, part["other"].id
	s := n.userSession()
	names := []string{"altered", "header", "cut", "emptied", "moved", "stolen", "swapped-1", "swapped-2", "old", "old-state", "destroyed",
		"removed", "changed", "untouched"}
	keys := map[string]*thing{}
	for _, name := range names {
		keys[name] = pair(t, s, name)
	}
	control := pair(t, n.login("other", client.User, "", userPIN), "control")
	slot := slotOf(t, admin, tokenLabel)
	for _, name := range []string{"old-pin", "was-disabled", "was-destroyed", "was-locked"} {
		must(t, admin.OperatorCreate(slot, name, client.CryptoUser, []byte("first-pin")))
	}
	operators := operatorPaths(t, admin, slot, here)
	n.stop()
	first := shelfOf(t, n)

	n.serve()
	s, admin = n.userSession(), n.admin()
	for _, name := range []string{"old", "changed"} {
		setID(t, s, keys[name], "second")
	}
	must(t, s.KeyState(keys["old-state"].half[0].handle, key.StateSuspended))
	must(t, s.Destroy(keys["destroyed"].half[0].handle))
	must(t, admin.OperatorSet(slot, "old-pin", client.SetPINOf, []byte("second-pin")))
	must(t, admin.OperatorSet(slot, "was-disabled", client.Disable, nil))
	must(t, admin.OperatorDestroy(slot, "was-destroyed"))
	for range 3 {
		_, err := n.tryLogin(tokenLabel, client.User, "was-locked", "wrong")
		wantCode(t, "wrong PIN", err, fault.PINIncorrect)
	}
	n.stop()
	second := shelfOf(t, n)
	untouched := newNode(t)
	copyTree(t, n.dir, untouched.dir)

	of := func(name string) string { return objectPath(here, first, keys[name].half[0].handle) }
	bent := shelf{}
	for p, v := range second {
		bent[p] = bytes.Clone(v)
	}
	bent[of("altered")][len(bent[of("altered")])-20] ^= 1
	bent[of("header")][9] ^= 1 // within the version
	bent[of("cut")] = bent[of("cut")][:len(bent[of("cut")])-1]
	bent[of("emptied")] = []byte{}
	elsewhere := "r/" + here.String() + "/o/0123456789abcdef0123456789abcdef"
	bent[elsewhere] = bent[of("moved")]
	abroad := strings.Replace(of("stolen"), here.String(), other.String(), 1)
	bent[abroad] = bent[of("stolen")]
	bent[of("swapped-1")], bent[of("swapped-2")] = bent[of("swapped-2")], bent[of("swapped-1")]
	for _, name := range []string{"old", "old-state", "destroyed"} {
		bent[of(name)] = first[of(name)]
	}
	delete(bent, of("removed"))
	for _, path := range operators {
		bent[path] = first[path]
	}
	n.write(second, bent)

	n.serve()
	s = n.userSession()
	refused := []refusal{
		{"one bit", of("altered"), fault.RecordInvalid}, {"its version", of("header"), fault.RecordInvalid},
		{"truncated", of("cut"), fault.RecordInvalid}, {"emptied", of("emptied"), fault.RecordInvalid},
		{"moved to another object", elsewhere, fault.RecordInvalid}, {"moved to another partition", abroad, fault.RecordInvalid},
		{"exchanged", of("swapped-1"), fault.RecordInvalid}, {"exchanged", of("swapped-2"), fault.RecordInvalid},
		{"set back", of("old"), fault.RecordOld}, {"its state set back", of("old-state"), fault.RecordOld},
		{"destroyed and put back", of("destroyed"), fault.RecordRevived},
		{"operator's old PIN", operators["old-pin"], fault.RecordOld},
		{"operator enabled again", operators["was-disabled"], fault.RecordOld},
		{"operator's tries", operators["was-locked"], fault.RecordOld},
		{"operator destroyed", operators["was-destroyed"], fault.RecordRevived},
	}
	have := inventory(t, s)
	for _, name := range names {
		x, f := keys[name], have[name]
		switch name {
		case "moved", "stolen", "changed", "untouched": // the originals of what was copied elsewhere are as good as ever
			if f == nil || f[0] == nil {
				t.Errorf("%s: it is lost", name)
				continue
			}
			x.works(t, s, name)
		default:
			if f == nil || f[0] != nil || f[1] == nil {
				t.Errorf("%s: found %v; its public key alone should be", name, f)
			}
			if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); !absent(err) {
				t.Errorf("%s: signing with it answers %v", name, err)
			}
		}
	}
	control.works(t, n.login("other", client.User, "", userPIN), "the other partition")
	for name := range operators {
		_, err := n.tryLogin(tokenLabel, client.User, name, "first-pin")
		wantCode(t, "login of "+name, err, fault.PINIncorrect)
	}
	pair(t, s, "made afterwards").works(t, s, "a new key")
	eventually(t, "the last refusal in the log", func() bool { return strings.Contains(n.log(), abroad) })
	n.stop()
	n.mustRefuse(refused)

	untouched.serve() // the negative control
	s = untouched.userSession()
	for name, f := range inventory(t, s) {
		if x := keys[name]; x != nil && f[0] != nil && name != "old-state" {
			x.works(t, s, "untouched copy")
			delete(keys, name)
		}
	}
	if delete(keys, "destroyed"); len(keys) != 1 || keys["old-state"] == nil {
		t.Errorf("the untouched copy lacks %d keys", len(keys)-1)
	}
	_, err := s.Sign(client.Mech(key.MechECDSASHA256), keys["old-state"].half[0].handle, probe)
	wantCode(t, "signing with a suspended key", err, fault.KeyDisabled)
	_, err = untouched.tryLogin(tokenLabel, client.User, "old-pin", "second-pin")
	must(t, err)
	untouched.stop()
	untouched.mustRefuse(nil)
}

// operatorPaths finds the records of a partition's named operators, but for its first two.
func operatorPaths(t *testing.T, admin *client.Conn, slot uint64, partition key.ID) map[string]string {
	t.Helper()
	list, err := admin.Operators(slot)
	must(t, err)
	m := map[string]string{}
	for _, o := range list {
		if o.Name != "so" && o.Name != "user" {
			m[o.Name] = "r/" + partition.String() + "/u/" + o.ID.String()
		}
	}
	return m
}
