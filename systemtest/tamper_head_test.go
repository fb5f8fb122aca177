// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// What vouches for the records: a partition's change log and its sealed head. Who tampers with these loses that partition,
// until the untouched records are put back, and no other.
func TestAPartitionWhoseHeadOrChangeLogWasTamperedWithIsRefusedAlone(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	attacks := []struct {
		name string
		do   func(now, before shelf, prefix string)
		code fault.Code
	}{
		{"head altered", func(now, _ shelf, p string) { flip(now, p+"h") }, fault.HeadInvalid},
		{"head gone", func(now, _ shelf, p string) { delete(now, p+"h") }, fault.HeadInvalid},
		{"head and log gone", func(now, _ shelf, p string) { clearBelow(now, p+"c/"); delete(now, p+"h") }, fault.HeadInvalid},
		{"head set back", func(now, before shelf, p string) { now[p+"h"] = before[p+"h"] }, fault.ChangeLogBroken},
		{"log cut", func(now, _ shelf, p string) { c := now.below(p + "c/"); delete(now, c[len(c)-1]) }, fault.ChangeLogBroken},
		{"log begun later", func(now, _ shelf, p string) { delete(now, now.below(p + "c/")[0]) }, fault.ChangeLogBroken},
		{"log altered", func(now, _ shelf, p string) { flip(now, now.below(p + "c/")[1]) }, fault.ChangeLogBroken},
		{"log exchanged", func(now, _ shelf, p string) {
			c := now.below(p + "c/")
			now[c[0]], now[c[1]] = now[c[1]], now[c[0]]
		}, fault.ChangeLogBroken},
		{"log repeated", func(now, _ shelf, p string) {
			c := now.below(p + "c/")
			now[p+"c/000000000000ffff"] = now[c[0]]
		}, fault.ChangeLogBroken},
	}
	keys := map[string]*thing{}
	for _, a := range attacks {
		freshToken(t, admin, a.name)
		keys[a.name] = pair(t, n.login(a.name, client.User, "", userPIN), a.name)
	}
	part := n.tokens()
	n.stop()
	before := shelfOf(t, n)
	n.serve()
	for _, a := range attacks {
		s := n.login(a.name, client.User, "", userPIN)
		for _, id := range []string{"second", "third", "fourth"} {
			setID(t, s, keys[a.name], id)
		}
	}
	mine := pair(t, n.userSession(), "mine")
	n.stop()
	whole := shelfOf(t, n)
	bent := maps.Clone(whole)
	var refused []refusal
	for _, a := range attacks {
		id := part[a.name].id.String()
		a.do(bent, before, "r/"+id+"/")
		refused = append(refused, refusal{a.name, "p/" + id, a.code})
	}
	n.write(whole, bent)

	n.serve()
	mine.works(t, n.userSession(), "the partition nobody touched")
	list, err := n.operational().Slots()
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d tokens are there, want the untouched one alone", len(list))
	}
	n.stop()
	n.mustRefuse(refused)

	n.write(bent, whole) // the negative control: what was there before is accepted
	must(t, removeLog(n))
	n.serve()
	for _, a := range attacks {
		keys[a.name].works(t, n.login(a.name, client.User, "", userPIN), "put right again")
	}
	n.stop()
	if strings.Contains(n.log(), "is refused") {
		t.Error("something is refused still")
	}
}

