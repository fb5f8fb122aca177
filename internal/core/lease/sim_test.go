// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/genbu-hsm/genbu/key"
)

// world is some cores over one store and a network that loses, delays and reorders, with clocks that run differently. Real
// time is nobody's clock; a node's own is rate/100 of it, from anywhere.
type world struct {
	t     *rapid.T
	nodes []*simNode
	now   int64
	store State // what is committed
	past  State // what was answered: who holds a lease must know it
	wire  []message
	cut   map[[2]int]bool

	strict bool // nobody believes the stores alone
}

type simNode struct {
	i        int
	m        *Machine
	rate     int64
	offset   int64
	held     State
	captured bool // its host withholds what others changed
	epoch    byte
	barriers []*waiting
}

// waiting is an act that has been committed and not been answered.
type waiting struct {
	b         *Barrier
	partition key.ID
	counter   uint64
	given     int64 // when it is given up, on the node's clock
}

type message struct {
	from, to int
	deliver  func(to *simNode)
}

var (
	partitions = []key.ID{{0xa}, {0xb}}
	birth      = key.ID{1}
)

const length = 3 * second

func nodeID(i int) key.ID { return key.ID{0xf, byte(i)} }

func (n *simNode) clock(w *world) int64 { return w.now*n.rate/100 + n.offset }

func newWorld(t *rapid.T, size int) *world {
	w := &world{t: t, store: State{}, past: State{}, cut: map[[2]int]bool{}}
	for _, p := range partitions {
		w.store[p], w.past[p] = 1, 1
	}
	for i := range size {
		n := &simNode{i: i, rate: rapid.Int64Range(90, 110).Draw(t, "rate"), offset: rapid.Int64Range(0, 100*second).Draw(t, "offset")}
		w.nodes = append(w.nodes, n)
		w.start(n)
	}
	return w
}

// start begins a run of a node's core.
func (w *world) start(n *simNode) {
	n.epoch++
	n.barriers, n.held = nil, State{}
	for _, p := range partitions {
		n.held[p] = w.read(n, p, 1)
	}
	n.m = New(nodeID(n.i), key.ID{n.epoch, byte(n.i)}, birth, n.clock(w))
	n.m.strict = w.strict
	r := Roster{Length: length, Longest: length}
	for _, o := range w.nodes {
		r.Members = append(r.Members, nodeID(o.i))
	}
	n.m.SetRoster(n.clock(w), r)
}

// roster tells all who there is, once all are made.
func (w *world) roster() {
	for _, n := range w.nodes {
		w.start(n)
	}
}

// read is what a node's host says of a head, which its core believes from `least` on.
func (w *world) read(n *simNode, p key.ID, least uint64) uint64 {
	if n.captured {
		if v := rapid.Uint64Range(1, w.store[p]).Draw(w.t, "old"); v >= least {
			return v
		}
		return 0
	}
	return w.store[p]
}

// catchUp loads what a node lacks, as far as its host gives it.
func (w *world) catchUp(n *simNode, p key.ID) {
	n.held[p] = max(n.held[p], w.read(n, p, max(n.held[p], n.m.Known(p))))
}

func (w *world) send(from, to int, deliver func(*simNode)) {
	w.wire = append(w.wire, message{from, to, deliver})
}

// ask sends the question, and the answer back.
func (w *world) ask(from, to *simNode) {
	sent, epoch := from.clock(w), from.epoch
	q := from.m.Ask(sent, clone(from.held))
	q.State = clone(q.State)
	w.send(from.i, to.i, func(to *simNode) {
		a, ahead, err := to.m.Asked(to.clock(w), nodeID(from.i), q, to.held)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, c := range ahead {
			w.catchUp(to, c.Partition)
		}
		w.send(to.i, from.i, func(from *simNode) {
			if from.epoch != epoch {
				return // the link ended with the core
			}
			for _, c := range from.m.Answered(from.clock(w), sent, nodeID(to.i), q, a) {
				w.catchUp(from, c.Partition)
			}
		})
	})
}

// change commits something that can take away, and begins to tell.
func (w *world) change(n *simNode, p key.ID) {
	if n.held[p] != w.store[p] {
		w.catchUp(n, p) // the store would answer Conflict
		return
	}
	w.store[p]++
	n.held[p] = w.store[p]
	now := n.clock(w)
	n.barriers = append(n.barriers, &waiting{n.m.Begin(now, p, n.held[p]), p, n.held[p], now + 10*length})
}

// tell sends a barrier's words to one node.
func (w *world) tell(from *simNode, x *waiting, to *simNode) {
	sent, epoch := from.clock(w), from.epoch
	w.send(from.i, to.i, func(to *simNode) {
		if to.held[x.partition] == x.counter-1 { // the change record came along
			to.held[x.partition] = x.counter
		} else if to.held[x.partition] < x.counter {
			w.catchUp(to, x.partition)
		}
		if to.held[x.partition] < x.counter {
			return
		}
		ack := to.m.Heard(to.clock(w), x.partition, x.counter)
		w.send(to.i, from.i, func(from *simNode) {
			if from.epoch == epoch {
				from.m.Acked(from.clock(w), sent, nodeID(to.i), x.b, ack)
			}
		})
	})
}

func clone(s State) State {
	c := State{}
	for k, v := range s {
		c[k] = v
	}
	return c
}

