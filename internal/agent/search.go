// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"maps"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// search is one that was answered in part. It stands in one core; when that is gone it is begun again in another, and what the
// client has already is left out. Guarded by app.mu.
type search struct {
	at       *mirror             // where it stands; nil: nowhere, it is to be begun again
	template []byte              // letter A of FIND
	given    map[uint64]struct{} // handles that the client has; nil: too many to begin again
}

// maxGiven is how many answered objects a search remembers: half a megabyte.
const maxGiven = 32768

func (s *search) end() {
	if s != nil {
		clear(s.template)
	}
}

// copy is a forked child's: it is begun again in the child's own application.
func (s *search) copy() *search {
	if s == nil {
		return nil
	}
	return &search{template: append([]byte(nil), s.template...), given: maps.Clone(s.given)}
}

// found is the answer to FIND and FIND_NEXT: whether there is more, and the objects' summaries as they came.
type found struct {
	more bool
	list [][]byte
}

const summarySize = 6 * 8

func readFound(body []byte) (f found, err error) {
	r := wire.NewReader(body)
	f.more = r.Bool()
	for range r.Count(summarySize) {
		f.list = append(f.list, r.Raw(summarySize))
	}
	return f, r.End()
}

func (f *found) encode() []byte {
	var w wire.Writer
	w.Bool(f.more)
	w.U32(uint32(len(f.list)))
	for _, o := range f.list {
		w.Raw(o)
	}
	return w.B
}

func handleOf(summary []byte) uint64 {
	r := wire.NewReader(summary)
	return r.U64()
}

// note takes down what a node answered. The caller holds app.mu.
func (s *search) note(at *mirror, f found) {
	if s.at = at; at != nil && at.gone {
		s.at = nil
	}
	for _, o := range f.list {
		if s.given != nil && len(s.given) < maxGiven {
			s.given[handleOf(o)] = struct{}{}
		} else {
			s.given = nil
		}
	}
}

// find begins a search. It goes anywhere unless session objects have to be found too.
func (c *channel) find(ctx context.Context, q request) (*reply, error) {
	x := c.app
	got, err := x.lookUp(ctx, q)
	if err != nil || got.code != fault.OK {
		return got, err
	}
	f, err := readFound(got.body)
	if err != nil {
		got.done()
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.sessions[q.session]
	if s == nil {
		return got, nil
	}
	s.search.end()
	s.search = nil
	if f.more {
		s.search = &search{template: append([]byte(nil), q.body[8:len(q.body)-8]...), given: make(map[uint64]struct{})}
		s.search.note(got.mirror, f)
	}
	return got, nil
}

func (x *app) lookUp(ctx context.Context, q request) (*reply, error) {
	x.mu.Lock()
	home := len(x.objects) > 0
	x.mu.Unlock()
	if home {
		return x.atHome(ctx, need{session: q.session}, q)
	}
	return x.agent.anywhere(ctx, x, need{session: q.session}, q)
}

// findNext goes on with a search, or ends it.
func (c *channel) findNext(ctx context.Context, q request) (*reply, error) {
	x := c.app
	x.mu.Lock()
	s := x.sessions[q.session]
	var on *search
	var at *mirror
	if s != nil && s.search != nil {
		on, at = s.search, s.search.at
	}
	if q.call == wire.CallFindEnd && s != nil {
		s.search = nil
	}
	x.mu.Unlock()
	if on == nil {
		return x.atHome(ctx, need{session: q.session}, q) // the core says what there is to say
	}
	if q.call == wire.CallFindEnd {
		defer on.end()
		if at == nil {
			return ok(nil), nil
		}
		got, err := x.at(ctx, need{session: q.session}, q, at)
		if err != nil { // it ended with its node
			return ok(nil), nil
		}
		return got, nil
	}
	if at != nil {
		got, err := x.at(ctx, need{session: q.session}, q, at)
		if err == nil {
			return x.took(s, on, got)
		}
	}
	return x.searchAgain(ctx, q, s, on)
}

// took notes an answer to FIND_NEXT.
func (x *app) took(s *session, on *search, got *reply) (*reply, error) {
	f, err := readFound(got.body)
	x.mu.Lock()
	defer x.mu.Unlock()
	if got.code == fault.OK && err == nil && f.more {
		on.note(got.mirror, f)
	} else if s.search == on {
		s.search = nil
		on.end()
	}
	return got, nil
}

// searchAgain begins a search again whose core is gone, and answers what the client has not had. Its next calls follow it
// there.
func (x *app) searchAgain(ctx context.Context, q request, s *session, on *search) (*reply, error) {
	r := wire.NewReader(q.body)
	r.U64()
	most := r.U64()
	x.mu.Lock()
	given := maps.Clone(on.given)
	var w wire.Writer
	w.U64(q.session)
	w.Raw(on.template)
	w.U64(most)
	x.mu.Unlock()
	defer clear(w.B)
	if given == nil {
		return nil, errEnded
	}
	again := request{row: rows[wire.CallFind], call: wire.CallFind, body: w.B, session: q.session}
	got, err := x.lookUp(ctx, again)
	for {
		if err != nil {
			return nil, err
		}
		at, code := got.mirror, got.code
		f, bad := readFound(got.body)
		for i, o := range f.list {
			f.list[i] = append([]byte(nil), o...)
		}
		if code != fault.OK {
			return got, nil
		}
		got.done()
		if bad != nil {
			return nil, bad
		}
		fresh := found{more: f.more}
		for _, o := range f.list {
			if _, had := given[handleOf(o)]; !had {
				fresh.list = append(fresh.list, o)
			}
		}
		if len(fresh.list) == 0 && f.more {
			got, err = x.at(ctx, need{session: q.session}, q, at)
			continue
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if fresh.more {
			on.note(at, fresh)
		} else if s.search == on {
			s.search = nil
			on.end()
		}
		return ok(fresh.encode()), nil
	}
}
