// SPDX-License-Identifier: Apache-2.0

// Package clock is the host's time of day, for what compares itself with other machines' times: whether a certificate holds. In
// the product it is the machine's, and nothing moves it.
//
// A build with the tag faultclock is for tests of what happens when clocks are set: there the number in a file of the node's
// directory is added (moved.go), for the host and for its core (docs/design/faults.md).
package clock

import "time"

// Now is the time of day. How long something takes is measured with time.Now.
func Now() time.Time { return time.Now().Add(offset()) }
