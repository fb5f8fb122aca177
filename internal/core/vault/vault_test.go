// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func want(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v; want %v", what, err, code)
	}
}

func TestObjectsAndTheirMaterialSurviveARestart(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	for name, p := range map[string]*Partition{"the same core": r.Partition, "the next core": r.reopen()} {
		got, err := p.Load(o.Handle())
		if err != nil || label(got) != "alpha" || got.Version != 1 {
			t.Fatalf("%s: %v, %v", name, got, err)
		}
		err = p.Material(got, func(m mech.Material) error {
			if !bytes.Equal(m.Secret, bytes.Repeat([]byte("a"), 32)) {
				t.Errorf("%s: another material", name)
			}
			return nil
		})
		want(t, name, err, fault.OK)
	}
	if bytes.Contains(r.disk.records[r.path(o)].Value, []byte("alpha")) {
		t.Error("the label is legible at rest")
	}
}

func TestAChangedObjectIsItsNewVersionEverywhere(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	o2, err := r.relabel(r.Partition, o, "beta")
	want(t, "update", err, fault.OK)
	if _, err := r.relabel(r.Partition, o, "gamma"); fault.Of(err) != fault.Conflict {
		t.Errorf("an update of a version that is gone: %v", err)
	}
	p := r.reopen()
	got, err := p.Load(o.Handle())
	if err != nil || label(got) != "beta" || got.Version != o2.Version || got.Version != 2 {
		t.Fatalf("after a restart: %+v, %v", got, err)
	}
}

// TestRefusesRecordsThatWereChangedBehindItsBack: each attack is refused by name, and the object beside it goes on.
func TestRefusesRecordsThatWereChangedBehindItsBack(t *testing.T) {
	for _, attack := range []struct {
		name string
		do   func(r *rig, o, other *object.Object)
		want fault.Code
	}{
		{"left alone", func(*rig, *object.Object, *object.Object) {}, fault.OK},
		{"one bit flipped", func(r *rig, o, _ *object.Object) {
			v := r.disk.records[r.path(o)].Value
			v[len(v)-20] ^= 1
			r.disk.put(r.path(o), v)
		}, fault.RecordInvalid},
		{"truncated", func(r *rig, o, _ *object.Object) {
			v := r.disk.records[r.path(o)].Value
			r.disk.put(r.path(o), v[:len(v)-1])
		}, fault.RecordInvalid},
		{"empty", func(r *rig, o, _ *object.Object) { r.disk.put(r.path(o), nil) }, fault.RecordInvalid},
		{"another object's record moved here", func(r *rig, o, other *object.Object) {
			r.disk.put(r.path(o), r.disk.records[r.path(other)].Value)
		}, fault.RecordInvalid},
		{"set back to its first version", func(r *rig, o, _ *object.Object) {
			first := bytes.Clone(r.disk.records[r.path(o)].Value)
			if _, err := r.relabel(r.Partition, o, "beta"); err != nil {
				r.t.Fatal(err)
			}
			r.disk.put(r.path(o), first)
		}, fault.RecordOld},
		{"destroyed, and put back", func(r *rig, o, _ *object.Object) {
			first := bytes.Clone(r.disk.records[r.path(o)].Value)
			if err := r.Destroy(o); err != nil {
				r.t.Fatal(err)
			}
			r.disk.put(r.path(o), first)
		}, fault.RecordRevived},
	} {
		t.Run(attack.name, func(t *testing.T) {
			r := newRig(t, false)
			o, other := r.create("alpha"), r.create("other")
			attack.do(r, o, other)
			p := r.reopen()
			_, err := p.Load(o.Handle())
			want(t, "load", err, attack.want)
			if got := r.alarms[r.path(o)]; got != attack.want {
				t.Errorf("alarm %v; want %v", got, attack.want)
			}
			_, err = p.Describe(r.disk.records[r.path(o)], o.ID)
			want(t, "describe", err, attack.want)
			_, err = p.Load(other.Handle())
			want(t, "the object beside it", err, fault.OK)
			found, _, _, err := p.Find(wire.Query{}, key.ID{}, 10)
			if n := 2 - min(1, int(attack.want)); err != nil || len(found) != n {
				t.Errorf("find: %d objects, %v; want %d", len(found), err, n)
			}
		})
	}
}

