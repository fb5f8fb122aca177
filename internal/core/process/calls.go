// SPDX-License-Identifier: Apache-2.0

package process

import "golang.org/x/sys/unix"

// calls is what a running core needs; the most frequent first. The numbers are the architecture's, by x/sys/unix. Whatever
// is needed once (memfd_secret, epoll_create1, sigaltstack of the first threads) has happened before the list holds.
var calls = []call{
	// Channels, the host's stream, and the poller under them.
	{number: unix.SYS_FUTEX},
	{number: unix.SYS_EPOLL_PWAIT},
	{number: unix.SYS_RECVFROM},
	{number: unix.SYS_SENDTO},
	{number: unix.SYS_READ},
	{number: unix.SYS_WRITE},
	{number: unix.SYS_RECVMSG},
	{number: unix.SYS_EPOLL_CTL},
	{number: unix.SYS_CLOSE},
	{number: unix.SYS_SHUTDOWN},
	{number: unix.SYS_FSTAT},
	{number: unix.SYS_FCNTL, checks: []check{{1, ^uint32(0), []uint32{unix.F_GETFL, unix.F_SETFL}}}},

	// The file keeper.
	{number: unix.SYS_PREAD64},
	{number: unix.SYS_PWRITE64},
	{number: unix.SYS_FSYNC},

	// The Go runtime: memory (never executable, never a file), threads (never a process), signals among its threads, time.
	{number: unix.SYS_MADVISE},
	{number: unix.SYS_MMAP, checks: []check{{2, unix.PROT_EXEC, []uint32{0}}, {3, unix.MAP_ANONYMOUS, []uint32{unix.MAP_ANONYMOUS}}}},
	{number: unix.SYS_MUNMAP},
	{number: unix.SYS_MPROTECT, checks: []check{{2, unix.PROT_EXEC, []uint32{0}}}},
	{number: unix.SYS_PRCTL, checks: []check{{0, ^uint32(0), []uint32{unix.PR_SET_VMA}}}}, // names of mappings
	{number: unix.SYS_CLONE, checks: []check{{0, unix.CLONE_THREAD | namespaceFlags, []uint32{unix.CLONE_THREAD}}}},
	{number: unix.SYS_NANOSLEEP},
	{number: unix.SYS_SCHED_YIELD},
	{number: unix.SYS_CLOCK_GETTIME},
	{number: unix.SYS_GETRANDOM},
	{number: unix.SYS_RT_SIGPROCMASK},
	{number: unix.SYS_RT_SIGACTION},
	{number: unix.SYS_RT_SIGRETURN},
	{number: unix.SYS_SIGALTSTACK},
	{number: unix.SYS_TGKILL},
	{number: unix.SYS_GETPID},
	{number: unix.SYS_GETTID},
	{number: unix.SYS_RESTART_SYSCALL},
	{number: unix.SYS_EXIT},
	{number: unix.SYS_EXIT_GROUP},
}

const namespaceFlags = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
