// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func opaqueOf(s string) opaque.Bytes { return opaque.New([]byte(s)) }

func TestASecondNodeIsAskedSoonForWhatIsFastAndLateForWhatIsSlow(t *testing.T) {
	e := &expectation{}
	if e.late() != hedgeMost {
		t.Errorf("before anything is known: %v", e.late())
	}
	for range 100 {
		e.observe(200 * time.Microsecond)
	}
	if e.late() != hedgeLeast {
		t.Errorf("after calls of 0.2 ms: %v", e.late())
	}
	for range 200 {
		e.observe(30 * time.Millisecond)
	}
	if d := e.late(); d < 30*time.Millisecond || d > hedgeMost {
		t.Errorf("after calls of 30 ms: %v", d)
	}
	for range 500 {
		e.observe(2 * time.Second)
	}
	if d := e.late(); d < 3*time.Second {
		t.Errorf("a mechanism that takes 2 s is asked of a second node after %v", d)
	}
}

func TestHedgesAreAShareOfTheCalls(t *testing.T) {
	var b budget
	spent := 0
	for range 1000 {
		b.earn()
		if b.spend() {
			spent++
		}
	}
	if spent < 50 || spent > 100 {
		t.Errorf("%d of 1000 calls were hedged", spent)
	}
	for range 10000 {
		b.earn()
	}
	burst := 0
	for b.spend() {
		burst++
	}
	if burst != hedgeBurst {
		t.Errorf("a burst of %d", burst)
	}
}

func TestTheTableOfExpectationsIsBounded(t *testing.T) {
	var table expectations
	for m := range uint64(3 * maxKinds) {
		table.of(kind{wire.CallSign, m}).observe(time.Millisecond)
	}
	if n := table.count.Load(); n > maxKinds+1 {
		t.Errorf("a client made the agent keep %d kinds", n)
	}
}

func TestANodesCostFollowsHowItAnswers(t *testing.T) {
	var c cost
	if c.value() != 1 {
		t.Errorf("a new node costs %v", c.value())
	}
	for range 100 {
		c.observe(3*time.Millisecond, float64(time.Millisecond))
	}
	if v := c.value(); v < 2.5 || v > 3.1 {
		t.Errorf("three times as slow costs %v", v)
	}
	for range 100 {
		c.observe(time.Millisecond, float64(time.Millisecond))
	}
	if v := c.value(); v > 1.1 {
		t.Errorf("well again costs %v", v)
	}
}
