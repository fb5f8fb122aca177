// SPDX-License-Identifier: Apache-2.0

package process

import (
	"runtime/debug"
	"runtime/metrics"
)

// headroom is what the heap may grow by before the runtime collects it. By its own measure, as much again as is live, a core
// with a few megabytes of keys would collect sixty times a second under load, since a P-256 signature allocates 6 KB. It
// does not delay erasure: that is the collector's forced collection.
const headroom = 32 << 20

// erasingRoom takes its place while ssp.Do is in use. What is allocated there is noted in lists that each further allocation walks
// along and each collection works through: collected often they are short-lived and stay in the processor's cache, which is worth a
// tenth of the core's time for a P-256 signature in strict mode. Half of it would be worth a fifth, and cost AES-GCM a third. A
// large heap takes longer to collect, so it is left more.
const (
	erasingRoom  = 2 << 20
	erasingLeast = 25 // percent of the heap
)

var live = []metrics.Sample{{Name: "/gc/heap/live:bytes"}}

// leaveHeadroom sets the runtime's percentage anew when the live heap has changed much; outside of ssp.Do never below the usual 100.
func leaveHeadroom(now int, erasing bool) int {
	metrics.Read(live)
	want := headroomPercent(live[0].Value.Uint64(), erasing)
	if d := want - now; d < -now/8 || d > now/8 {
		debug.SetGCPercent(want)
		return want
	}
	return now
}

func headroomPercent(live uint64, erasing bool) int {
	if erasing {
		return int(max(erasingLeast, erasingRoom*100/max(live, erasingRoom)))
	}
	return int(max(100, headroom*100/max(live, 4<<20)))
}
