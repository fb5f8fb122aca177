// SPDX-License-Identifier: Apache-2.0

package ssp

import "sync/atomic"

// dirty says that secret-handling code has run since the last collection.
var dirty atomic.Bool

// Do calls f, which handles secrets: registers and stack that f used are erased when it returns, heap memory that f
// allocated is erased once it is unreachable and collected. So results that are to live on, and need no erasure, are
// copied into memory allocated outside; f starts no goroutine and writes no global. Where Erasure is "none" Do only
// calls f.
func Do(f func()) {
	note() // f may run long: what it drops meanwhile can be collected meanwhile
	defer note()
	do(f)
}

// note leaves the cache line alone where nothing changes, since every request on every thread comes here.
func note() {
	if !dirty.Load() {
		dirty.Store(true)
	}
}

// Dropped is called by who lets go, outside Do, of what was allocated inside: an operation that ends without a last part, a
// key that was kept parsed. It would else be erased only after somebody's next use.
func Dropped() { note() }

// Dirty says whether a collection is due. It is for the collector loop in core/process.
func Dirty() bool { return dirty.Load() }

// Collected is called by the collector loop before it collects, so that a use during the collection asks for another.
func Collected() { dirty.Store(false) }
