// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestCallsSpreadOverTheNodes(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	signOn(t, s, "every node has signed", func() bool {
		return list[0].count(wire.CallSign) > 0 && list[1].count(wire.CallSign) > 0 && list[2].count(wire.CallSign) > 0
	})
	logins := list[0].count(wire.CallLogin) + list[1].count(wire.CallLogin) + list[2].count(wire.CallLogin)
	if logins != 1 {
		t.Errorf("the PIN went out %d times", logins)
	}
}

func TestAnApplicationKeepsItsSessionWhileNodesDieOneAfterAnother(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	signOn(t, s, "the application is known everywhere", func() bool {
		return list[0].count(wire.CallSign) > 0 && list[1].count(wire.CallSign) > 0 && list[2].count(wire.CallSign) > 0
	})
	for _, h := range list {
		h.kill()
		before := h.count(wire.CallSign)
		n := 0
		signOn(t, s, "others have signed", func() bool { n++; return n > 10 })
		h.start()
		signOn(t, s, "the node signs again", func() bool { return h.count(wire.CallSign) > before })
	}
}

func TestCallsGoOnWhileANodeIsStopped(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	_, s := k.dial()
	signOn(t, s, "the application is known everywhere", func() bool {
		return list[0].count(wire.CallSign) > 0 && list[1].count(wire.CallSign) > 0 && list[2].count(wire.CallSign) > 0
	})
	for _, h := range list {
		goOn := h.hang()
		n := 0
		signOn(t, s, "others have signed", func() bool { n++; return n > 10 })
		goOn()
		before := h.count(wire.CallSign)
		signOn(t, s, "the node signs again", func() bool { return h.count(wire.CallSign) > before })
	}
}

func TestACreationIsNeverRepeated(t *testing.T) {
	w, list := three(t)
	_, s := hire(t, nil, list...).dial()
	for _, h := range list {
		h.dies.Store(uint32(wire.CallCreate))
	}
	_, err := s.Create(client.Template{client.Bool(key.AttrToken, true)})
	if fault.Of(err) != fault.OutcomeUnknown {
		t.Errorf("a creation whose answer was lost: %v", err)
	}
	w.mu.Lock()
	if len(w.created) != 1 {
		t.Errorf("%d objects were made", len(w.created))
	}
	w.mu.Unlock()
	for _, h := range list {
		h.dies.Store(0)
	}
	if _, err := s.Create(client.Template{client.Bool(key.AttrToken, true)}); err != nil {
		t.Errorf("the next creation: %v", err)
	}
}

func TestACreationDoesNotBeginOnAConnectionThatHasEnded(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	h := homeOf(t, list)
	h.kill()
	h.start() // every idle connection to it is dead, and it does not know the application
	if _, err := s.Create(client.Template{client.Bool(key.AttrToken, true)}); err != nil {
		t.Errorf("a creation after its node restarted: %v", err)
	}
}

func TestANodeThatCannotServeIsPassedOver(t *testing.T) {
	for _, code := range []fault.Code{fault.Busy, fault.LeaseExpired, fault.Locked, fault.IndexNotReady, fault.Unavailable} {
		t.Run(code.String(), func(t *testing.T) {
			_, list := three(t)
			_, s := hire(t, func(c *Config) { c.Patience = "300ms" }, list...).dial()
			for _, h := range list[:2] {
				h.say(func(call wire.Call) fault.Code {
					if call == wire.CallSign {
						return code
					}
					return fault.OK
				})
			}
			for n := range 50 {
				if err := sign(s, n); err != nil {
					t.Fatal(err)
				}
			}
			list[2].kill()
			if err := sign(s, 0); code != fault.Unavailable && fault.Of(err) != code {
				t.Errorf("when every node says so the client hears %v", err)
			} else if err == nil {
				t.Error("somebody signed")
			}
		})
	}
}

func TestALateAnswerIsNotTakenForAnother(t *testing.T) {
	_, list := three(t)
	k := hire(t, nil, list...)
	_, s := k.dial()
	n := 0
	signOn(t, s, "the application is known", func() bool { n++; return n > 10 })
	for _, h := range list[:2] {
		slow := func(call wire.Call) time.Duration {
			if call == wire.CallSign {
				return 150 * time.Millisecond
			}
			return 0
		}
		h.slow.Store(&slow)
	}
	for n := range 40 {
		if err := sign(s, 1000+n); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range list[:2] {
		h.slow.Store(nil)
	}
	for n := range 100 { // by now the late answers have come, on connections that are used again
		if err := sign(s, 2000+n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALongRequestPassesWhole(t *testing.T) {
	_, list := three(t)
	_, s := hire(t, nil, list...).dial()
	data := bytes.Repeat([]byte("0123456789abcdef"), 12<<16)
	for range 3 {
		if got, err := s.Sign(client.Mech(1), fakeKey, data); err != nil || !bytes.Equal(got, signature(data)) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
	}
	if got, err := s.Random(3 << 20); err != nil || len(got) != 3<<20 {
		t.Errorf("a long answer: %d bytes, %v", len(got), err)
	}
	if _, err := s.Sign(client.Mech(1), fakeKey, make([]byte, 17<<20)); err == nil {
		t.Error("a request beyond the protocol's limit was taken")
	}
	if err := sign(s, 1); err != nil {
		t.Errorf("the channel does not go on: %v", err)
	}
}