func TestRefusesAPartitionWhoseHeadOrChangeLogWasSetBack(t *testing.T) {
	for _, attack := range []struct {
		name string
		do   func(d *disk, head []byte, part key.ID)
		want fault.Code
	}{
		{"left alone", func(*disk, []byte, key.ID) {}, fault.OK},
		{"head set back", func(d *disk, head []byte, part key.ID) { d.put(seal.HeadPath(part), head) }, fault.ChangeLogBroken},
		{"head removed", func(d *disk, _ []byte, part key.ID) { delete(d.records, seal.HeadPath(part)) }, fault.HeadInvalid},
		{"last change removed", func(d *disk, _ []byte, part key.ID) { delete(d.records, seal.ChangePath(part, 1)) }, fault.ChangeLogBroken},
	} {
		t.Run(attack.name, func(t *testing.T) {
			r := newRig(t, false)
			o := r.create("alpha")
			o, err := r.relabel(r.Partition, o, "beta")
			want(t, "first change", err, fault.OK)
			head := bytes.Clone(r.disk.records[seal.HeadPath(r.part)].Value)
			_, err = r.relabel(r.Partition, o, "gamma")
			want(t, "second change", err, fault.OK)
			attack.do(r.disk, head, r.part)
			want(t, "a new core", r.another(false).LoadLedger(), attack.want)
		})
	}
}

func TestChangesThatWaitGoTogether(t *testing.T) {
	r := newRig(t, false)
	var all []*object.Object
	for range 200 {
		all = append(all, r.create("x"))
	}
	before := r.disk.commits
	r.disk.accident = func(*wire.Txn) (bool, error) {
		time.Sleep(time.Millisecond) // as a disk does
		return true, nil
	}
	var wg sync.WaitGroup
	for _, o := range all {
		wg.Go(func() { want(t, "destroy", r.Destroy(o), fault.OK) })
	}
	wg.Wait()
	if n := r.disk.commits - before; n >= 200 {
		t.Errorf("200 destructions at once took %d commits", n)
	}
	p := r.reopen()
	for _, o := range all {
		_, err := p.Load(o.Handle())
		want(t, "after a restart", err, fault.ObjectUnknown)
	}
	if n := r.Count(); n != 0 {
		t.Errorf("%d objects are counted", n)
	}
}

