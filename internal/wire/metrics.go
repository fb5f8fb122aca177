// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/internal/fault"

// Doors as the core counts them and as audit entries name them.
const (
	DoorHost    uint8 = 0    // the host's own calls, over the boundary
	DoorPKCS11  uint8 = 1    // the unix socket
	DoorRemote  uint8 = 2    // an agent's channel
	DoorAzure   uint8 = 3    // a channel of the Azure door
	DoorControl uint8 = 4    // a channel that the host opens for who owns the node's directory
	DoorToHost  uint8 = 0xFE // the other way round: what the core asks of its host
	DoorToCores uint8 = 0xFD // what it asks of other cores
)

// MetricBuckets is the number of buckets of a MetricTime. Bucket i counts what took at most MetricBound(i), and more than
// the bucket before; the last one has no bound.
const MetricBuckets = 20

// MetricBound is a bucket's upper bound in nanoseconds: 25 microseconds, doubled with each bucket.
func MetricBound(i int) int64 { return 25_000 << i }

// MetricCount is how many calls of one kind ended with one result.
type MetricCount struct {
	Door      uint8
	Call      uint16 // of the client channel; of DoorHost and DoorToHost an op of the boundary; 0 for what is none
	Mechanism string // as in the standard, without CKM_; empty for none
	Result    fault.Code
	N         uint64
}

// MetricTime is how long calls of one kind took in the core, from the request that has been read to the answer that is
// ready. Slowest was the longest since the last reading; the log and the client know it by Request.
type MetricTime struct {
	Door      uint8
	Call      uint16
	Mechanism string
	Sum       uint64 // nanoseconds
	Buckets   [MetricBuckets]uint64
	Slowest   uint64 // nanoseconds
	Request   uint64
}

// MetricGauge is one value of the core's by name, in the unit that the host's table gives it (internal/metrics).
type MetricGauge struct {
	Name  string
	Value int64
}

// Metrics answers OpMetrics: what the core has counted since it started. No tenant, operator or key is named.
type Metrics struct {
	Counts []MetricCount
	Times  []MetricTime
	Gauges []MetricGauge
}

func (v *Metrics) Encode(w *Writer) {
	w.U32(uint32(len(v.Counts)))
	for _, c := range v.Counts {
		w.U8(c.Door)
		w.U16(c.Call)
		w.String(c.Mechanism)
		w.U16(uint16(c.Result))
		w.U64(c.N)
	}
	w.U32(uint32(len(v.Times)))
	for i := range v.Times {
		t := &v.Times[i]
		w.U8(t.Door)
		w.U16(t.Call)
		w.String(t.Mechanism)
		w.U64(t.Sum)
		for _, n := range t.Buckets {
			w.U64(n)
		}
		w.U64(t.Slowest)
		w.U64(t.Request)
	}
	w.U32(uint32(len(v.Gauges)))
	for _, g := range v.Gauges {
		w.String(g.Name)
		w.U64(uint64(g.Value))
	}
}

func (v *Metrics) Decode(r *Reader) {
	v.Counts = make([]MetricCount, r.Count(17))
	for i := range v.Counts {
		v.Counts[i] = MetricCount{r.U8(), r.U16(), r.String(), fault.Code(r.U16()), r.U64()}
	}
	v.Times = make([]MetricTime, r.Count(31+8*MetricBuckets))
	for i := range v.Times {
		t := &v.Times[i]
		t.Door, t.Call, t.Mechanism, t.Sum = r.U8(), r.U16(), r.String(), r.U64()
		for b := range t.Buckets {
			t.Buckets[b] = r.U64()
		}
		t.Slowest, t.Request = r.U64(), r.U64()
	}
	v.Gauges = make([]MetricGauge, r.Count(12))
	for i := range v.Gauges {
		v.Gauges[i] = MetricGauge{r.String(), int64(r.U64())}
	}
}
