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

var live = []metrics.Sample{{Name: "/gc/heap/live:bytes"}}

// leaveHeadroom sets the runtime's percentage anew when the live heap has changed much; never below the usual 100.
func leaveHeadroom(now int) int {
	metrics.Read(live)
	want := headroomPercent(live[0].Value.Uint64())
	if d := want - now; d < -now/8 || d > now/8 {
		debug.SetGCPercent(want)
		return want
	}
	return now
}

func headroomPercent(live uint64) int { return int(max(100, headroom*100/max(live, 4<<20))) }
