// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// TestHistoriesUnderFaultsAreThoseOfOneMachine runs seeded schedules of faults against clusters of three and of five while clients
// at every node and behind an agent work with the same keys, and machines join and leave. Each history is judged: whatever a client
// was answered must be what a single machine could have answered, doing one thing after the other. So no key that was answered is
// lost, none signs after its suspension or destruction was answered, and every node says the same.
//
// GENBU_SEED replays one schedule, or GENBU_SCHEDULES from it on; GENBU_SCHEDULES says how many (30; in the long run 200).
func TestHistoriesUnderFaultsAreThoseOfOneMachine(t *testing.T) {
	first, count := uint64(1), 30
	if os.Getenv("GENBU_SOAK") != "" {
		count = 200
	}
	if n, err := strconv.ParseUint(os.Getenv("GENBU_SEED"), 10, 64); err == nil {
		first, count = n, 1
	}
	if n, err := strconv.Atoi(os.Getenv("GENBU_SCHEDULES")); err == nil {
		count = n
	}
	seeds := map[ground][]uint64{}
	for seed := first; seed < first+uint64(count); seed++ {
		g := groundOf(seed)
		seeds[g] = append(seeds[g], seed)
	}
	// Most of a schedule is waiting, for leases above all: three clusters take hardly longer than one.
	for g, list := range seeds {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			f := newField(t, g.size)
			total := tally{byKind: map[string]int{}}
			for _, seed := range list {
				if f.schedule(seed, &total); t.Failed() {
					break
				}
			}
			total.print(t)
		})
	}
}

// ground is one of the clusters on which the schedules run, each one after the other.
type ground struct {
	name string
	size int
}

// groundOf is where a seed's schedule runs.
func groundOf(seed uint64) ground {
	switch seed % 4 {
	case 0:
		return ground{"5 nodes", 5}
	case 2:
		return ground{"3 nodes, even seeds", 3}
	}
	return ground{"3 nodes, odd seeds", 3}
}

// tally sums up what the schedules saw.
type tally struct {
	schedules, operations, unknown, faults, keys int
	byKind                                       map[string]int
	hiccups                                      []string
}

func (a *tally) print(t *testing.T) {
	t.Logf("%s: %d schedules, %d faults, %d operations (%d of unknown outcome), %d keys", t.Name(), a.schedules, a.faults, a.operations, a.unknown, a.keys)
	for _, kind := range slices.Sorted(maps.Keys(a.byKind)) {
		t.Logf("%5d %s", a.byKind[kind], kind)
	}
	t.Logf("idempotent calls through the agent that failed while at most one node was lost: %d", len(a.hiccups))
	for i, h := range a.hiccups {
		if i < 10 {
			t.Log(h)
		}
	}
}

const operations = 260

// schedule runs one seed.
func (f *field) schedule(seed uint64, total *tally) {
	t, size, began := f.t, len(f.all()), time.Now()
	w := &workload{began: time.Now(), seed: seed, limit: operations}
	var clients sync.WaitGroup
	for i := range size + 2 {
		c := &caller{number: i, socket: func() string { return f.agent }, agent: true, work: w}
		if i < size {
			c.socket, c.agent = func() string { return f.at(i).socket() }, false
		}
		clients.Go(c.run)
	}
	ended := make(chan struct{})
	go func() { clients.Wait(); close(ended) }()

	events := plan(seed, size)
	single := true
	for i := range events {
		e := &events[i]
		w.wait(e.from, ended)
		f.prepare(e.change)
		b := &blow{f: f, who: f.all(), i: e.place, draw: e.draw, step: e.step}
		if e.leader {
			if leads := f.leads(); leads >= 0 {
				b.i = leads
			}
		}
		t.Logf("seed %d: %s", seed, e.describe(b.hit().node))
		single = single && e.single
		e.begin(b)
		changed := make(chan struct{})
		go func() { defer close(changed); f.carryOut(e.change, b.i) }()
		w.wait(e.to, ended)
		e.end(b)
		<-changed
		if f.at(b.i) != b.hit() {
			b.hit().leave()
		}
		total.byKind[e.name]++
		total.faults++
		if e.change != stay {
			total.byKind["  while "+e.change.String()]++
		}
	}
	<-ended
	if f.spare != nil {
		f.leave()
	}
	f.at(0).stands(size)
	if !t.Failed() {
		f.inspect(w)
		f.judge(w, seed)
	}

	total.schedules++
	total.keys += len(w.keys)
	total.operations += len(w.history) + len(w.pending)
	total.unknown += len(w.pending)
	if single {
		for _, h := range w.hiccups {
			total.hiccups = append(total.hiccups, fmt.Sprintf("seed %d, %s", seed, h))
		}
	}
	t.Logf("seed %d took %v", seed, time.Since(began).Round(100*time.Millisecond))
}

