// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// host listens on a unix socket and treats every caller as meet does.
func host(t *testing.T, meet func(c *net.UnixConn)) string {
	path := filepath.Join(t.TempDir(), "genbu.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			meet(c)
			c.Close()
		}
	}()
	return path
}

// handOver makes a channel whose far end answers HELLO, and sends the near end as the host does.
func handOver(t *testing.T, c *net.UnixConn, data []byte, answer func(core net.Conn)) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	c.WriteMsgUnix(data, syscall.UnixRights(fds[0]), nil)
	syscall.Close(fds[0])
	f := os.NewFile(uintptr(fds[1]), "core")
	core, err := net.FileConn(f)
	f.Close()
	if err != nil {
		t.Error(err)
		return
	}
	go answer(core)
}

func answerHello(core net.Conn) {
	buf := make([]byte, 200)
	core.Read(buf)
	var w, body wire.Writer
	body.Bytes([]byte("the secret"))
	body.Bytes(make([]byte, 16))
	body.U64(1234)
	w.U32(uint32(17 + len(body.B)))
	w.U16(uint16(wire.CallHello))
	w.U16(0)
	w.U32(1)
	w.U64(99)
	w.U8(0)
	w.Raw(body.B)
	core.Write(w.B)
}

func TestDialTakesTheChannelThatTheHostHandsOver(t *testing.T) {
	path := host(t, func(c *net.UnixConn) { handOver(t, c, []byte("GNBU\x01"), answerHello) })
	c, err := client.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if string(c.Secret) != "the secret" || c.Now != 1234 {
		t.Errorf("hello answered %q %d", c.Secret, c.Now)
	}
	d, err := client.Join(path, c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
}

func TestDialTellsWhyThereIsNoChannel(t *testing.T) {
	says := func(b string) func(c *net.UnixConn) { return func(c *net.UnixConn) { c.Write([]byte(b)) } }
	for name, c := range map[string]struct {
		meet func(c *net.UnixConn)
		want fault.Code
	}{
		"refused":       {says("GNBU\x00\x65\x00"), fault.Locked},
		"cut":           {says("GNBU\x00\x65"), fault.Malformed},
		"no descriptor": {says("GNBU\x01"), fault.Malformed},
		"other version": {func(c *net.UnixConn) { handOver(t, c, []byte("GNBU\x02"), answerHello) }, fault.Malformed},
		"other service": {says("HTTP/1.1"), fault.Malformed},
		"nothing":       {says(""), fault.Unavailable},
		"deaf core":     {func(c *net.UnixConn) { handOver(t, c, []byte("GNBU\x01"), func(core net.Conn) { core.Close() }) }, fault.Unavailable},
	} {
		_, err := client.Dial(host(t, c.meet))
		if fault.Of(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_, err := client.Dial(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("no socket: %v", err)
	}
}