// check holds what all this is for against every node: who has a lease knows all that was answered.
func (w *world) check() {
	for _, n := range w.nodes {
		rest := n.barriers[:0]
		for _, x := range n.barriers {
			now := n.clock(w)
			switch p := n.m.Progress(now, x.b); {
			case p.Done:
				w.past[x.partition] = max(w.past[x.partition], x.counter)
			case now < x.given:
				rest = append(rest, x)
			}
		}
		n.barriers = rest
	}
	for _, n := range w.nodes {
		if !n.m.valid(n.clock(w)) {
			continue
		}
		for _, p := range partitions {
			if n.held[p] < w.past[p] {
				w.t.Fatalf("node %d uses partition %x at %d after %d was answered", n.i, p[0], n.held[p], w.past[p])
			}
			if n.m.Known(p) < w.past[p] {
				w.t.Fatalf("node %d knows %d of partition %x after %d was answered", n.i, n.m.Known(p), p[0], w.past[p])
			}
		}
	}
}

func (w *world) any(name string) *simNode {
	return w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(w.t, name)]
}

// step does one thing; restart says which nodes' cores may be started anew.
func (w *world) step(restart func(n *simNode) bool) {
	switch rapid.SampledFrom([]string{"time", "time", "ask", "ask", "ask", "round", "round", "deliver", "deliver", "deliver", "deliver", "lose", "change", "tell", "tell",
		"tell", "cut", "heal", "restart"}).Draw(w.t, "step") {
	case "time":
		w.now += rapid.SampledFrom([]int64{1_000_000, 50_000_000, 300_000_000, second, 2 * second}).Draw(w.t, "by")
	case "ask":
		from, to := w.any("from"), w.any("to")
		if from != to {
			w.ask(from, to)
		}
	case "round": // everybody asks everybody, and all arrives that the network lets through
		for _, from := range w.nodes {
			for _, to := range w.nodes {
				if from != to {
					w.ask(from, to)
				}
			}
		}
		w.drain()
	case "deliver":
		w.deliver(rapid.IntRange(0, max(0, len(w.wire)-1)).Draw(w.t, "message"))
	case "lose":
		if len(w.wire) > 0 {
			i := rapid.IntRange(0, len(w.wire)-1).Draw(w.t, "lost")
			w.wire = append(w.wire[:i], w.wire[i+1:]...)
		}
	case "change":
		w.change(w.any("node"), rapid.SampledFrom(partitions).Draw(w.t, "partition"))
	case "tell":
		for _, n := range w.nodes {
			for _, x := range n.barriers {
				for _, id := range n.m.Progress(n.clock(w), x.b).Tell {
					w.tell(n, x, w.nodes[id[1]])
				}
			}
		}
	case "cut":
		w.cut[[2]int{w.any("from").i, w.any("to").i}] = true
	case "heal":
		clear(w.cut)
	case "restart":
		if n := w.any("node"); restart(n) {
			w.start(n)
		}
	}
	w.check()
}

func (w *world) deliver(i int) {
	if i >= len(w.wire) {
		return
	}
	m := w.wire[i]
	w.wire = append(w.wire[:i], w.wire[i+1:]...)
	if !w.cut[[2]int{m.from, m.to}] {
		m.deliver(w.nodes[m.to])
	}
	w.check()
}

func (w *world) drain() {
	for len(w.wire) > 0 {
		w.deliver(0)
	}
}

// settle lets everything heal, and sees that all get leases again.
func (w *world) settle() {
	clear(w.cut)
	for _, n := range w.nodes {
		n.captured = false
	}
	for range 3 * int(margin(length)/(length/4)) {
		w.now += length / 4
		for _, from := range w.nodes {
			for _, to := range w.nodes {
				if from != to {
					w.ask(from, to)
				}
			}
		}
		w.drain()
	}
	for _, n := range w.nodes {
		if !n.m.valid(n.clock(w)) {
			w.t.Fatalf("node %d has no lease although all is well", n.i)
		}
	}
}

func TestWhoHoldsALeaseKnowsAllThatWasAnswered(t *testing.T) {
	anybody := func(*simNode) bool { return true }
	nobody := func(*simNode) bool { return false }
	for _, c := range []struct {
		name     string
		captured int
		strict   bool
		restart  func(*simNode) bool
	}{
		{"cores restart, hosts are honest", 0, false, anybody},
		{"a host withholds and answers old heads", 1, false, nobody},
		{"all hosts withhold and answer old heads", 9, false, nobody},
		// Who knew, forgot and asks a host that lies learns from those who know. What all who knew forgot at once, only the
		// stores can say; so nobody begins again from the stores here.
		{"captured hosts restart their cores", 9, true, anybody},
	} {
		for _, size := range []int{2, 3, 5} {
			t.Run(fmt.Sprintf("%s, %d nodes", c.name, size), rapid.MakeCheck(func(t *rapid.T) {
				w := newWorld(t, size)
				w.roster()
				w.begin()
				w.strict = c.strict
				for i, n := range w.nodes {
					n.captured = i < c.captured
					n.m.strict = c.strict
				}
				for range rapid.IntRange(20, 120).Draw(t, "steps") {
					w.step(c.restart)
				}
				if !c.strict {
					w.settle()
				}
			}))
		}
	}
}

// begin lets the nodes of a new world get their first leases.
func (w *world) begin() {
	w.settle()
	w.wire = nil
}
