// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// image is the path of the program that becomes the core: a copy of this one in memory, executable by all and readable
// by none.
//
// Why: exec makes a process undumpable whose image it may not read, and gives its memory to the nearest user namespace
// that knows the image's owner (would_dump in the kernel's fs/exec.c). The core's own namespace knows nobody, so that is
// the host's, where a plain user has no CAP_SYS_PTRACE. Started from a readable file, the memory would belong to the
// core's own namespace, in which the user who created it has every capability: then any process of that user could read it.
//
// Where no such file can be made (vm.memfd_noexec) it is /proc/self/exe; the core sees that and says so.
var image = sync.OnceValue(func() string {
	// A child forked while the descriptor for writing is open would keep the file from being executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := copySelf()
	if err != nil {
		return "/proc/self/exe"
	}
	return "/proc/self/fd/" + strconv.Itoa(fd) // in the child; it is still open there when exec resolves the path
})

// copySelf returns a descriptor that can only be executed, above those that the child's descriptors are put on.
func copySelf() (int, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return -1, err
	}
	defer self.Close()
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("genbu core", flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 all are executable
		fd, err = unix.MemfdCreate("genbu core", flags)
	}
	if err != nil {
		return -1, err
	}
	copied := os.NewFile(uintptr(fd), "genbu core")
	defer copied.Close()
	if _, err := io.Copy(copied, self); err != nil {
		return -1, err
	}
	if err := unix.Fchmod(fd, 0o111); err != nil {
		return -1, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return -1, err
	}
	// A file open for writing cannot be executed: keep a descriptor that is open for nothing.
	path, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(path)
	return unix.FcntlInt(uintptr(path), unix.F_DUPFD_CLOEXEC, 16)
}
