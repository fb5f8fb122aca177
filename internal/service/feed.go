// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service/index"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// feed keeps the index equal to the store: it lists all records once, has the core describe them, and then follows the
// store's watch. Every change comes through the watch, our own too, so that the index is a function of the store's
// history alone; what is special about our own is only that their Meta is at hand.
type feed struct {
	store store.Store
	log   *slog.Logger

	mu      sync.Mutex
	x       *index.Index      // guarded by mu: nil unless ready
	run     *run              // guarded by mu: nil unless building or ready
	applied int64             // guarded by mu: the revision that x shows
	answers int64             // guarded by mu: the greatest revision answered to the core
	owns    map[string][]*own // guarded by mu: our own changes under way, by path
	settled map[int64][]*own  // guarded by mu: those answered at a revision that x does not show yet
	news    chan struct{}     // guarded by mu: closed and replaced when x, applied or run changed, if somebody waits
	waits   int               // guarded by mu
	ended   int               // guarded by mu: how many cores have ended, so that what they asked needs no answer
}

// run is one build of the index and its following of the watch.
type run struct {
	core   Core
	cancel context.CancelFunc
	done   chan struct{}
}

func newFeed(s store.Store, log *slog.Logger) *feed {
	return &feed{store: s, log: log, owns: map[string][]*own{}, settled: map[int64][]*own{}, news: make(chan struct{})}
}

// changed wakes those who wait; the caller holds mu.
func (f *feed) changed() {
	if f.waits > 0 {
		close(f.news)
		f.news = make(chan struct{})
	}
}

// leave lets those go who wait on behalf of a core that has ended.
func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended++
	f.changed()
}

// stop ends the run and drops the index.
func (f *feed) stop() {
	f.mu.Lock()
	r := f.run
	f.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// rebuild makes the index anew and returns when it is ready; from then on it is kept up in the background until stop, or
// ctx ends, or something fails: then the run is done and the index gone.
func (f *feed) rebuild(ctx context.Context, core Core, progress func(objects int)) (*run, error) {
	f.stop()
	ctx, cancel := context.WithCancel(ctx)
	r := &run{core, cancel, make(chan struct{})}
	f.mu.Lock()
	if f.run != nil {
		f.mu.Unlock()
		cancel()
		return nil, fault.Busy.At("rebuild index")
	}
	f.run = r
	f.changed()
	f.mu.Unlock()

	ready := make(chan error, 1)
	go f.follow(ctx, r, progress, ready)
	return r, <-ready
}

// follow builds, watches, and builds again whenever the history it follows is gone.
func (f *feed) follow(ctx context.Context, r *run, progress func(int), ready chan<- error) {
	defer close(r.done)
	defer r.cancel()
	var err error
	for {
		start := time.Now()
		var x *index.Index
		var at int64
		if x, at, err = f.build(ctx, r.core, progress); err == nil {
			f.show(x, at)
			f.log.Info("index is ready", "objects", x.Len(), "revision", at, "took", time.Since(start).Round(time.Millisecond))
			select {
			case ready <- nil:
			default:
			}
			err = f.store.Watch(ctx, "", at+1, func(b store.Batch) error { return f.see(r, x, b) })
		}
		if !errors.Is(err, store.ErrCompacted) {
			break
		}
		f.log.Warn("index lost the thread of the store's history and starts anew")
		f.show(nil, 0)
	}
	if ctx.Err() == nil {
		f.log.Error("index has stopped", "reason", err)
	}
	f.mu.Lock()
	f.x, f.run = nil, nil
	clear(f.owns)
	clear(f.settled)
	f.changed()
	f.mu.Unlock()
	select {
	case ready <- err:
	default:
	}
}

func (f *feed) show(x *index.Index, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.x, f.applied = x, at
	f.settle(at)
	f.changed()
}

// see applies one revision: our own changes from the Meta they came with, all others as the core describes them.
func (f *feed) see(r *run, x *index.Index, b store.Batch) error {
	var unknown []wire.Record
	var foreign []string
	for _, e := range b.Events {
		partition, object, isObject := parseObject(e.Path)
		o := f.ownOf(&e)
		if o == nil {
			foreign = append(foreign, e.Path)
		}
		switch {
		case !isObject:
		case e.Deleted:
			x.Remove(partition, object)
		case o != nil && o.meta(e.Path) != nil:
			x.Put(o.meta(e.Path))
		default:
			unknown = append(unknown, wire.Record{Path: e.Path, Value: e.Value, Revision: b.Revision})
		}
	}
	if len(foreign) > 0 { // the core drops what it has cached of them
		var w wire.Writer
		(&wire.ChangedRequest{Paths: foreign}).Encode(&w)
		if _, err := r.core.Call(wire.OpChanged, w.B); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		if err := describe(r.core, x, unknown, false, f.log); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = b.Revision
	f.settle(b.Revision)
	f.changed()
	return nil
}
