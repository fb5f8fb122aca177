// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const useDigest = 5

// use reads which operation of the session a call is about.
func (q *request) use() uint8 {
	switch q.call {
	case wire.CallBegin, wire.CallUpdate, wire.CallFinal, wire.CallCancel:
		r := wire.NewReader(q.body)
		r.U64()
		if u := r.U64(); u < 8 {
			return 1 << u
		}
		return 0
	}
	return 1 << useDigest
}

// begin starts an operation of several parts in the home: BEGIN, and RESTORE of a saved digest.
func (c *channel) begin(ctx context.Context, q request) (*reply, error) {
	got, err := c.app.atHome(ctx, need{session: q.session}, q)
	x := c.app
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.sessions[q.session]; s != nil {
		s.lost &^= q.use()
		if err == nil && got.code == fault.OK && x.home == got.mirror {
			s.ops |= q.use()
		}
	}
	return got, err
}

// part goes on with an operation, or ends it. One whose home is gone has ended.
func (c *channel) part(ctx context.Context, q request) (*reply, error) {
	x, use := c.app, q.use()
	x.mu.Lock()
	s := x.sessions[q.session]
	lost := s != nil && s.lost&use != 0
	if lost {
		s.lost &^= use
	}
	active := s != nil && s.ops&use != 0
	x.mu.Unlock()
	if lost && q.call == wire.CallCancel {
		return ok(nil), nil
	}
	if lost {
		return nil, errEnded
	}
	got, err := x.atHome(ctx, need{session: q.session}, q)
	x.mu.Lock()
	lost = s != nil && active && s.lost&use != 0 // its home went while it was waited for
	if over := err != nil || got.code != fault.OK && q.call != wire.CallSave; s != nil && (over || q.ends()) {
		s.ops &^= use
	}
	if lost {
		s.lost &^= use
	}
	x.mu.Unlock()
	if !lost {
		return got, err
	}
	if err == nil {
		got.done()
	}
	return nil, errEnded
}

// ends tells whether an operation is over after the call.
func (q *request) ends() bool { return q.call == wire.CallFinal || q.call == wire.CallCancel }
