// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"time"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// rebuildPause is the time between a failure of the index and the next attempt.
const rebuildPause = time.Second

// Attach gives the service the core that now runs; nil says that it has ended. When the core is operational, the index
// is built, and when it is not any more, it is dropped. Finds of a core that has ended wait no longer.
func (s *Service) Attach(core Core) {
	s.mu.Lock()
	s.core = core
	if core == nil {
		s.state = wire.StateUnknown
	}
	s.mu.Unlock()
	s.follow()
	if core == nil {
		s.feed.leave()
		return
	}
	// The core's notice may have come before it was attached, or be still to come; asking it makes sure.
	go func() {
		body, err := core.Call(wire.OpStatus, nil)
		var status wire.Status
		r := wire.NewReader(body)
		if status.Decode(&r); err == nil && r.End() == nil && status.State == wire.StateOperational {
			s.mu.Lock()
			if s.core == core {
				s.state = wire.StateOperational
			}
			s.mu.Unlock()
			s.follow()
		}
	}()
}

// told takes in the core's notice that its state changed. One that comes before the core was attached is not needed, and one
// that comes after it has ended must not be taken for the next one's.
func (s *Service) told(status *wire.Status) (*nothing, error) {
	s.mu.Lock()
	if s.core != nil {
		s.state = status.State
	}
	s.mu.Unlock()
	s.follow()
	return nil, nil
}

// follow starts or stops the index as the core's state asks.
func (s *Service) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.core != nil && s.state == wire.StateOperational
	switch {
	case wanted && s.stop == nil:
		ctx, cancel := context.WithCancel(context.Background())
		s.stop = cancel
		go s.keep(ctx, s.core)
	case !wanted && s.stop != nil:
		s.stop()
		s.stop = nil
	}
}

// keep has an index until ctx ends, and begins anew after a failure, which is in the log.
func (s *Service) keep(ctx context.Context, core Core) {
	for ctx.Err() == nil {
		r, err := s.feed.rebuild(ctx, core, nil)
		if err == nil {
			<-r.done
		}
		select {
		case <-ctx.Done():
		case <-time.After(rebuildPause):
		}
	}
}

// Rebuild makes the index anew with this core and returns once it is ready; progress, if not nil, is told how many
// objects are in it so far, from several goroutines. Attach does the same by itself.
func (s *Service) Rebuild(ctx context.Context, core Core, progress func(objects int)) error {
	_, err := s.feed.rebuild(ctx, core, progress)
	return err
}

// Lag is by how many revisions the index is behind the last commit that was answered.
func (s *Service) Lag() int64 {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return max(0, s.feed.answers-s.feed.applied)
}

// Objects is how many objects the index knows; false while it is not ready.
func (s *Service) Objects() (int, bool) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.x == nil {
		return 0, false
	}
	return s.feed.x.Len(), true
}
