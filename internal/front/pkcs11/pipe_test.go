// SPDX-License-Identifier: Apache-2.0

package pkcs11

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe, unlike a socket, can be opened anew through /proc by whoever may look at a process's descriptors, which all processes of
// its user may. It belongs to the host's user, so that where client and host are different ones nobody can.
func TestAnotherProcessOfTheClientsUserCannotOpenItsPipe(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs two users")
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: open(t, &doubleCore{peers: make(chan Peer, 1)}, true)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	oob := make([]byte, 64)
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 16), oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, _ := unix.ParseSocketControlMessage(oob[:n])
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 2 {
		t.Fatal(fds, err)
	}
	defer unix.Close(fds[0])
	pipe := os.NewFile(uintptr(fds[1]), "answers")
	defer pipe.Close()

	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65533, Gid: 65533}, Pdeathsig: syscall.SIGKILL}
	client := exec.Command("sleep", "60")
	client.SysProcAttr, client.ExtraFiles, client.Dir = as, []*os.File{pipe}, "/"
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	defer client.Process.Kill()
	opens := func() error {
		thief := exec.Command("sh", "-c", fmt.Sprintf(": </proc/%d/fd/3", client.Process.Pid))
		thief.SysProcAttr, thief.Dir = as, "/"
		return thief.Run()
	}
	if opens() == nil {
		t.Error("a stranger opened the pipe")
	}
	if err := unix.Fchown(fds[1], 65533, 65533); err != nil {
		t.Fatal(err)
	}
	if err := opens(); err != nil {
		t.Errorf("the control, a pipe of the client's own user, cannot be opened: %v", err)
	}
}
