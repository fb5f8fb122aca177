// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// search is a scan role with what it looks for.
type search struct {
	*role
	t       *testing.T
	secrets []secret
	bytes   uint64 // looked at in all
	looks   int
}

func newSearch(t *testing.T, secrets []secret) *search {
	t.Helper()
	s := &search{role: start(t, "scan"), t: t}
	s.add(secrets)
	t.Cleanup(func() {
		t.Logf("searched for %d secrets: %d looks, %d MB", len(s.secrets), s.looks, s.bytes>>20)
	})
	return s
}

// add makes it look for more.
func (s *search) add(more []secret) {
	s.t.Helper()
	if len(more) > 0 {
		s.secrets = append(s.secrets, more...)
		s.ask(more, look{Paths: []string{}})
	}
}

func (s *search) ask(more []secret, l look) (f found) {
	s.t.Helper()
	s.tell(struct {
		More []secret
		Look look
	}{more, l})
	s.hear(&f)
	s.bytes += f.Scanned
	s.looks++
	return f
}

// nothing looks, and holds that it saw something, and found nothing.
func (s *search) nothing(where string, l look) {
	s.t.Helper()
	began := time.Now()
	f := s.ask(nil, l)
	s.t.Logf("%s: %d hits of %d needles in %d MB, %v", where, f.Total, f.Needles, f.Scanned>>20, time.Since(began).Round(time.Millisecond))
	if f.Scanned < 1<<16 || f.Needles < 16 {
		s.t.Errorf("%s: looked at %d bytes for %d needles; refused: %v", where, f.Scanned, f.Needles, f.Refused)
	}
	if f.Total == 0 {
		return
	}
	s.t.Errorf("%s: %d hits, of %d secrets: %v", where, f.Total, len(f.Secrets), f.Secrets)
	for i, h := range f.Hits {
		if i == 8 {
			break
		}
		s.t.Logf("  %s at %#x: %s", h.Where, h.Offset, h.Needle)
	}
}

// gone looks into the core a second after the last use. On a machine where the collector has to wait for a processor, what
// is found is looked for once more: late is not never.
func (s *search) gone(what string, n *node, only string) {
	s.t.Helper()
	core := look{Pids: []int{n.Core}, Only: only}
	time.Sleep(settled)
	if busy() {
		if f := s.ask(nil, core); f.Total > 0 {
			s.t.Logf("%s: %d hits a second after, on a busy machine", what, f.Total)
			time.Sleep(3 * time.Second)
		}
	}
	s.nothing("core, a second after: "+what, core)
}

// busy tells whether more than two threads wait for each processor.
func busy() bool {
	var load float64
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(text), &load)
	}
	return err == nil && load > 2*float64(runtime.NumCPU())
}

// plantIn runs the plant role to its end.
func plantIn(t *testing.T, n *node) (p planted) {
	t.Helper()
	began := time.Now()
	r := start(t, "plant")
	r.tell(n.dir)
	r.hear(&p)
	r.end()
	if trace := r.errs.String(); trace != "" {
		t.Log(trace)
	}
	t.Logf("planted %d keys, used in %d ways, %v; %d secrets", p.Keys, p.Uses, time.Since(began).Round(time.Millisecond), len(p.Secrets))
	if len(p.Unused) > 0 {
		t.Errorf("the module offers what no key was used for: %v", p.Unused)
	}
	return p
}

// underLoad runs f while 8 clients sign with planted keys, and answers how often they did.
func underLoad(t *testing.T, n *node, p planted, f func(clients []int)) (signed int) {
	t.Helper()
	var clients []*role
	var pids []int
	for range 8 {
		r := start(t, "load")
		r.tell(work{n.dir, p.Slot, p.PIN, p.Signers, masked("", 1, bytesOf(64))})
		clients, pids = append(clients, r), append(pids, r.cmd.Process.Pid)
	}
	for _, r := range clients {
		var ready bool
		r.hear(&ready)
	}
	f(pids)
	clients[0].cmd.Process.Kill() // one is gone in the middle of a request
	clients = clients[1:]
	for _, r := range clients {
		r.tell(true)
	}
	for _, r := range clients {
		done := 0
		r.hear(&done)
		r.end()
		signed += done
	}
	return signed
}

// rounds of a repeated look: a few, or for minutes.
func rounds() int {
	if os.Getenv("GENBU_SOAK") != "" {
		return 60
	}
	return 2
}
