// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func TestAnAgentThatEndsFinishesWhatItBegan(t *testing.T) {
	w := newTown(t)
	h := w.house("a")
	k := hire(t, nil, h)
	_, s := k.dial()
	idle, err := client.Dial(k.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	slow := func(call wire.Call) time.Duration {
		if call == wire.CallSign {
			return 300 * time.Millisecond
		}
		return 0
	}
	h.slow.Store(&slow)
	got := make(chan error, 1)
	before := h.asked(wire.CallSign)
	go func() { got <- sign(s, 1) }()
	wait(t, "the call is under way", func() bool { return h.asked(wire.CallSign) > before })
	k.stop()
	if err := <-got; err != nil {
		t.Errorf("a call that was under way: %v", err)
	}
	if err := sign(s, 2); err == nil {
		t.Error("an agent that has ended answers")
	}
	if _, err := idle.Slots(); err == nil {
		t.Error("an idle channel outlived its agent")
	}
}

func TestTheAgentLeavesNoCoreDump(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	if err := harden(); err != nil {
		t.Fatal(err)
	}
	if v, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || v != 0 {
		t.Errorf("dumpable %d, %v", v, err)
	}
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("core dumps of %d bytes, %v", limit.Max, err)
	}
}
