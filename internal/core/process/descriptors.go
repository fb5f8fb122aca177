// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Descriptors that the host gives (docs/design/boundary.md).
const (
	hostDescriptor   = 3 // SOCK_STREAM: messages both ways
	intakeDescriptor = 4 // SOCK_SEQPACKET: passed descriptors
)

// host and intake are set by openDescriptors, before any other goroutine runs.
var host, intake *os.File

// Host is the stream of messages between host and core. It ends when the host ends.
func Host() io.ReadWriteCloser { return host }

// openDescriptors takes over 3 and 4 and closes all others but 0 to 2 and the runtime's own. It also makes the Go poller
// start, which later could not.
func openDescriptors() error {
	if !isSocket(hostDescriptor, unix.SOCK_STREAM) || !isSocket(intakeDescriptor, unix.SOCK_SEQPACKET) {
		return fault.Unavailable.At("find the host on descriptors 3 and 4")
	}
	for fd, file := range map[int]**os.File{hostDescriptor: &host, intakeDescriptor: &intake} {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
		*file = os.NewFile(uintptr(fd), "host")
	}
	if hostGone() {
		return fault.Unavailable.At("find the host alive")
	}
	takeClock()
	return closeOthers()
}

// hostGone closes a race: the parent may have died before the parent-death signal was set. Its pid cannot tell, being 0
// in a pid namespace either way, but its end of the socket dies with it.
func hostGone() bool {
	p := []unix.PollFd{{Fd: hostDescriptor, Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLRDHUP) != 0
}

func isSocket(fd, typ int) bool {
	t, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && t == typ
}

// closeOthers closes what an ancestor of the host left open across exec, all but the two descriptors of the runtime's
// poller. Those are known by what they do: one watches our stream already, the other is watched by it. (/proc/self/fd
// would tell too, but a hardened host's child cannot read it.)
func closeOthers() error {
	const first, last = intakeDescriptor + 1, 1024
	poller := -1
	for fd := first; fd < last && poller < 0; fd++ {
		if watches(fd, hostDescriptor) {
			poller = fd
		}
	}
	if poller < 0 {
		return fault.Internal.At("find the poller")
	}
	for fd := first; fd < last; fd++ {
		if fd != poller && !(anonymous(fd) && watches(poller, fd)) {
			unix.Close(fd)
		}
	}
	return unix.CloseRange(last, ^uint(0), 0)
}

// anonymous is so of an event descriptor. Only such are tried on the poller: a stray pipe or socket that hung up would wake it
// with an event that is not the runtime's.
func anonymous(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == 0
}

// watches says whether the epoll descriptor has fd in its set: adding it again is refused. What was not in the set is
// taken out again.
func watches(epoll, fd int) bool {
	err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{})
	if err == nil {
		unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, fd, nil)
	}
	return err == unix.EEXIST
}
