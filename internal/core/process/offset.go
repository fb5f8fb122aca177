// SPDX-License-Identifier: Apache-2.0

//go:build !faultclock

package process

// offset is what is added to the machine's time of day: nothing. Only a build for tests has another clock (offset_moved.go).
func offset() int64 { return 0 }

func takeClock() {}
