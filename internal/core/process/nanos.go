// SPDX-License-Identifier: Apache-2.0

package process

import "time"

// Nanoseconds is the wall clock in nanoseconds since 1970, for the audit log.
func Nanoseconds() int64 { return time.Now().UnixNano() }
