// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestCountedUsesAddUp(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	a, b := Use{Object: key.ID{1}, Mechanism: 0x1041}, Use{Object: key.ID{2}, Mechanism: 0x1041}
	for range 1000 {
		if err := l.Count(a, 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	l.Count(b, 1, 1)
	l.Tick(second)
	must(l.Checkpoint())
	got := map[key.ID]uint64{}
	for _, e := range h.decoded(t) {
		if e.Kind == wire.AuditCounted {
			got[e.Object] += e.Count
		}
	}
	if len(got) != 2 || got[a.Object] != 1000 || got[b.Object] != 1 || h.syncs == 0 {
		t.Errorf("%v", got)
	}
	if lag := l.Lag(100 * second); lag != 0 {
		t.Errorf("lag %d", lag)
	}
	l.Count(a, second, second)
	if err := l.Close(2 * second); err != nil {
		t.Error(err)
	}
	list := h.decoded(t)
	if n := len(list); list[n-1].Kind != wire.AuditClose || list[n-2].Count != 1 {
		t.Errorf("end of log: %+v", list[n-2:])
	}
}

func TestUseIsRefusedBeyondTheLag(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	must(l.Checkpoint())
	u := Use{Object: key.ID{1}}
	h.set(errors.New("disk full"), false)
	for s := range int64(6) {
		wantFault(t, "within", l.Count(u, s*second, s*second), fault.OK)
		l.Tick(s*second + 1)
	}
	wantFault(t, "beyond", l.Count(u, 5*second+1, 5*second+1), fault.AuditLag)
	h.set(nil, false)
	l.Tick(6 * second)
	must(l.Checkpoint())
	wantFault(t, "after a flush", l.Count(u, 7*second, 7*second), fault.OK)
	total := uint64(0)
	for _, e := range h.decoded(t) {
		total += e.Count
	}
	if total != 6 {
		t.Errorf("%d uses logged of the 6 that were let through", total)
	}
	// a flusher that has stopped altogether is noticed, too
	wantFault(t, "never flushed", l.Count(u, 13*second, 13*second), fault.AuditLag)
}

func TestManyDifferentUsesFlushEarly(t *testing.T) {
	h := &host{}
	l, k := open(t, h, nil)
	l.SetSigner(k, 1)
	for n := range 2*maxUses + 1 {
		if err := l.Count(Use{Object: key.ID{byte(n), byte(n >> 8), byte(n >> 16)}}, 1, 1); err != nil {
			t.Fatal(n, err)
		}
	}
	if err := l.Close(1); err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for _, e := range h.decoded(t) {
		total += e.Count
	}
	if total != 2*maxUses+1 {
		t.Errorf("%d uses", total)
	}
}

func BenchmarkCount(b *testing.B) {
	l := New(Config{Sink: &host{}, Node: node, MaxLag: 1 << 62})
	u := Use{Partition: key.ID{1}, Operator: key.ID{2}, Object: key.ID{3}}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Count(u, 1, 1)
		}
	})
}
