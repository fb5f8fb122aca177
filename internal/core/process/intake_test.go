// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func channelHeader() []byte {
	var w wire.Writer
	w.U8(kindChannel)
	w.U8(1)
	w.U32(1000)
	w.U32(1001)
	w.U32(4711)
	return w.B
}

// FuzzHeader: no bytes make the parser fail in another way than Malformed, and a header has one form only.
func FuzzHeader(f *testing.F) {
	f.Add(channelHeader())
	f.Add([]byte{kindKeeper, 1})
	f.Add([]byte{kindKeeper, 2})
	f.Add([]byte{kindArrived, wire.DoorLink, 0, 0, 0, 0})
	f.Add(append([]byte{kindDialled}, make([]byte, 16)...))
	f.Add([]byte{5})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			if fault.Of(err) != fault.Malformed {
				t.Errorf("%v", err)
			}
			return
		}
		var w wire.Writer
		w.U8(h.kind)
		switch h.kind {
		case kindChannel:
			w.U8(h.door)
			w.U32(h.uid)
			w.U32(h.gid)
			w.U32(h.pid)
		case kindKeeper:
			w.Bool(h.write)
		case kindArrived:
			w.U8(h.purpose)
			w.U32(0)
		case kindDialled:
			w.PutID(h.id)
		}
		if string(w.B) != string(b) {
			t.Errorf("%x and %x are the same header", b, w.B)
		}
	})
}

// FuzzRights: ancillary data as a captured host could never send it, since the kernel makes it; but it is parsed.
func FuzzRights(f *testing.F) {
	f.Add(make([]byte, 15))
	f.Add([]byte{20, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) { rights(b) })
}

// posts is a host's end of descriptor 4, and the core's.
func posts(t *testing.T) (int, *os.File) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	in := os.NewFile(uintptr(p[1]), "intake")
	t.Cleanup(func() { in.Close() })
	return p[0], in
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	l, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(l)
}

func TestABadPacketIsRefusedAndKeepsNoDescriptor(t *testing.T) {
	host, in := posts(t)
	defer unix.Close(host)
	s, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s[0])
	defer unix.Close(s[1])
	file, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f := int(file.Fd())
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	before := countDescriptors(t)
	for name, c := range map[string]struct {
		data []byte
		fds  []int
	}{
		"no descriptor":               {channelHeader(), nil},
		"two sockets":                 {channelHeader(), []int{s[0], s[1]}},
		"a pipe first":                {channelHeader(), []int{pipe[1], s[0]}},
		"three descriptors":           {channelHeader(), []int{s[0], pipe[1], pipe[1]}},
		"a pipe beside a keeper":      {[]byte{kindKeeper, 0}, []int{f, pipe[1]}},
		"more than there is room for": {channelHeader(), []int{f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f}},
		"short":                       {channelHeader()[:9], []int{s[0]}},
		"long":                        {append(channelHeader(), make([]byte, 100)...), []int{s[0]}},
		"unknown kind":                {[]byte{9}, []int{s[0]}},
		"a file as a channel":         {channelHeader(), []int{f}},
		"a socket as a keeper":        {[]byte{kindKeeper, 0}, []int{s[0]}},
	} {
		var oob []byte
		if c.fds != nil {
			oob = unix.UnixRights(c.fds...)
		}
		if err := unix.Sendmsg(host, c.data, oob, nil, 0); err != nil {
			t.Fatal(err)
		}
		if p, err := receive(in); !errors.Is(err, fault.Malformed) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if n := countDescriptors(t); n != before {
			t.Errorf("%s: %d descriptors, before %d", name, n, before)
		}
	}
	if err := unix.Sendmsg(host, channelHeader(), unix.UnixRights(s[0]), nil, 0); err != nil {
		t.Fatal(err)
	}
	p, err := receive(in)
	if err != nil || p.Channel == nil || p.Keeper != nil || p.UID != 1000 || p.GID != 1001 || p.PID != 4711 || p.Door != 1 {
		t.Errorf("a good packet after the bad ones: %+v, %v", p, err)
	}
	p.Channel.Close()
	if err := unix.Sendmsg(host, channelHeader(), unix.UnixRights(s[0], pipe[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	if p, err = receive(in); err != nil || p.Channel == nil || !p.Channel.AnswerApart() {
		t.Errorf("a channel with a pipe: %+v, %v", p, err)
	}
	p.Channel.Close()
	if n := countDescriptors(t); n != before {
		t.Errorf("after channels were closed: %d descriptors, before %d", n, before)
	}
	unix.Close(host)
	if _, err := receive(in); err != io.EOF {
		t.Errorf("after the host's end: %v", err)
	}
}
