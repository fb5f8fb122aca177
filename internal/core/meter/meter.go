// SPDX-License-Identifier: Apache-2.0

// Package meter counts what the core does: calls by door, call, mechanism and result, and how long they took. Calls on client
// channels pass no host, so nobody else could count them.
//
//	m := meter.New(clock, mechanisms)
//	var spot meter.Spot                 // one for each goroutine that counts
//	began := m.Now()
//	spot.Note(m, meter.Call{...}, result, began, request)
//	m.Gauge("channels", func() int64 { ... })
//	answer := m.Read()                  // for OpMetrics
//
// Noting allocates nothing and takes no lock: fixed tables of atomics, found by hash, and remembered in the Spot for as long
// as the same kind of call follows. A table that is full counts the rest as one kind (call 0), so that no client can make
// it grow. Names of tenants, operators and keys do not come here.
package meter

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	countSlots = 4096 // kinds of call and result, 16 bytes each: a busy node shows a few hundred
	timeSlots  = 1024 // kinds of call, 192 bytes each
)

// Meter holds the tables. A nil *Meter counts nothing.
type Meter struct {
	clock      func() int64 // nanoseconds, never going back
	mechanisms []Mechanism
	index      map[key.Mechanism]uint64 // 1 + place in mechanisms

	counts [countSlots]count
	times  [timeSlots]timing

	mu     sync.Mutex
	gauges []gauge // guarded by mu
}

// Mechanism is one that the module knows.
type Mechanism struct {
	ID   key.Mechanism
	Name string
}

// Call is a kind of call.
type Call struct {
	Door      uint8
	Call      uint16
	Mechanism key.Mechanism // counted as none where the module does not know it
	Keyed     bool          // Mechanism says something
}

type count struct {
	key atomic.Uint64 // 0: free
	n   atomic.Uint64
}

type timing struct {
	key     atomic.Uint64
	sum     atomic.Uint64
	buckets [wire.MetricBuckets]atomic.Uint64
	slowest atomic.Uint64

	mu      sync.Mutex
	worst   uint64 // guarded by mu: as slowest, and whose it was
	request uint64 // guarded by mu
}

type gauge struct {
	name string
	read func() int64
}

// New makes a meter that knows these mechanisms.
func New(clock func() int64, mechanisms []Mechanism) *Meter {
	m := &Meter{clock: clock, mechanisms: mechanisms, index: make(map[key.Mechanism]uint64, len(mechanisms))}
	for i, r := range mechanisms {
		m.index[r.ID] = uint64(i + 1)
	}
	return m
}

// Now is when a call begins.
func (m *Meter) Now() int64 {
	if m == nil {
		return 0
	}
	return m.clock()
}

// Gauge adds a value that is asked for at each reading. The host shows it when its table knows the name.
func (m *Meter) Gauge(name string, read func() int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gauges = append(m.gauges, gauge{name, read})
}

// Spot remembers where the last call was counted. It belongs to one goroutine.
type Spot struct {
	call   Call
	result fault.Code
	count  *count
	timing *timing
}

// Note counts one call that began at m.Now() and has ended now.
func (s *Spot) Note(m *Meter, c Call, result fault.Code, began int64, request uint64) {
	if m == nil {
		return
	}
	if s.count == nil || s.call != c || s.result != result {
		s.call, s.result = c, result
		kind := m.pack(c)
		s.timing = findTiming(&m.times, kind)
		s.count = findCount(&m.counts, kind|uint64(result)<<resultShift)
	}
	took := uint64(max(0, m.clock()-began))
	s.count.n.Add(1)
	t := s.timing
	t.sum.Add(took)
	t.buckets[bucket(took)].Add(1)
	if took > t.slowest.Load() { // seldom: a new record since the last reading
		t.mu.Lock()
		if took > t.worst {
			t.worst, t.request = took, request
			t.slowest.Store(took)
		}
		t.mu.Unlock()
	}
}

func bucket(took uint64) int {
	if took == 0 {
		return 0
	}
	return min(bits.Len64((took-1)/uint64(wire.MetricBound(0))), wire.MetricBuckets-1)
}

// A kind of call in one word, never 0: door, call, place of the mechanism, result.
const (
	present        = 1 << 63
	callShift      = 8
	mechanismShift = 24
	resultShift    = 40
)

func (m *Meter) pack(c Call) uint64 {
	k := present | uint64(c.Door) | uint64(c.Call)<<callShift
	if c.Keyed {
		k |= m.index[c.Mechanism] << mechanismShift
	}
	return k
}

// overflow is the kind for which the last slot of each table is kept.
const overflow = present

// spread is a multiplicative hash (Knuth, 6.4) down to n bits.
func spread(k uint64, n int) uint64 { return k * 0x9E3779B97F4A7C15 >> (64 - n) }

func findCount(table *[countSlots]count, k uint64) *count {
	at := spread(k, 12)
	for range countSlots - 1 {
		c := &table[at%(countSlots-1)]
		if have := c.key.Load(); have == k || have == 0 && (c.key.CompareAndSwap(0, k) || c.key.Load() == k) {
			return c
		}
		at++
	}
	table[countSlots-1].key.Store(overflow)
	return &table[countSlots-1]
}

func findTiming(table *[timeSlots]timing, k uint64) *timing {
	at := spread(k, 10)
	for range timeSlots - 1 {
		t := &table[at%(timeSlots-1)]
		if have := t.key.Load(); have == k || have == 0 && (t.key.CompareAndSwap(0, k) || t.key.Load() == k) {
			return t
		}
		at++
	}
	table[timeSlots-1].key.Store(overflow)
	return &table[timeSlots-1]
}

// Read answers all that was counted, and begins to look for the slowest calls anew.
func (m *Meter) Read() *wire.Metrics {
	v := &wire.Metrics{}
	for i := range m.counts {
		k := m.counts[i].key.Load()
		if k == 0 {
			continue
		}
		c := wire.MetricCount{Result: fault.Code(k >> resultShift), N: m.counts[i].n.Load()}
		c.Door, c.Call, c.Mechanism = m.unpack(k)
		v.Counts = append(v.Counts, c)
	}
	for i := range m.times {
		t := &m.times[i]
		k := t.key.Load()
		if k == 0 {
			continue
		}
		a := wire.MetricTime{Sum: t.sum.Load()}
		a.Door, a.Call, a.Mechanism = m.unpack(k)
		for b := range t.buckets {
			a.Buckets[b] = t.buckets[b].Load()
		}
		t.mu.Lock()
		a.Slowest, a.Request = t.worst, t.request
		t.worst, t.request = 0, 0
		t.slowest.Store(0)
		t.mu.Unlock()
		v.Times = append(v.Times, a)
	}
	m.mu.Lock()
	gauges := m.gauges
	m.mu.Unlock()
	for _, g := range gauges {
		v.Gauges = append(v.Gauges, wire.MetricGauge{Name: g.name, Value: g.read()})
	}
	return v
}

func (m *Meter) unpack(k uint64) (door uint8, call uint16, mechanism string) {
	if i := k >> mechanismShift & 0xFFFF; i > 0 {
		mechanism = m.mechanisms[i-1].Name
	}
	return uint8(k), uint16(k >> callShift), mechanism
}
