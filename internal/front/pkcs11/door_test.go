// SPDX-License-Identifier: Apache-2.0

package pkcs11

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
)

type doubleCore struct {
	peers chan Peer
	fail  error
}

func (c *doubleCore) Introduce(f, answers *os.File, p Peer) error {
	if c.fail != nil {
		f.Close()
		return c.fail
	}
	to := answers
	if answers == nil {
		to = f
	}
	go func() { // the core's end: echo
		defer f.Close()
		defer to.Close()
		io.Copy(to, f)
	}()
	c.peers <- p
	return nil
}

func open(t *testing.T, core Core, pipes bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	d := &Door{Core: core, Log: slog.New(slog.DiscardHandler), Pipes: pipes}
	go func() { done <- d.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestClientGetsItsOwnEndAndTheHostStepsAside(t *testing.T) {
	t.Run("socket", func(t *testing.T) { introduced(t, false) })
	t.Run("socket and pipe", func(t *testing.T) { introduced(t, true) })
}

func introduced(t *testing.T, pipes bool) {
	core := &doubleCore{peers: make(chan Peer, 1)}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: open(t, core, pipes)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	data, oob := make([]byte, 16), make([]byte, 64)
	n, oobn, _, _, err := conn.ReadMsgUnix(data, oob)
	if err != nil || string(data[:n]) != "GNBU\x01" {
		t.Fatalf("greeting %q, %v", data[:n], err)
	}
	if p := <-core.peers; p.UID != uint32(os.Getuid()) || p.PID != uint32(os.Getpid()) {
		t.Errorf("the core was told of peer %+v", p)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 && !pipes || len(fds) != 2 && pipes {
		t.Fatalf("descriptors %v, %v", fds, err)
	}
	channel := os.NewFile(uintptr(fds[0]), "channel") // the socket is the first, for libraries that know of no pipes
	defer channel.Close()
	answers := channel
	if pipes {
		answers = os.NewFile(uintptr(fds[1]), "answers")
		defer answers.Close()
	}
	if _, err := channel.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(answers, back); err != nil || string(back) != "hello" {
		t.Errorf("the channel answered %q, %v", back, err)
	}
	if n, _ := conn.Read(data); n != 0 {
		t.Error("the introduction's own connection stays open")
	}
}

func TestClientIsToldWhyThereIsNoCore(t *testing.T) {
	conn, err := net.Dial("unix", open(t, &doubleCore{fail: fault.Unavailable.At("introduce")}, false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	want := []byte{'G', 'N', 'B', 'U', 0, byte(fault.Unavailable), 0}
	if err != nil || string(got) != string(want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
