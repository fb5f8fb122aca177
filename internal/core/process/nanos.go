// SPDX-License-Identifier: Apache-2.0

package process

import "time"

var started = time.Now()

// Nanoseconds is the wall clock in nanoseconds since 1970, for the audit log.
func Nanoseconds() int64 { return time.Now().UnixNano() + offset() }

// Monotonic is nanoseconds on a clock that does not go back and is read without a system call: for measuring how long
// calls take. Unlike Boottime it may stand still in suspend, so it measures no lease.
func Monotonic() int64 { return int64(time.Since(started)) }
