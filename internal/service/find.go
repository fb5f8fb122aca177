// SPDX-License-Identifier: Apache-2.0

package service

import (
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service/index"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	findLimit = 256  // ids of a FindReply whose request names no limit
	findMost  = 8192 // whatever it names: 128 KB
)

// findWait bounds how long a Find waits for an index that is being built, or that has not caught up. A variable for
// tests.
var findWait = 3 * time.Second

func (s *Service) find(r *wire.FindRequest) (*wire.FindReply, error) {
	x, err := s.feed.caughtUp()
	if err != nil {
		return nil, err
	}
	limit := int(r.Limit)
	if limit == 0 {
		limit = findLimit
	}
	ids, more := x.Find(&r.Query, r.After, min(limit, findMost))
	return &wire.FindReply{IDs: ids, More: more}, nil
}

func (s *Service) findNames(r *wire.FindNamesRequest) (*wire.FindNamesReply, error) {
	x, err := s.feed.caughtUp()
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

// caughtUp is the index once it shows every commit that was answered before this call. A commit itself does not wait for
// the index: its sender pays for that only if it looks.
func (f *feed) caughtUp() (*index.Index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted, ended := f.answers, f.ended
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
