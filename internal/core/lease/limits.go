// SPDX-License-Identifier: Apache-2.0

package lease

const second = int64(1_000_000_000)

const (
	// MaxLength is the longest lease that a policy may allow. A core that has just started, and does not know yet what it may
	// have granted before, speaks as if it had granted this.
	MaxLength = 60 * second

	// Fresh is how old an acknowledgement may be when the change is answered. It bounds how long a restarted core could be
	// counted for something it has forgotten; one round trip between two nodes must fit in.
	Fresh = second

	// settling is how long a core that has just started neither asks nor grants: longer than Fresh, by any clock allowed.
	// Who counted on something that it had acknowledged before has answered by then, or asked again.
	settling = Fresh + Fresh/4
)

// margin is what a granter adds to the length of a lease, so that it outlasts the holder's count of it. Clocks that run
// 11 % too fast and too slow are still within it: (1+1/4) > (1+0.11)/(1-0.11). NTP daemons stay below that.
func margin(length int64) int64 { return length + length/4 }
