// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// channel is one client's connection: its goroutine owns every field.
type channel struct {
	agent *Agent
	peer  pkcs11.Peer
	link  *link
	app   *app // nil before HELLO
}

// serve answers the requests that come over conn until it ends.
func (a *Agent) serve(conn net.Conn, peer pkcs11.Peer) {
	c := &channel{agent: a, peer: peer, link: newLink(conn, &a.large)}
	defer c.link.end()
	defer func() {
		if c.app != nil {
			c.app.leave()
		}
	}()
	for {
		f, err := c.link.Next()
		skip, skipping := err.(*wire.Skipped)
		switch {
		case skipping:
			err = c.link.refuse(f, skip.Code.At("agent: read frame"))
		case err == nil:
			err = c.answer(f)
		}
		if err != nil {
			return
		}
	}
}

// answer runs one request. An error ends the channel.
func (c *channel) answer(f wire.Request) error {
	got, err := c.run(f)
	if err != nil {
		return c.link.refuse(f, err)
	}
	err = c.link.answer(f, got.answer)
	got.done()
	return err
}

func (c *channel) run(f wire.Request) (*reply, error) {
	q, err := parse(f.Call, f.Body)
	if err != nil {
		return nil, err
	}
	ctx := c.agent.ctx
	switch q.row.place {
	case placeHere:
		return q.row.run(c, ctx, q)
	case placeNode:
		return c.agent.anywhere(ctx, nil, need{}, q)
	case placeRefused:
		return nil, fault.Unsupported.At("agent: " + q.call.String() + " is about one node; ask that node")
	}
	x := c.app
	if x == nil {
		return nil, fault.AppUnknown.At("agent: no hello was said")
	}
	if err := x.enter(); err != nil {
		return nil, err
	}
	defer x.exit()
	busy := false
	if q.row.session {
		x.mu.Lock()
		s := x.sessions[q.session]
		if s != nil {
			busy = s.ops != 0
		}
		x.mu.Unlock()
		if s == nil {
			return nil, fault.SessionUnknown.At("agent: find session")
		}
	}
	if q.row.run != nil {
		return q.row.run(c, ctx, q)
	}
	what := need{session: q.session, every: q.row.manage}
	if q.row.place == placeAnywhere && !q.held && !busy {
		return c.agent.anywhere(ctx, x, what, q)
	}
	got, err := x.atHome(ctx, what, q)
	if err == nil && got.code == fault.OK {
		x.learn(q, got)
	}
	return got, err
}

// learn takes note of session objects that a call made or destroyed.
func (x *app) learn(q request, got *reply) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if q.call == wire.CallDestroy && q.held {
		r := wire.NewReader(q.body)
		r.U64()
		delete(x.objects, r.U64())
		return
	}
	if !makesObjects(q.row.spec) || x.home != got.mirror {
		return
	}
	for _, o := range made(q.row.spec.Response, got.body) {
		if len(x.objects) < maxSessionObjects {
			x.objects[o.handle] = held{session: q.session, private: o.private}
		}
	}
}

// ok is an answer of the agent's own.
func ok(body []byte) *reply { return &reply{answer: answer{body: body}} }
