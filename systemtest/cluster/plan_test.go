// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// event is a misfortune at a point of the workload, and perhaps a change of members while it lasts.
type event struct {
	misfortune
	place    int
	from, to int64 // counts of operations
	leader   bool  // of whoever leads when it happens
	change   change
	draw     uint64
	step     time.Duration // by which clocks are set
}

// steps are by how much clocks are set: a correction, a wrong minute, hour, time zone, day.
var steps = []time.Duration{3 * time.Second, 90 * time.Second, 40 * time.Minute, 5 * time.Hour, 20 * time.Hour}

// plan draws a schedule from its seed: which faults, to whom, after how many operations of the workload they begin and end, and
// which machine joins or leaves meanwhile.
func plan(seed uint64, size int) (list []event) {
	r := rand.New(rand.NewPCG(seed, 78))
	for at := int64(20 + r.IntN(20)); at < operations-60; {
		e := event{misfortune: misfortunes[r.IntN(len(misfortunes))], place: r.IntN(size), leader: r.IntN(3) == 0, from: at, draw: r.Uint64()}
		e.step = steps[r.IntN(len(steps))] * time.Duration(1-2*r.IntN(2))
		if n := r.IntN(8); n < 3 && seed%3 == 0 { // not in each: a node that joins while another is lost takes ten seconds
			e.change = changes[n]
		}
		if e.change == takesPlace && e.name == damaged {
			e.change = joins // another takes its place if it does not come back
		}
		e.to = at + 25 + int64(r.IntN(50))
		list = append(list, e)
		at = e.to + 10 + int64(r.IntN(40))
	}
	return list
}

func (e *event) describe(node string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d-%d %s (%s)", e.from, e.to, e.name, node)
	if strings.Contains(e.name, "clock") {
		fmt.Fprintf(&b, " by %v", e.step)
	}
	if e.change != stay {
		fmt.Fprintf(&b, ", while %s", e.change)
	}
	return b.String()
}
