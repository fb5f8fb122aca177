// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// pipe is a channel whose far end the test speaks.
type pipe struct{ net.Conn }

func (pipe) Raw() (syscall.RawConn, error) { return nil, errUnsent }

func (pipe) Remote() bool { return false }

func frameOf(call wire.Call, seq uint32, body []byte) []byte {
	var w wire.Writer
	w.U32(uint32(wire.RequestHeader - 4 + len(body)))
	w.U16(uint16(call))
	w.U16(0)
	w.U32(seq)
	w.Raw(body)
	return w.B
}

func TestNothingOfACallStaysInTheAgentsBuffers(t *testing.T) {
	secret := []byte("a-pin-or-plaintext-that-is-searched-for")
	for _, size := range []int{0, 3000, 100_000} { // beyond the buffers' first and resting sizes
		body := append(bytes.Repeat([]byte("secret! "), size/8), secret...)
		near, far := net.Pipe()
		var large atomic.Int64
		l := newLink(near, &large)
		go far.Write(frameOf(wire.CallLogin, 1, body))
		f, err := l.Next()
		if err != nil || !bytes.Equal(f.Body, body) {
			t.Fatal(err)
		}
		in, _ := l.Held()
		up, core := net.Pipe()
		c := &conn{stream: pipe{up}, node: &node{}}
		go func() {
			got := make([]byte, wire.RequestHeader+len(body))
			io.ReadFull(core, got)
			var w wire.Writer
			w.U32(uint32(wire.ResponseHeader - 4 + len(body)))
			w.U16(uint16(wire.CallLogin))
			w.U16(0)
			w.U32(1)
			w.U64(9)
			w.Bool(false)
			w.Raw(got[wire.RequestHeader:])
			core.Write(w.B)
		}()
		if err := c.send(f.Call, f.Body); err != nil {
			t.Fatal(err)
		}
		out := c.out.B[:cap(c.out.B)]
		a, err := c.receive(time.Now().Add(time.Minute), false)
		if err != nil || a.code != fault.OK || !bytes.Equal(a.body, body) {
			t.Fatal(a.code, err)
		}
		back := c.in
		if !bytes.Contains(in, secret) || !bytes.Contains(back, secret) {
			t.Fatal("control: the secret is in no buffer while the call goes on")
		}
		go io.Copy(io.Discard, far)
		if err := l.answer(f, a); err != nil {
			t.Fatal(err)
		}
		c.wipe()
		for name, b := range map[string][]byte{"client's request": in, "client's answer": l.out[:cap(l.out)], "node's request": out, "node's answer": back} {
			if bytes.Contains(b, []byte("secret!")) || bytes.Contains(b, secret) {
				t.Errorf("%d bytes: the buffer of the %s still has the secret", size, name)
			}
		}
		if large.Load() != 0 {
			t.Errorf("%d bytes of large requests are still counted", large.Load())
		}
		near.Close()
		up.Close()
	}
}
