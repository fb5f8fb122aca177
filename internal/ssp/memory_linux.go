// SPDX-License-Identifier: Apache-2.0

package ssp

import "golang.org/x/sys/unix"

// The arena's size. An ordinary user may lock 8 MB (RLIMIT_MEMLOCK, against which memfd_secret counts in full when it is
// mapped); half of that leaves room for others. Pages are taken only when touched. Where less may be locked the size is
// halved down to the smallest that still holds a root key, a hundred partitions and scratch.
const (
	largestArena  = 4 << 20
	smallestArena = 32 << 10
)

// mapArena returns memory for the arena and its kind.
func mapArena() ([]byte, string) {
	for _, m := range []struct {
		kind string
		mmap func(size int) ([]byte, error)
	}{{"memfd_secret", mapSecret}, {"mlock", mapLocked}} {
		for size := largestArena; size >= smallestArena; size /= 2 {
			if mem, err := m.mmap(size); err == nil {
				return mem, m.kind
			}
		}
	}
	return nil, ""
}

// mapSecret maps memory that is taken out of the kernel's direct map (memfd_secret(2)): /proc/PID/mem, ptrace,
// process_vm_readv and core dumps cannot read it, whoever asks. It is never swapped.
func mapSecret(size int) ([]byte, error) {
	fd, err := unix.MemfdSecret(unix.O_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) // the mapping keeps the memory; without a descriptor nobody can map it again
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	unix.Madvise(mem, unix.MADV_DONTFORK) // the core never forks; a test's child need not share it
	return mem, nil
}

// mapLocked maps ordinary memory that is not swapped and not dumped. Root can read it.
func mapLocked(size int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	for _, advice := range []int{unix.MADV_DONTDUMP, unix.MADV_DONTFORK} {
		if err := unix.Madvise(mem, advice); err != nil {
			unix.Munmap(mem)
			return nil, err
		}
	}
	if err := unix.Mlock(mem); err != nil {
		unix.Munmap(mem)
		return nil, err
	}
	return mem, nil
}
