// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service/index"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	findLimit = 256  // ids of a FindReply whose request names no limit
	findMost  = 8192 // whatever it names: 128 KB
)

// findWait bounds how long a Find waits for an index that is being built, or that has not caught up: a program that starts
// with a busy machine rather waits than fails. A variable for tests.
var findWait = 10 * time.Second

// confirmWait bounds the question where the store's leader is; without a majority nobody answers it.
const confirmWait = 3 * time.Second

// find answers from the index. A new search sees every commit that any node has answered before it; so does a look for one
// handle, if it would else find nothing. Further pages go on from what the first one saw.
func (s *Service) find(r *wire.FindRequest) (*wire.FindReply, error) {
	limit := int(r.Limit)
	if limit == 0 {
		limit = findLimit
	}
	look := func(seen int64) (*wire.FindReply, error) {
		x, err := s.feed.caughtUp(seen)
		if err != nil {
			return nil, err
		}
		ids, more := x.Find(&r.Query, r.After, min(limit, findMost))
		return &wire.FindReply{IDs: ids, More: more}, nil
	}
	if !r.After.IsZero() {
		return look(0)
	}
	if r.Query.Handle != 0 {
		if reply, err := look(0); err != nil || len(reply.IDs) > 0 {
			return reply, err
		}
	}
	seen, err := s.confirm()
	if err != nil {
		return nil, err
	}
	return look(seen)
}

// findNames is find for names: a new question sees all that was answered anywhere, since the newest version is what it is about.
func (s *Service) findNames(r *wire.FindNamesRequest) (*wire.FindNamesReply, error) {
	seen := int64(0)
	if len(r.After) == 0 && r.AfterObject.IsZero() {
		var err error
		if seen, err = s.confirm(); err != nil {
			return nil, err
		}
	}
	x, err := s.feed.caughtUp(seen)
	if err != nil {
		return nil, err
	}
	limit := int(r.Limit)
	if limit == 0 {
		limit = findLimit
	}
	hits, more := x.FindNames(r, min(limit, findMost))
	return &wire.FindNamesReply{Hits: hits, More: more}, nil
}

// confirm answers the revision that the index must show so that nothing is missing of what others were answered.
func (s *Service) confirm() (int64, error) {
	c, ok := s.store.(store.Confirmer)
	if !ok {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), confirmWait)
	defer cancel()
	return c.Confirm(ctx)
}

// caughtUp is the index once it shows the revision seen elsewhere, and every commit that was answered here before this call. A
// commit itself does not wait for the index: its sender pays for that only if it looks.
func (f *feed) caughtUp(seen int64) (*index.Index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted, ended := max(seen, f.answers), f.ended
	if f.x != nil && f.applied >= wanted {
		return f.x, nil
	}
	late := time.NewTimer(findWait)
	defer late.Stop()
	f.waits++
	defer func() { f.waits-- }()
	for f.x == nil || f.applied < wanted {
		news := f.news
		f.mu.Unlock()
		timeout := false
		select {
		case <-news:
		case <-late.C:
			timeout = true
		}
		f.mu.Lock()
		if timeout {
			return nil, fault.IndexNotReady.At("find")
		}
		if f.ended != ended {
			return nil, fault.Unavailable.At("find: the core has ended")
		}
	}
	return f.x, nil
}