// A head and a change log that were set back together are authentic: the core of a lone node has seen nothing newer since
// its start. The objects that were changed meanwhile are newer than such a head, and refused.
func TestObjectsNewerThanAHeadThatWasSetBackWithItsLogAreRefused(t *testing.T) {
	n := ready(t)
	s := n.userSession()
	changed, left := pair(t, s, "changed"), pair(t, s, "left")
	here := n.tokens()[tokenLabel].id
	prefix := "r/" + here.String() + "/"
	n.stop()
	before := shelfOf(t, n)
	n.serve()
	setID(t, n.userSession(), changed, "second")
	n.stop()
	now := shelfOf(t, n)
	bent := maps.Clone(now)
	bent[prefix+"h"] = before[prefix+"h"]
	clearBelow(bent, prefix+"c/")
	for _, p := range before.below(prefix + "c/") {
		bent[p] = before[p]
	}
	for _, p := range bent.below(prefix + "u/") { // the logins since are changes as well
		bent[p] = before[p]
	}
	n.write(now, bent)
	n.serve()
	s = n.userSession()
	left.works(t, s, "not changed since")
	if _, err := s.Sign(client.Mech(key.MechECDSASHA256), changed.half[0].handle, probe); !absent(err) {
		t.Errorf("signing with the changed key answers %v", err)
	}
	n.stop()
	n.mustRefuse([]refusal{{"newer than the head", objectPath(here, now, changed.half[0].handle), fault.HeadOld}})
}

// The partition's own record: its key, its policy, its label.
func TestAPartitionsRecordThatWasTamperedWithIsRefused(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	for _, label := range []string{"altered", "set back", "destroyed"} {
		freshToken(t, admin, label)
	}
	part := n.tokens()
	of := func(label string) string { return "p/" + part[label].id.String() }
	mine := pair(t, n.userSession(), "mine")
	n.stop()
	before := shelfOf(t, n)
	n.serve()
	admin = n.admin()
	must(t, admin.PartitionSet(client.SetFlags, client.Partition{ID: part["set back"].id, Flags: client.UIDLogin}))
	must(t, admin.PartitionDestroy(part["destroyed"].id, "destroyed"))
	n.stop()
	now := shelfOf(t, n)
	bent := maps.Clone(now)
	flip(bent, of("altered"))
	bent[of("set back")] = before[of("set back")]
	for _, p := range append(before.below("r/"+part["destroyed"].id.String()+"/"), of("destroyed")) {
		bent[p] = before[p]
	}
	moved := "p/0123456789abcdef0123456789abcdef"
	bent[moved] = bent[of(tokenLabel)]
	n.write(now, bent)
	n.serve()
	mine.works(t, n.userSession(), "the partition nobody touched")
	list, err := n.operational().Slots()
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d tokens are there, want the untouched one alone", len(list))
	}
	n.stop()
	n.mustRefuse([]refusal{{"altered", of("altered"), fault.RecordInvalid}, {"policy set back", of("set back"), fault.RecordOld},
		{"destroyed and put back", of("destroyed"), fault.RecordRevived}, {"moved", moved, fault.RecordInvalid}})
}

// The domain vouches for the partitions: without it the module stays locked.
func TestADomainThatWasTamperedWithStaysLocked(t *testing.T) {
	n := ready(t)
	mine := pair(t, n.userSession(), "mine")
	n.stop()
	whole := shelfOf(t, n)
	domain := key.ID{}.String()
	for _, path := range []string{"p/" + domain, "r/" + domain + "/h"} {
		bent := maps.Clone(whole)
		flip(bent, path)
		n.write(whole, bent)
		n.serve()
		eventually(t, "the log to say why", func() bool { return strings.Contains(n.log(), "does not unlock the module") })
		conn := n.dial()
		if list, err := conn.Slots(); len(list) != 0 {
			t.Errorf("%s: %d tokens (%v)", path, len(list), err)
		}
		_, err := conn.Open(1, true)
		wantCode(t, "open a session", err, fault.Locked)
		if out := n.run("status"); !strings.Contains(out, "locked") {
			t.Errorf("%s: status says %s", path, out)
		}
		conn.Close()
		n.stop()
		n.write(bent, whole)
		must(t, removeLog(n))
	}
	n.serve()
	mine.works(t, n.userSession(), "put right again")
}

func flip(s shelf, path string) {
	v := bytes.Clone(s[path])
	v[len(v)/2] ^= 0x40
	s[path] = v
}

func clearBelow(s shelf, prefix string) {
	for _, p := range s.below(prefix) {
		delete(s, p)
	}
}
