// SPDX-License-Identifier: Apache-2.0

// Package tpmtest gives tests a TPM 2.0 of their own: swtpm, in a process and a directory that end with the test. Where swtpm is
// not installed the test is skipped and says so.
package tpmtest

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TPM is one machine's. Other programs speak to it at Socket, one at a time.
type TPM struct {
	Socket string

	t     *testing.T
	dir   string
	stop  func()
	calls chan struct{} // one command at a time
}

// Start makes a TPM with a seed of its own.
func Start(t *testing.T) *TPM {
	t.Helper()
	if _, err := exec.LookPath("swtpm"); err != nil {
		t.Skip("swtpm is not installed (deploy/install-tools test), so nothing is shown with a TPM here")
	}
	dir, err := os.MkdirTemp("", "tpm") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	m := &TPM{Socket: filepath.Join(dir, "sock"), t: t, dir: dir, calls: make(chan struct{}, 1)}
	m.start()
	t.Cleanup(func() {
		m.stop()
		os.RemoveAll(dir)
	})
	return m
}

func (m *TPM) start() {
	m.t.Helper()
	cmd := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+m.dir, "--server", "type=unixio,path="+m.Socket, "--flags", "not-need-init,startup-clear")
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
		os.Remove(m.Socket)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("unix", m.Socket); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			m.t.Fatal("swtpm does not start")
		}
	}
}

// Reboot is what a power cut does to it: what it has for good stays, its registers begin anew.
func (m *TPM) Reboot() {
	m.t.Helper()
	m.stop()
	m.start()
}

// Exchange has it execute one command.
func (m *TPM) Exchange(command []byte) ([]byte, error) {
	m.calls <- struct{}{}
	defer func() { <-m.calls }()
	return At(m.Socket)(command)
}

// At executes commands at a TPM's socket, each in a connection of its own.
func At(socket string) func(command []byte) ([]byte, error) {
	return func(command []byte) ([]byte, error) { return execute(socket, command) }
}

func execute(socket string, command []byte) ([]byte, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write(command); err != nil {
		return nil, err
	}
	answer := make([]byte, 10)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	rest := make([]byte, max(0, int(binary.BigEndian.Uint32(answer[2:]))-len(answer)))
	_, err = io.ReadFull(conn, rest)
	return append(answer, rest...), err
}

// Extend changes a register of the SHA-256 bank, as another kernel or another boot loader would.
func (m *TPM) Extend(register uint32) {
	m.t.Helper()
	c := []byte{0x80, 2, 0, 0, 0, 65, 0, 0, 1, 0x82}
	c = binary.BigEndian.AppendUint32(c, register)
	c = append(c, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0B)
	c = append(c, make([]byte, 31)...)
	m.ask(append(c, 1))
}

// Clear forgets the owner's seed, as the firmware's menu does.
func (m *TPM) Clear() {
	m.t.Helper()
	m.ask([]byte{0x80, 2, 0, 0, 0, 27, 0, 0, 1, 0x26, 0x40, 0, 0, 0x0A, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0})
}

// OwnerPassword sets one.
func (m *TPM) OwnerPassword(password string) {
	m.t.Helper()
	c := []byte{0x80, 2, 0, 0, 0, byte(29 + len(password)), 0, 0, 1, 0x29, 0x40, 0, 0, 1, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, byte(len(password))}
	m.ask(append(c, password...))
}

// Persist leaves the object of a handle at 0x81000001, as a machine's installer does.
func (m *TPM) Persist(handle uint32) {
	m.t.Helper()
	c := []byte{0x80, 2, 0, 0, 0, 35, 0, 0, 1, 0x20, 0x40, 0, 0, 1}
	c = binary.BigEndian.AppendUint32(c, handle)
	m.ask(append(c, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0x81, 0, 0, 1))
}

func (m *TPM) ask(command []byte) {
	m.t.Helper()
	answer, err := m.Exchange(command)
	if err != nil || binary.BigEndian.Uint32(answer[6:]) != 0 {
		m.t.Fatalf("command %x: %x, %v", command, answer, err)
	}
}
