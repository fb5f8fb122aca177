// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestAFindSeesTheCommitBeforeItWithoutAskingTheCore(t *testing.T) {
	f := setUp(t)
	f.rebuild()
	m := object(1, "a")
	f.put(m)
	if ids := f.find(byLabel("a")); !slices.Equal(ids, []key.ID{m.Object}) {
		t.Errorf("found %v", ids)
	}
	m.Label = []byte("b")
	f.put(m)
	if ids := f.find(byLabel("a")); len(ids) != 0 {
		t.Errorf("found under its old label: %v", ids)
	}
	if ids := f.find(byLabel("b")); len(ids) != 1 {
		t.Errorf("found %v", ids)
	}
	if err := f.ask(wire.OpCommit, &wire.Txn{Deletes: []string{objectPath(m.Partition, m.Object)}}, nil); err != nil {
		t.Fatal(err)
	}
	if ids := f.find(byLabel("b")); len(ids) != 0 {
		t.Errorf("found after it was destroyed: %v", ids)
	}
	if f.core.described != 0 || len(f.core.changed) != 0 {
		t.Errorf("the core was asked of %d records and told of %v", f.core.described, f.core.changed)
	}
	if n := len(f.feed.owns) + len(f.feed.settled); n != 0 {
		t.Errorf("%d commits are still remembered", n)
	}
}

func TestManyCallersEachSeeTheirOwnCommits(t *testing.T) {
	f := setUp(t)
	f.rebuild()
	var wg sync.WaitGroup
	for caller := range 16 {
		wg.Go(func() {
			for i := range 50 {
				label := fmt.Sprintf("%d-%d", caller, i)
				m := object(caller*50+i, label)
				f.put(m)
				if ids := f.find(byLabel(label)); !slices.Equal(ids, []key.ID{m.Object}) {
					t.Errorf("%s: found %v", label, ids)
				}
			}
		})
	}
	wg.Wait()
	if n, ok := f.Objects(); n != 800 || !ok {
		t.Errorf("%d objects, %v", n, ok)
	}
}

