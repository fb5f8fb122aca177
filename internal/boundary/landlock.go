// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights below a place. Landlock knows only what is allowed, so "all but /proc of others" is said by naming all else.
const (
	rightsRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	rightsFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV // what may be granted on a file
)

// Places with other rights than the rest: what a server reads of the machine, and its devices. Not among them: /proc/kcore,
// /proc/PID, /dev/mem, disks, and writing to /proc/sys (core_pattern, modprobe).
var (
	machineFiles = []string{"/proc/sys", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version",
		"/proc/filesystems", "/proc/pressure", "/proc/cgroups", "/proc/mounts", "/proc/net", "/sys"}
	devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm",
		"/dev/log", "/dev/tpm0", "/dev/tpmrm0"}
)

// ownProc pins /proc/self: a rule holds for the directory as it is in the kernel's cache, and an open descriptor keeps it there.
var ownProc *os.File

// hideOthers puts every thread under a Landlock rule set. It also takes away mounting, so that no second /proc appears.
// Directories made in / later are out of reach. BUG: a second /proc that is already mounted elsewhere (a chroot's) stays
// readable here; the other limits hold for it.
func hideOthers() error {
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return e
	}
	all := uint64(1<<13 - 1)
	for version, right := range map[uintptr]uint64{2: unix.LANDLOCK_ACCESS_FS_REFER, 3: unix.LANDLOCK_ACCESS_FS_TRUNCATE, 5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV} {
		if abi >= version {
			all |= right
		}
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: all}
	set, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if e != 0 {
		return e
	}
	defer unix.Close(int(set))

	top, err := os.ReadDir("/")
	if errors.Is(err, unix.EACCES) && hiddenAlready() {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range top {
		if !slices.Contains([]string{"proc", "dev", "sys"}, entry.Name()) {
			if err := allow(int(set), "/"+entry.Name(), all); err != nil {
				return err
			}
		}
	}
	for _, d := range devices {
		if err := allow(int(set), d, all); err != nil {
			return err
		}
	}
	for _, f := range machineFiles {
		if err := allow(int(set), f, rightsRead); err != nil {
			return err
		}
	}
	if ownProc == nil {
		if ownProc, err = os.Open("/proc/self/"); err != nil {
			return err
		}
	}
	if err := allow(int(set), "/proc/self/", rightsRead|unix.LANDLOCK_ACCESS_FS_WRITE_FILE); err != nil {
		return err
	}
	return errno(syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0))
}

// hiddenAlready tells whether a hardened host has started this process (genbu drill, by the clock). Its rule set holds here too, and
// hides more: this process's own /proc, which nothing else than such a rule set does.
func hiddenAlready() bool {
	f, err := os.Open("/proc/self/status")
	if err == nil {
		f.Close()
	}
	return errors.Is(err, unix.EACCES)
}

// allow grants rights below path, or on it where it is a file. What does not exist needs none.
func allow(set int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.EACCES {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= rightsFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return &os.PathError{Op: "landlock", Path: path, Err: e}
	}
	return nil
}
