// SPDX-License-Identifier: Apache-2.0

//go:build faultclock

package clock

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FileName is the file in a node's directory that moves its clock: eight bytes, nanoseconds in the machine's byte order, to be
// written in one call. Host and core map it, so a step takes effect at once and in both.
const FileName = "genbu-faultclock-offset"

var (
	file *os.File
	step *atomic.Int64 // in the mapped file; nil before Follow
)

// Follow maps the file in dir; where there is none, it is made, and the clock is right.
func Follow(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(8); err != nil {
		return err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, 8, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	file, step = f, (*atomic.Int64)(unsafe.Pointer(&b[0]))
	return nil
}

func offset() time.Duration {
	if step == nil {
		return 0
	}
	return time.Duration(step.Load())
}

// Files is the file, which a core gets as the first descriptor after those of docs/design/boundary.md.
func Files() []*os.File {
	if file == nil {
		return nil
	}
	return []*os.File{file}
}
