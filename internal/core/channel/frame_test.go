// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// frame is a request as it goes over the wire.
func frame(call wire.Call, flags uint16, sequence uint32, body []byte) []byte {
	var w wire.Writer
	w.U32(uint32(8 + len(body)))
	w.U16(uint16(call))
	w.U16(flags)
	w.U32(sequence)
	w.Raw(body)
	return w.B
}

type answer struct {
	call     wire.Call
	code     fault.Code
	sequence uint32
	request  uint64
	body     []byte
}

// readAnswer reads one response; false when the channel has ended.
func readAnswer(c net.Conn) (a answer, ok bool) {
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return a, false
	}
	r := wire.NewReader(head)
	body := make([]byte, r.U32())
	if _, err := io.ReadFull(c, body); err != nil {
		return a, false
	}
	r = wire.NewReader(body)
	a.call, a.code, a.sequence, a.request = wire.Call(r.U16()), fault.Code(r.U16()), r.U32(), r.U64()
	r.Bool()
	a.body = r.Rest()
	return a, true
}

func TestEveryCallAnswersMalformedToABodyThatIsNone(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	var hello wire.Writer
	hello.U64(1)
	hello.U64(0)
	hello.U64(1)
	hello.Bytes(nil)
	c.Write(frame(wire.CallHello, 0, 1, hello.B))
	readAnswer(c)
	var seen uint64
	for _, spec := range wire.Calls {
		if spec.Manage != "" {
			continue // the module's
		}
		body := []byte{1, 2, 3}
		c.Write(frame(spec.Call, 0, 77, body))
		a, alive := readAnswer(c)
		if !alive || a.call != spec.Call || a.sequence != 77 || a.code != fault.Malformed || a.request == seen {
			t.Errorf("%s: %+v, alive %v", spec.Name, a, alive)
		}
		seen = a.request
		r := wire.NewReader(a.body)
		if reason, left := r.String(), r.U64(); reason == "" || left != ^uint64(0) || r.End() != nil {
			t.Errorf("%s: refusal %q %d", spec.Name, reason, left)
		}
	}
	c.Write(frame(0x7777, 0, 78, nil))
	if a, _ := readAnswer(c); a.code != fault.Unsupported || a.sequence != 78 {
		t.Errorf("an unknown call: %+v", a)
	}
	if len(w.module.log) == 0 || !strings.Contains(w.module.log[0], "malformed") {
		t.Errorf("logged %q", w.module.log)
	}
}

func TestEveryCallOfTheTableHasAHandler(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	for _, spec := range wire.Calls {
		c.Write(frame(spec.Call, 0, 1, nil))
		a, alive := readAnswer(c)
		if !alive && spec.Call == wire.CallAuditNote { // the double panics there
			c = w.raw()
			continue
		}
		if a.code == fault.Unsupported && spec.Manage == "" {
			t.Errorf("%s is not there", spec.Name)
		}
		if spec.Call == wire.CallAuditNote {
			c = w.raw()
		}
	}
}

func TestAWrongHeaderEndsTheChannel(t *testing.T) {
	w := newWorld(t)
	for name, b := range map[string][]byte{
		"flags":  frame(wire.CallSlots, 4, 1, nil),
		"length": {7, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0},
	} {
		c := w.raw()
		c.Write(b)
		if a, alive := readAnswer(c); alive {
			t.Errorf("%s: answered %+v", name, a)
		}
	}
	until(t, func() bool { return w.server.Count() == 0 })
}

func TestAFrameThatIsTooLongIsReadPast(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	long := frame(wire.CallSlots, 0, 5, make([]byte, 16<<20))
	go c.Write(append(long, frame(wire.CallSlots, 0, 6, nil)...))
	if a, _ := readAnswer(c); a.code != fault.Malformed || a.sequence != 5 {
		t.Errorf("%v %d", a.code, a.sequence)
	}
	if a, _ := readAnswer(c); a.code != fault.OK || a.sequence != 6 {
		t.Errorf("%v %d", a.code, a.sequence)
	}
}

func TestRequestsMayComeInPiecesAndTogether(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	two := append(frame(wire.CallSlots, 0, 1, nil), frame(wire.CallSlots, 0, 2, nil)...)
	go func() {
		for _, b := range two {
			c.Write([]byte{b})
		}
		c.Write(two)
		c.Write(frame(wire.CallDigest, 0, 9, make([]byte, 300_000)))
		c.Write(two)
	}()
	for _, want := range []uint32{1, 2, 1, 2, 9, 1, 2} {
		if a, alive := readAnswer(c); !alive || a.sequence != want {
			t.Fatalf("sequence %d, want %d", a.sequence, want)
		}
	}
}

func TestAPanicEndsItsChannelAlone(t *testing.T) {
	w := newWorld(t)
	c, other := w.dial(), w.user()
	err := c.AuditNote("the double panics")
	refused(t, err, fault.Internal)
	if _, err := c.Slots(); err == nil {
		t.Error("the channel goes on")
	}
	must(other.Random(1))(t)
	last := w.module.audit[len(w.module.audit)-1]
	if last.Call != wire.CallAuditNote || last.Refused != fault.Internal {
		t.Errorf("audited %+v", last)
	}
	until(t, func() bool { return w.server.Count() == 1 })
	if !slices.ContainsFunc(w.module.log, func(s string) bool { return strings.Contains(s, "(*module).Manage line ") }) {
		t.Errorf("logged %q", w.module.log)
	}
}

func TestABodyWithOneByteTooManyIsMalformed(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	c.Write(frame(wire.CallSlots, 0, 1, []byte{0}))
	if a, _ := readAnswer(c); a.code != fault.Malformed {
		t.Errorf("%v", a.code)
	}
}

func TestTheClientClosesAStreamItCannotFollow(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":    {1, 0, 0, 0, 0},
		"sequence": {17, 0, 0, 0, 2, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"surplus":  {22, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7},
		"eof":      {},
	} {
		mine, theirs := socketpair(t)
		go func() {
			buf := make([]byte, 100)
			theirs.Read(buf)
			theirs.Write(b)
			theirs.Close()
		}()
		c := client.New(mine)
		_, first := c.Slots()
		_, second := c.Slots()
		if first == nil || second == nil {
			t.Errorf("%s: %v, %v", name, first, second)
		}
	}
}
