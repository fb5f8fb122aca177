// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// reply is an answer on the connection that it came by; done gives that back when the answer has been passed on.
type reply struct {
	answer
	conn   *conn
	mirror *mirror // nil: no application was named on the connection
}

func (r *reply) done() {
	if r.conn == nil {
		return
	}
	r.conn.node.flight.Add(-1)
	if r.mirror != nil {
		r.mirror.give(r.conn)
	} else {
		r.conn.node.back(r.conn)
	}
}

// result is how one node fared with a request.
type result struct {
	reply
	node *node
	err  error
	sent time.Time
}

// race is a request that may be made twice, on its way to several nodes at once: the first answer wins, and what the others
// still say is read and dropped.
type race struct {
	agent   *Agent
	app     *app // nil: no application is needed
	need    need
	request request
	kind    *expectation
	results chan *result

	mu    sync.Mutex
	over  bool               // guarded by mu
	conns map[*conn]struct{} // guarded by mu: on which the request was sent and not answered
	body  []byte             // the request's own copy, zeroed by the last of its users
	users int                // guarded by mu

	// The following are run's own.
	tried map[*node]bool // nodes asked in this round; true while one is waited for
	out   int            // how many are
}

// run asks nodes until one answers. first is a try that is under way already, nil for none.
func (r *race) run(ctx context.Context, first *result) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r.body = append([]byte(nil), r.request.body...)
	r.results = make(chan *result, maxNodes)
	r.conns = make(map[*conn]struct{})
	r.tried = make(map[*node]bool)
	r.users = 1
	defer r.finish()
	started, pause, late := time.Now(), 5*time.Millisecond, r.request.late(r.kind)
	timer := time.NewTimer(late)
	defer timer.Stop()
	var last error
	if first != nil {
		r.await(ctx, first)
		if !r.mayHedge() || !r.ask(ctx, healthRefusing) {
			timer.Reset(hedgeLeast)
		}
	} else {
		r.ask(ctx, healthDown)
	}
	for {
		for r.out == 0 && !r.ask(ctx, healthDown) { // every node has failed: begin again, after a while
			if last != nil && !worthWaiting(fault.Of(last), time.Since(started)) {
				return nil, last
			}
			if time.Since(started) > r.agent.patience || ctx.Err() != nil {
				return nil, giveUp(last)
			}
			r.app.refusedByAll()
			select {
			case <-time.After(pause):
			case <-r.agent.news():
			case <-ctx.Done():
			}
			pause = min(2*pause, 200*time.Millisecond)
			clear(r.tried)
			last = nil
		}
		select {
		case got := <-r.results:
			r.out--
			r.tried[got.node] = false
			if got.err == nil && !moves(got.code) {
				r.agent.observe(got.node, kind{r.request.call, r.request.mechanism}, time.Since(got.sent))
				return &got.reply, nil
			}
			err := got.err
			if err == nil {
				err = got.code.At("agent: ask node " + got.node.label())
				got.node.refuses(got.code)
				got.reply.done()
			}
			if final(err) {
				return nil, err
			}
			if answered(err) {
				last = err
			}
			r.ask(ctx, healthRefusing)
			timer.Reset(late)
		case <-timer.C:
			if r.mayHedge() && r.ask(ctx, healthRefusing) {
				timer.Reset(late)
			} else {
				timer.Reset(hedgeLeast)
			}
		case <-ctx.Done():
			return nil, giveUp(last)
		}
	}
}

// mayHedge tells whether a second node may be asked although nothing failed: freely when one that is waited for is suspect,
// else as far as the budget goes.
func (r *race) mayHedge() bool {
	for n, waiting := range r.tried {
		if waiting && n.suspected() {
			return true
		}
		if waiting {
			n.check() // it may be stopped: find out
		}
	}
	return r.agent.hedges.spend()
}

// ask sends the request to one more node that is no worse than worst; false when there is none left.
func (r *race) ask(ctx context.Context, worst health) bool {
	n := r.agent.pick(r.app, r.need, worst, func(n *node) bool { _, tried := r.tried[n]; return tried })
	if n == nil {
		return false
	}
	for t, waiting := range r.tried {
		if waiting {
			t.hedged.Add(1)
		}
	}
	r.enter(n)
	got := &result{node: n}
	r.agent.work.Go(func() {
		r.try(ctx, got)
		r.deliver(got)
	})
	return true
}

// await goes on with a try whose request is sent.
func (r *race) await(ctx context.Context, got *result) {
	r.enter(got.node)
	r.mu.Lock()
	r.conns[got.conn] = struct{}{}
	r.mu.Unlock()
	r.agent.work.Go(func() {
		r.receive(ctx, got)
		r.deliver(got)
	})
}

func (r *race) enter(n *node) {
	r.tried[n] = true
	r.out++
	r.mu.Lock()
	r.users++
	r.mu.Unlock()
}

// try brings the request to a node, with all that must come before it.
func (r *race) try(ctx context.Context, got *result) {
	if r.app == nil {
		got.conn, got.err = got.node.connect(ctx)
	} else {
		got.mirror, got.conn, got.err = r.app.ready(ctx, got.node, r.need, false)
	}
	if got.err != nil {
		return
	}
	r.mu.Lock()
	over := r.over
	if !over {
		r.conns[got.conn] = struct{}{}
	}
	r.mu.Unlock()
	got.node.flight.Add(1)
	if over {
		got.err = errUnsent
		return
	}
	got.sent = time.Now()
	if got.err = got.conn.send(r.request.call, r.body); got.err != nil {
		return
	}
	r.receive(ctx, got)
}

func (r *race) receive(ctx context.Context, got *result) {
	got.answer, got.err = got.conn.receive(until(ctx, callTime), false)
	if got.err == nil && r.app != nil {
		got.err = got.mirror.heed(got.code, r.request.session)
	}
}

// deliver hands a result to run, or drops it when another was first.
func (r *race) deliver(got *result) {
	r.mu.Lock()
	delete(r.conns, got.conn)
	r.mu.Unlock()
	if got.err != nil && got.conn != nil {
		settleConn(got.conn, got.err)
		got.reply.done()
		got.conn = nil
	}
	r.mu.Lock()
	over := r.over
	if !over {
		r.results <- got // there is room for a result of each node
	}
	r.mu.Unlock()
	if over && got.conn != nil {
		got.reply.done()
	}
	r.leave()
}

// settleConn decides what becomes of a connection on which an exchange failed.
func settleConn(c *conn, err error) {
	if err == errLate {
		c.over = true // its answer may still come
	}
	if c.over {
		c.node.check()
	}
}

// finish ends the race: tries that are still out have some time to bring their connection into order.
func (r *race) finish() {
	r.mu.Lock()
	r.over = true
	limit := time.Now().Add(drainTime)
	for c := range r.conns {
		c.limit.Store(limit.UnixNano())
		c.stream.SetReadDeadline(limit)
	}
	r.mu.Unlock()
	for {
		select {
		case got := <-r.results: // it came between the winner and the end
			if got.conn != nil {
				got.reply.done()
			}
			continue
		default:
		}
		break
	}
	r.leave()
}

func (r *race) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users--; r.users == 0 {
		clear(r.body)
	}
}