func TestOneOfTwoChangesToOneObjectWins(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[fault.Code]int{}
	for range 16 {
		wg.Go(func() {
			_, err := r.relabel(r.Partition, o, "beta")
			mu.Lock()
			defer mu.Unlock()
			outcomes[fault.Of(err)]++
		})
	}
	wg.Wait()
	if outcomes[fault.OK] != 1 || outcomes[fault.Conflict] != 15 {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestAChangeThatMayNotBeAnyMoreIsNotMade(t *testing.T) {
	r := newRig(t, false)
	const path = "r/00000000000000000000000000000001/x"
	made, err := r.Introduce(path, key.ID{7}, func() []byte { return []byte("one") }, nil, nil)
	want(t, "introduce", err, fault.OK)
	two := func() []byte { return []byte("two") }
	_, err = r.ChangeIf(made, two, func() error { return fault.Conflict }, func(Entry) { t.Error("it was taken in") })
	want(t, "a change that may not be", err, fault.Conflict)
	_, err = r.ChangeIf(made, two, func() error { return nil }, nil)
	want(t, "one that may", err, fault.OK)
}

// A change whose outcome nobody knew, and in whose place another node has made its own, was not made: the record has the version
// that was meant, and another's content.
func TestAnUnknownOutcomeIsNotTakenForDoneBecauseAnotherHasChangedTheSame(t *testing.T) {
	for _, lost := range []bool{true, false} {
		r := newRig(t, false)
		o := r.create("alpha")
		other := r.reopen()
		theirs, err := other.Load(o.Handle())
		want(t, "load", err, fault.OK)
		r.disk.accident = func(*wire.Txn) (bool, error) {
			r.disk.accident = nil
			if !lost {
				return true, fault.OutcomeUnknown
			}
			r.disk.mu.Unlock()
			defer r.disk.mu.Lock()
			_, err := r.relabel(other, theirs, "by another")
			want(t, "the other's change", err, fault.OK)
			return false, fault.OutcomeUnknown
		}
		_, err = r.relabel(r.Partition, o, "beta")
		now, failed := r.reopen().Load(o.Handle())
		want(t, "load again", failed, fault.OK)
		if label := string(now.Label()); lost && (fault.Of(err) != fault.Conflict || label != "by another") || !lost && (err != nil || label != "beta") {
			t.Errorf("lost %t: the change answers %v, and the label is %q", lost, err, label)
		}
	}
}

func TestAnotherCoresChangeIsLearned(t *testing.T) {
	r := newRig(t, false)
	a, b := r.create("alpha"), r.create("beta")
	other := r.reopen()
	theirs, err := other.Load(a.Handle())
	want(t, "load", err, fault.OK)
	_, err = r.relabel(other, theirs, "changed elsewhere")
	want(t, "the other core's change", err, fault.OK)
	_, err = r.relabel(r.Partition, b, "changed here")
	want(t, "a change over a head that moved", err, fault.OK)
	r.Forget(a.ID)
	got, err := r.Load(a.Handle())
	if err != nil || label(got) != "changed elsewhere" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnUnknownOutcomeIsSettledByWhatIsStored(t *testing.T) {
	for name, happened := range map[string]bool{"it happened": true, "it did not": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			o := r.create("alpha")
			r.disk.accident = func(*wire.Txn) (bool, error) { return happened, fault.OutcomeUnknown }
			err := r.Destroy(o)
			r.disk.accident = nil
			if happened {
				want(t, "destroy", err, fault.OK)
			} else {
				want(t, "destroy", err, fault.OutcomeUnknown)
			}
			_, err = r.Load(o.Handle())
			if happened {
				want(t, "load", err, fault.ObjectUnknown)
				return
			}
			want(t, "load, confirmed by a read", err, fault.OK)
			again, err := r.Load(o.Handle())
			want(t, "load again", err, fault.OK)
			want(t, "destroy again", r.Destroy(again), fault.OK)
		})
	}
}

func TestADestroyedKeyIsStoppedBeforeItIsGone(t *testing.T) {
	r := newRig(t, true)
	o := r.create("alpha")
	if _, err := r.Key(o); err != nil {
		t.Fatal(err)
	}
	r.disk.accident = func(*wire.Txn) (bool, error) { // at the moment of the commit
		if _, err := r.Key(o); fault.Of(err) != fault.Conflict {
			t.Errorf("a key that is being destroyed is used: %v", err)
		}
		return true, nil
	}
	want(t, "destroy", r.Destroy(o), fault.OK)
}

// Whoever asks for an object that is being destroyed hears what came of that: before it nobody can say whether it is there.
func TestWhoAsksForWhatIsBeingDestroyedHearsWhatCameOfIt(t *testing.T) {
	for outcome, then := range map[fault.Code]fault.Code{fault.OK: fault.ObjectUnknown, fault.StoreFull: fault.OK, fault.Conflict: fault.OK} {
		r := newRig(t, false)
		o := r.create("alpha")
		asked, destroyed := make(chan error, 4), make(chan error, 1)
		var once sync.Once
		r.disk.accident = func(*wire.Txn) (bool, error) {
			once.Do(func() {
				go func() { _, err := r.Load(o.Handle()); asked <- err }()
				go func() { _, err := r.LoadID(o.ID); asked <- err }()
				go func() { destroyed <- r.Destroy(o) }()
				time.Sleep(20 * time.Millisecond)
				if len(asked)+len(destroyed) > 0 {
					t.Error("told before the store has answered")
				}
			})
			if outcome == fault.OK {
				return true, nil
			}
			return false, outcome
		}
		want(t, "destroy", r.Destroy(o), outcome)
		r.disk.mu.Lock()
		r.disk.accident = nil
		r.disk.mu.Unlock()
		for range 2 {
			want(t, "load meanwhile", <-asked, then)
		}
		if err := <-destroyed; err == nil || (fault.Of(err) == fault.ObjectUnknown) != (outcome == fault.OK) {
			t.Errorf("destroyed by another as well, after %v: %v", outcome, err)
		}
	}
}

func TestFastKeepsParsedKeysAndStrictDoesNot(t *testing.T) {
	for _, fast := range []bool{true, false} {
		r := newRig(t, fast)
		o := r.create("alpha")
		var same bool
		ssp.Do(func() {
			a, err := r.Key(o)
			want(t, "first use", err, fault.OK)
			b, err := r.Key(o)
			want(t, "second use", err, fault.OK)
			same = a == b
		})
		if same != fast {
			t.Errorf("fast %t: the same parsed key twice: %t", fast, same)
		}
	}
}

func TestRestedSecretsAreBoundToTheirObject(t *testing.T) {
	rest, err := NewRest()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rest.Seal([]byte("secret"), []byte("name"))
	want(t, "seal", err, fault.OK)
	got, err := rest.Open(sealed, []byte("name"))
	if err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = rest.Open(sealed, []byte("another"))
	want(t, "open under another name", err, fault.Internal)
	_, err = rest.Open(sealed[:5], []byte("name"))
	want(t, "open a stump", err, fault.Internal)
}
