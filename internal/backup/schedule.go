// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Schedule makes backups by the clock. In a cluster every node has one, and Mine says whose turn it is.
type Schedule struct {
	Engine *Engine
	Place  func(ctx context.Context) (Place, error)
	Also   func(ctx context.Context) (Place, error) // where each backup is copied to; nil for nowhere
	Every  time.Duration
	Keep   Keep
	Mine   func(ctx context.Context) bool

	mu    sync.Mutex
	state State // guarded by mu
}

// State is what a schedule has done.
type State struct {
	Newest   time.Time `json:"newest"` // of the newest sound backup that is known; zero for none
	Tried    time.Time `json:"tried"`
	Failed   string    `json:"failed,omitempty"` // why the last attempt did, empty when it did not
	Failures uint64    `json:"failures"`
	Made     uint64    `json:"made"`
}

// State tells what it has done.
func (s *Schedule) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// lookEvery is how often it asks whether a backup is due: then the newest one in the place decides, whoever made it.
const lookEvery = 30 * time.Second

// Run works until ctx ends.
func (s *Schedule) Run(ctx context.Context) {
	tick := time.NewTicker(min(lookEvery, max(s.Every/4, time.Second)))
	defer tick.Stop()
	for {
		if s.due(ctx, time.Now()) {
			s.once(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// due asks first what costs nothing.
func (s *Schedule) due(ctx context.Context, now time.Time) bool {
	state := s.State()
	if now.Sub(state.Newest) < s.Every || state.Failed != "" && now.Sub(state.Tried) < s.Every/10 && now.Sub(state.Tried) < 10*time.Minute {
		return false
	}
	return s.Mine == nil || s.Mine(ctx)
}

// once looks what is there, makes a backup unless another node just did, checks and copies it, and deletes what is too old.
func (s *Schedule) once(ctx context.Context) {
	now := time.Now()
	newest, made, err := s.work(ctx, now)
	if fault.Of(err) == fault.Locked || fault.Of(err) == fault.Uninitialized || fault.Of(err) == fault.Zeroized || errors.Is(err, ErrBusy) || ctx.Err() != nil {
		return // not a failure; it is due as soon as it can be
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Tried = now
	if newest.After(s.state.Newest) {
		s.state.Newest = newest
	}
	if made {
		s.state.Made++
	}
	if s.state.Failed = ""; err != nil {
		s.state.Failed = err.Error()
		s.state.Failures++
		s.Engine.Log.Error("scheduled backup", "error", err)
	}
}

func (s *Schedule) work(ctx context.Context, now time.Time) (newest time.Time, made bool, err error) {
	p, err := s.Place(ctx)
	if err != nil {
		return newest, false, err
	}
	sound, err := s.Engine.sound(ctx, p)
	if err != nil {
		return newest, false, err
	}
	if n := len(sound); n > 0 {
		newest = sound[n-1].Time
	}
	if now.Sub(newest) >= s.Every {
		info, err := s.Engine.Create(ctx, p, nil)
		if err != nil {
			return newest, false, err
		}
		if _, err := s.Engine.Verify(ctx, p, info.Name, nil); err != nil {
			return newest, true, fmt.Errorf("the backup that was just made: %w", err)
		}
		newest, made = info.Time, true
		if s.Also != nil {
			also, err := s.Also(ctx)
			if err == nil {
				_, err = Copy(ctx, p, also, info.Name, s.Engine.Spool, nil)
			}
			if err != nil {
				return newest, true, fmt.Errorf("copy %s: %w", info.Name, err)
			}
			if err := s.retain(ctx, also, now); err != nil {
				return newest, true, err
			}
		}
	}
	return newest, made, s.retain(ctx, p, now)
}

func (s *Schedule) retain(ctx context.Context, p Place, now time.Time) error {
	gone, err := s.Engine.Retain(ctx, p, s.Keep, now)
	for _, i := range gone {
		s.Engine.Log.Info("backup deleted, as its time is over", "name", i.Name, "place", p.String())
	}
	return err
}
