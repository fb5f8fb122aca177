// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func TestQueuesAreBounded(t *testing.T) {
	w := newTown(t)
	h := w.house("a")
	k := hire(t, func(c *Config) { c.QueuePerClient, c.Queue = 4, 6 }, h)
	c, s := k.dial()
	goOn := h.hang()
	defer goOn()
	results := make(chan error, 64)
	ask := func(secret []byte, s *client.Session, n int) {
		for range n {
			d, err := client.Join(k.socket, secret)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			go func() { results <- sign(s.On(d), 1) }()
		}
	}
	ask(c.Secret, s, 7)
	for range 3 {
		if err := <-results; fault.Of(err) != fault.Busy {
			t.Errorf("beyond a client's queue: %v", err)
		}
	}
	goOn()
	for range 4 {
		if err := <-results; err != nil {
			t.Errorf("within the queue: %v", err)
		}
	}
}

func TestACallWaitsForTheFirstNodeThatAnswers(t *testing.T) {
	_, list := three(t)
	list[0].kill()
	goOn := list[1].hang()
	defer goOn()
	list[2].kill()
	k := hire(t, nil, list...)
	c, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan error, 1)
	go func() {
		_, err := c.Slots()
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("answered without a node: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	list[2].start()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestWithoutNodesACallEndsAfterItsPatience(t *testing.T) {
	_, list := three(t)
	for _, h := range list {
		h.kill()
	}
	k := hire(t, func(c *Config) { c.Patience = "20ms" }, list...)
	c, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Slots(); fault.Of(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, err := c.Open(fakeSlot, true); fault.Of(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestCallsAboutOneNodeAreRefused(t *testing.T) {
	_, list := three(t)
	c, _ := hire(t, nil, list...).dial()
	if err := c.Lock(); fault.Of(err) != fault.Unsupported {
		t.Errorf("lock: %v", err)
	}
	if _, err := c.Status(); err != nil {
		t.Errorf("status: %v", err)
	}
}

func TestEveryCallHasAPlace(t *testing.T) {
	for _, spec := range wire.Calls {
		r := rows[spec.Call]
		if r == nil || r.place == placeUnknown {
			t.Errorf("%s has no place", spec.Name)
		}
	}
	for call := range special {
		if _, ok := call.Spec(); !ok {
			t.Errorf("call %x is not in the wire's table", uint16(call))
		}
	}
}