func TestACommitDuringTheBuildIsFoundAfterIt(t *testing.T) {
	f := setUp(t)
	f.put(object(1, "before"))
	f.core.gate = make(chan struct{})
	done := make(chan error)
	go func() { done <- f.Rebuild(t.Context(), f.core, nil) }()
	f.settles("the build began", func() bool {
		f.feed.mu.Lock()
		defer f.feed.mu.Unlock()
		return f.feed.run != nil
	})
	f.put(object(2, "meanwhile"))
	close(f.core.gate)
	for _, label := range []string{"before", "meanwhile"} {
		if ids := f.find(byLabel(label)); len(ids) != 1 { // waits for the build
			t.Errorf("%s: found %v", label, ids)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.settles("no commit is remembered", func() bool {
		f.feed.mu.Lock()
		defer f.feed.mu.Unlock()
		return len(f.feed.owns)+len(f.feed.settled) == 0
	})
}

func TestAFindWithoutAnIndexIsNotReadyAfterABoundedWait(t *testing.T) {
	defer func(d time.Duration) { findWait = d }(findWait)
	findWait = 10 * time.Millisecond
	f := setUp(t)
	request := &wire.FindRequest{Query: byLabel("a")}
	wantFault(t, "locked", f.ask(wire.OpFind, request, nil), fault.IndexNotReady)
	f.core.gate = make(chan struct{})
	f.put(object(1, "a"))
	done := make(chan error)
	go func() { done <- f.Rebuild(t.Context(), f.core, nil) }()
	wantFault(t, "building", f.ask(wire.OpFind, request, nil), fault.IndexNotReady)
	close(f.core.gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := f.ask(wire.OpFind, request, nil); err != nil {
		t.Error(err)
	}
}

func TestAFindOfACoreThatHasEndedWaitsNoLonger(t *testing.T) {
	defer func(d time.Duration) { findWait = d }(findWait)
	findWait = time.Hour
	f := setUp(t)
	done := make(chan error)
	go func() { done <- f.ask(wire.OpFind, &wire.FindRequest{Query: byLabel("a")}, nil) }()
	f.settles("the find waits", func() bool {
		f.feed.mu.Lock()
		defer f.feed.mu.Unlock()
		return f.feed.waits == 1
	})
	f.Attach(nil)
	wantFault(t, "find", <-done, fault.Unavailable)
}

func TestWhatAnotherNodeChangesIsDescribedAndTheCoreIsTold(t *testing.T) {
	f := setUp(t)
	m := object(1, "a")
	f.put(m)
	f.rebuild()
	m.Label = []byte("b")
	f.elsewhere(m)
	f.settles("the new label is found", func() bool { return len(f.find(byLabel("b"))) == 1 && len(f.find(byLabel("a"))) == 0 })
	path := objectPath(m.Partition, m.Object)
	if _, err := f.store.Txn(t.Context(), store.Txn{Deletes: []string{path}}); err != nil {
		t.Fatal(err)
	}
	f.settles("the object is gone", func() bool { return len(f.find(byLabel("b"))) == 0 })
	f.core.mu.Lock()
	defer f.core.mu.Unlock()
	if !slices.Equal(f.core.changed, []string{path, path}) {
		t.Errorf("the core was told of %v", f.core.changed)
	}
}

func TestACommitThatFailedLeavesNoTrace(t *testing.T) {
	f := setUp(t)
	f.rebuild()
	f.put(object(1, "a"))
	m := object(1, "stolen")
	path := objectPath(m.Partition, m.Object)
	wantFault(t, "conflict", f.ask(wire.OpCommit, &wire.Txn{
		Compares: []wire.Compare{{Path: path}}, Puts: []wire.Put{{Path: path, Value: seal(m), Meta: m}},
	}, nil), fault.Conflict)
	if len(f.find(byLabel("stolen"))) != 0 || len(f.find(byLabel("a"))) != 1 || len(f.feed.owns) != 0 {
		t.Error("it did")
	}
}

// A Meta belongs to the bytes it came with: while our commit of a record is under way, another node's of the same
// record, which wins, is not taken for it.
func TestAnothersChangeOfTheSameRecordIsNotTakenForOurs(t *testing.T) {
	f := setUp(t)
	f.rebuild()
	ours, theirs := object(1, "ours"), object(1, "theirs")
	path := objectPath(tenant, ours.Object)
	o := f.feed.begin(&wire.Txn{Puts: []wire.Put{{Path: path, Value: seal(ours), Meta: ours}}})
	f.elsewhere(theirs)
	f.settles("theirs is found", func() bool { return len(f.find(byLabel("theirs"))) == 1 })
	f.feed.end(o, 0, fault.Conflict)
	if len(f.find(byLabel("ours"))) != 0 || !slices.Equal(f.core.changed, []string{path}) {
		t.Errorf("it was; the core was told of %v", f.core.changed)
	}
}

func TestARefusedRecordIsNamedAndTheOthersGoOn(t *testing.T) {
	f := setUp(t)
	for i := range 600 {
		f.elsewhere(object(i, "good"))
	}
	forged := objectPath(tenant, key.ID{0xBA, 0xD0})
	forge := func(path string) {
		if _, err := f.store.Txn(t.Context(), store.Txn{Puts: []store.Put{{Path: path, Value: []byte("forged")}}}); err != nil {
			t.Fatal(err)
		}
	}
	forge(forged)
	forge("r/" + tenant.String() + "/h") // not an object, so nobody asks
	last := 0
	var mu sync.Mutex
	if err := f.Rebuild(t.Context(), f.core, func(n int) {
		mu.Lock()
		last = max(last, n)
		mu.Unlock()
	}); err != nil {
		t.Fatal(err)
	}
	if n, _ := f.Objects(); n != 600 || last != 600 {
		t.Errorf("%d objects, progress %d", n, last)
	}
	told := fmt.Sprintf(`msg="record is refused" path=%s reason="record is not authentic"`, forged)
	if !strings.Contains(f.log.String(), told) {
		t.Errorf("log: %s", f.log)
	}
	forge(objectPath(tenant, object(7, "").Object))
	f.settles("a record that was forged later is left out", func() bool { n, _ := f.Objects(); return n == 599 })
}

func TestTheIndexIsBuiltWhileTheCoreIsOperationalAndDroppedOtherwise(t *testing.T) {
	f := setUp(t)
	f.put(object(1, "a"))
	ready := func(want bool) func() bool {
		return func() bool { _, ok := f.Objects(); return ok == want }
	}
	f.core.state = wire.StateLocked
	f.Attach(f.core)
	if err := f.ask(wire.OpState, &wire.Status{State: wire.StateOperational}, nil); err != nil {
		t.Fatal(err)
	}
	f.settles("built after the notice", ready(true))
	f.ask(wire.OpState, &wire.Status{State: wire.StateZeroized}, nil)
	f.settles("dropped", ready(false))
	f.Attach(nil)
	f.core.state = wire.StateOperational
	f.Attach(f.core)
	f.settles("built without a notice", ready(true))
	f.Attach(nil)
	f.settles("dropped with the core", ready(false))
}

func TestTheIndexComesBackAfterTheCoreFailed(t *testing.T) {
	f := setUp(t)
	f.Attach(f.core)
	ready := func() bool { _, ok := f.Objects(); return ok }
	f.settles("built", ready)
	f.core.mu.Lock()
	f.core.down = true
	f.core.mu.Unlock()
	f.elsewhere(object(1, "a"))
	f.settles("stopped", func() bool { return !ready() })
	f.core.mu.Lock()
	f.core.down = false
	f.core.mu.Unlock()
	f.settles("built again", ready)
	if ids := f.find(byLabel("a")); len(ids) != 1 {
		t.Errorf("found %v", ids)
	}
	f.core.mu.Lock()
	f.core.down = true
	f.core.mu.Unlock()
	f.Attach(nil)
	f.settles("stopped for good", func() bool { return !ready() })
	wantFault(t, "rebuild with a core that is down", f.Rebuild(t.Context(), f.core, nil), fault.Unavailable)
}

func TestTheIndexStartsAnewAfterARestore(t *testing.T) {
	f := setUp(t)
	f.put(object(1, "kept"))
	var b bytes.Buffer
	if _, err := f.store.Snapshot(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	f.rebuild()
	f.put(object(2, "lost"))
	if err := f.store.Restore(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	f.settles("the index shows what was restored", func() bool {
		var reply wire.FindReply
		err := f.ask(wire.OpFind, &wire.FindRequest{Query: byLabel("lost")}, &reply)
		return err == nil && len(reply.IDs) == 0
	})
	f.put(object(3, "after"))
	if len(f.find(byLabel("kept"))) != 1 || len(f.find(byLabel("after"))) != 1 {
		t.Error("kept or later objects are not found")
	}
}

// TestFollowingTheWatchAndBuildingAnewAgree is F13 through the whole service: own and foreign changes in one index, and
// another one built from the list.
func TestFollowingTheWatchAndBuildingAnewAgree(t *testing.T) {
	f := setUp(t)
	f.rebuild()
	random := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		m := object(random.IntN(60), fmt.Sprint("label", random.IntN(8)))
		switch random.IntN(4) {
		case 0:
			f.elsewhere(m)
		case 1:
			if err := f.ask(wire.OpCommit, &wire.Txn{Deletes: []string{objectPath(m.Partition, m.Object)}}, nil); err != nil {
				t.Fatal(err)
			}
		default:
			f.put(m)
		}
	}
	f.put(object(100, "last"))
	content := func() (all [][]key.ID) {
		for i := range 8 {
			all = append(all, f.find(byLabel(fmt.Sprint("label", i))))
		}
		return append(all, f.find(wire.Query{Partition: tenant}))
	}
	followed := content()
	f.rebuild()
	if built := content(); !reflect.DeepEqual(followed, built) || len(built[8]) < 10 {
		t.Errorf("followed %v\nbuilt %v", followed, built)
	}
}
