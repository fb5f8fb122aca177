// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/ssp"
)

func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

func TestCollectionFollowsUseAndRestsOtherwise(t *testing.T) {
	ssp.Collected()
	before := collections()
	c := &collector{}
	c.tick()
	if collections() != before {
		t.Error("collected without a use")
	}
	for _, use := range []func(){func() { ssp.Do(func() {}) }, ssp.Dropped} {
		before = collections()
		use()
		for tick, want := range []uint32{1, 2, 2, 2} {
			c.tick()
			if n := collections() - before; n != want || ssp.Dirty() {
				t.Errorf("%d collections after a use and tick %d, still dirty %v", n, tick, ssp.Dirty())
			}
		}
	}
	before = collections()
	for range 5 {
		ssp.Do(func() {})
		c.tick()
	}
	if n := collections() - before; n != 5 {
		t.Errorf("%d collections under steady use, in 5 ticks", n)
	}
}

func TestTheHeapIsKeptSmallForAWhileAfterAUse(t *testing.T) {
	c := &collector{}
	ssp.Do(func() {})
	for i := range lastingUse {
		if !c.tick() {
			t.Errorf("forgotten after %d ticks", i)
		}
	}
	if c.tick() {
		t.Error("kept for longer")
	}
}

func TestTheLoopCollectsWithoutBeingAsked(t *testing.T) {
	stop := Collect()
	defer stop()
	ssp.Do(func() {})
	for range 500 {
		if !ssp.Dirty() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("no collection")
}

func TestReportRefusesWhatNobodyAccepted(t *testing.T) {
	r := Report{Missing: []string{Landlock, Seccomp}}
	if err := r.Check([]string{Seccomp}); err == nil || !strings.Contains(err.Error(), Landlock) || strings.Contains(err.Error(), Seccomp) {
		t.Errorf("got %v", err)
	}
	if err := r.Check([]string{Seccomp, Landlock}); err != nil {
		t.Error(err)
	}
}

func TestSealRefusesToRunWithoutAHost(t *testing.T) {
	if isSocket(hostDescriptor, 1) {
		t.Skip("descriptor 3 is a socket here")
	}
	if _, err := Seal(); err == nil {
		t.Error("sealed a process that no host started")
	}
}

func TestClockGoesOn(t *testing.T) {
	a := Boottime()
	if b := Boottime(); b < a || a <= 0 {
		t.Errorf("%d after %d", b, a)
	}
	if d := Now() - time.Now().Unix(); d < -1 || d > 1 {
		t.Errorf("off by %d s", d)
	}
	called := make(chan bool)
	stop := After(1, func() { close(called) })
	<-called
	stop()
	stop = After(int64(time.Hour), func() { t.Error("called after stop") })
	stop()
}

func TestTraceNamesFunctionsWithoutArguments(t *testing.T) {
	s := Trace()
	if !strings.Contains(s, "TestTraceNamesFunctionsWithoutArguments:") || strings.Contains(s, "0x") {
		t.Errorf("got %s", s)
	}
}

func TestHeadroomIsThatOfASmallHeapOnly(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 4 << 20: 800, 8 << 20: 400, 32 << 20: 100, 1 << 30: 100} {
		if got := headroomPercent(live, false); got != want {
			t.Errorf("%d bytes live: %d percent, want %d", live, got, want)
		}
	}
	for live, want := range map[uint64]int{0: 100, 2 << 20: 100, 4 << 20: 50, 8 << 20: 25, 1 << 30: 25} {
		if got := headroomPercent(live, true); got != want {
			t.Errorf("%d bytes live, secrets in use: %d percent, want %d", live, got, want)
		}
	}
}

func TestHeadroomIsSetOnceForASteadyHeap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	percent := leaveHeadroom(0, false)
	if got := debug.SetGCPercent(percent); got != percent {
		t.Errorf("the runtime has %d percent, we think %d", got, percent)
	}
	debug.SetGCPercent(77)
	if leaveHeadroom(percent, false); debug.SetGCPercent(percent) != 77 {
		t.Error("set again although nothing changed")
	}
}
