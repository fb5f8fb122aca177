// SPDX-License-Identifier: Apache-2.0

package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time of day in unix seconds, as far as this machine knows it: for records and logs, never for a lease.
func Now() int64 { return Nanoseconds() / int64(time.Second) }

// Boottime is nanoseconds since boot on a clock that nobody sets and that counts suspend (CLOCK_BOOTTIME): for leases,
// lockouts and rates.
func Boottime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // the clock exists since Linux 2.6.39; without it no lease can be kept
	}
	return t.Nano()
}

// After calls f in its own goroutine once d nanoseconds are over, unless stop is called before.
func After(d int64, f func()) (stop func()) {
	t := time.AfterFunc(time.Duration(d), func() {
		defer LastWords()
		f()
	})
	return func() { t.Stop() }
}

// Every calls f every d nanoseconds, one call at a time, until stop is called.
func Every(d int64, f func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer LastWords()
		t := time.NewTicker(time.Duration(d))
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// Calendar is a time in unix seconds as X.509 writes it: YYYYMMDDHHMMSSZ.
func Calendar(unix int64) string { return time.Unix(unix, 0).UTC().Format("20060102150405Z") }
