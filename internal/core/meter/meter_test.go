// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// newMeter is a meter whose clock goes on by step with every look.
func newMeter(step int64) *Meter {
	var now atomic.Int64
	return New(func() int64 { return now.Add(step) }, []Mechanism{{key.MechRSAKeyPairGen, "RSA_PKCS_KEY_PAIR_GEN"}, {key.MechECDSA, "ECDSA"}})
}

var sign = Call{Door: wire.DoorPKCS11, Call: uint16(wire.CallSign), Mechanism: key.MechECDSA, Keyed: true}

func TestEveryCallIsCountedOnceUnderItsKind(t *testing.T) {
	m := newMeter(0)
	kinds := []Call{sign, {Door: 2, Call: uint16(wire.CallSign), Mechanism: key.MechECDSA, Keyed: true}, {Door: 1, Call: uint16(wire.CallLogin)},
		{Door: 1, Call: uint16(wire.CallGeneratePair), Mechanism: key.MechRSAKeyPairGen, Keyed: true}}
	results := []fault.Code{fault.OK, fault.Denied}
	var wg sync.WaitGroup
	const each = 1000
	for range 8 {
		wg.Go(func() {
			var s Spot
			for i := range each {
				s.Note(m, kinds[i%len(kinds)], results[i/len(kinds)%2], m.Now(), uint64(i))
			}
		})
	}
	wg.Wait()
	v := m.Read()
	if len(v.Counts) != 8 || len(v.Times) != 4 {
		t.Fatalf("%d counts, %d times", len(v.Counts), len(v.Times))
	}
	for _, c := range v.Counts {
		if c.N != 1000 {
			t.Errorf("%+v", c)
		}
		if known := c.Call == uint16(wire.CallSign) || c.Call == uint16(wire.CallGeneratePair); (c.Mechanism != "") != known {
			t.Errorf("mechanism of %+v", c)
		}
	}
}

func TestTimesFallIntoTheirBuckets(t *testing.T) {
	for _, c := range []struct {
		took int64
		want int
	}{{0, 0}, {1, 0}, {25_000, 0}, {25_001, 1}, {50_000, 1}, {50_001, 2}, {25_000 << 18, 18}, {25_000<<18 + 1, 19}, {1 << 62, 19}} {
		if got := bucket(uint64(c.took)); got != c.want {
			t.Errorf("%d ns falls into bucket %d, not %d", c.took, got, c.want)
		}
		if got := c.want; got < wire.MetricBuckets-1 && c.took > wire.MetricBound(got) {
			t.Errorf("%d ns is beyond bucket %d's bound", c.took, got)
		}
	}
}

func TestTheSlowestCallIsNamedUntilItIsRead(t *testing.T) {
	m := newMeter(10)
	var s Spot
	s.Note(m, sign, fault.OK, 0, 7)
	s.Note(m, sign, fault.OK, m.Now(), 8)
	if v := m.Read().Times[0]; v.Request != 7 || v.Slowest != 10 || v.Sum != 20 {
		t.Errorf("%+v", v)
	}
	s.Note(m, sign, fault.OK, m.Now(), 9)
	if v := m.Read().Times[0]; v.Request != 9 {
		t.Errorf("after a reading: %+v", v)
	}
}

func TestAFullTableCountsTheRestAsOneKind(t *testing.T) {
	m := newMeter(0)
	var s Spot
	const kinds = countSlots + 500
	for i := range kinds {
		s.Note(m, Call{Door: 1, Call: uint16(i + 1)}, fault.OK, 0, 0)
	}
	total, rest := uint64(0), uint64(0)
	for _, c := range m.Read().Counts {
		total += c.N
		if c.Call == 0 {
			rest = c.N
		}
	}
	if total != kinds || rest != 501 {
		t.Errorf("%d counted, %d of them as the rest", total, rest)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := newMeter(100)
	var s Spot
	other := Call{Door: 1, Call: uint16(wire.CallLogin)}
	if n := testing.AllocsPerRun(1000, func() {
		s.Note(m, sign, fault.OK, m.Now(), 1)
		s.Note(m, other, fault.PINIncorrect, m.Now(), 2)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNote(b *testing.B) {
	m := newMeter(1000)
	b.Run("same", func(b *testing.B) {
		var s Spot
		for b.Loop() {
			s.Note(m, sign, fault.OK, 0, 1)
		}
	})
	b.Run("changing", func(b *testing.B) {
		var s Spot
		for b.Loop() {
			s.Note(m, sign, fault.OK, 0, 1)
			s.Note(m, Call{Door: 1, Call: 5}, fault.OK, 0, 1)
		}
	})
}
