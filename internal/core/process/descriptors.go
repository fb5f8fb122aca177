// SPDX-License-Identifier: Apache-2.0

package process

import (
	"io"
	"os"
	"strconv"
	"strings"

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

// closeOthers closes what an ancestor of the host left open across exec.
func closeOthers() error {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= intakeDescriptor {
			continue
		}
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(target, "anon_inode:[event") { // the Go poller's own
			continue
		}
		unix.Close(fd)
	}
	return nil
}