// leads is the place of the machine that leads, as the first of them to answer says; -1 when none does.
func (f *field) leads() int {
	all := f.all()
	for _, m := range all {
		s, err := m.look()
		if err != nil {
			continue
		}
		for _, n := range s.Nodes {
			for i := range all {
				if n.Role == "leader" && n.Name == all[i].node {
					return i
				}
			}
		}
	}
	return -1
}

// wait returns once so many operations have begun, or all are done.
func (w *workload) wait(n int64, ended <-chan struct{}) {
	for w.count.Load() < n {
		select {
		case <-ended:
			return
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// inspect reads every key at every node, now that all are well; what is read belongs to the history.
func (f *field) inspect(w *workload) {
	for i, m := range f.all() {
		c := &caller{number: 10 + i, socket: m.socket, work: w}
		eventually(f.t, "a login at "+m.address, func() bool { return c.connect() == nil })
		for _, k := range w.keys {
			for _, v := range []verb{read, sign_} {
				from := w.now()
				out, err := c.do(v, k, "")
				for retry := time.Now().Add(patience); err != nil && time.Now().Before(retry); {
					time.Sleep(200 * time.Millisecond)
					c.hangUp()
					if err = c.connect(); err == nil {
						from = w.now()
						out, err = c.do(v, k, "")
					}
				}
				if err != nil {
					f.t.Errorf("%s of key %d at %s once all is well: %v (%v)", v, k.number, m.address, err, fault.Of(err))
					continue
				}
				w.note(c.number, input{key: k.number, verb: v}, out, from)
			}
		}
		f.findAgain(c, w)
		c.hangUp()
	}
}

// findAgain finds by its label every key that is still there and whose label is known.
func (f *field) findAgain(c *caller, w *workload) {
	found, err := c.session.FindAll(client.Template{client.ULong(key.AttrClass, key.ClassSecret)})
	if err != nil {
		f.t.Errorf("find at the end: %v", err)
		return
	}
	handles := map[uint64]bool{}
	for _, o := range found {
		handles[o.Handle] = true
	}
	for _, k := range w.keys {
		out, err := c.do(read, k, "")
		if err == nil && (out.outcome == done) != handles[k.handle] {
			f.t.Errorf("key %d: read says %s, find says %v", k.number, out.outcome, handles[k.handle])
		}
	}
}

// judge has the history checked, and keeps a picture of one that no single machine could have made.
func (f *field) judge(w *workload, seed uint64) {
	t := f.t
	for _, wrong := range w.wrong {
		t.Errorf("seed %d: %s", seed, wrong)
	}
	history := w.whole()
	result, info := porcupine.CheckOperationsVerbose(model, history, time.Minute)
	if result == porcupine.Ok {
		return
	}
	for _, part := range model.Partition(history) {
		if porcupine.CheckOperations(model, part) {
			continue
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		for _, o := range part {
			t.Logf("client %4d  %9.3f-%9.3f ms  %s", o.ClientId, float64(o.Call)/1e6, float64(o.Return)/1e6, model.DescribeOperation(o.Input, o.Output))
		}
	}
	dir, err := os.MkdirTemp("", "genbu-history-")
	must(t, err)
	path := filepath.Join(dir, fmt.Sprintf("seed-%d.html", seed))
	if err := porcupine.VisualizePath(model, info, path); err != nil {
		t.Log(err)
	}
	t.Errorf("seed %d: the history is %v; it is drawn in %s\nagain: GENBU_SEED=%d go test -run TestHistories ./systemtest/cluster", seed, result, path, seed)
}
