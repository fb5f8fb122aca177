// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

// Store is the engine once there is one. Until the node is admitted it is a store without records that takes none: so the core
// finds itself uninitialized, and cannot be initialized to something else meanwhile.
type Store struct {
	engine atomic.Pointer[etcd.Engine]
	there  chan struct{} // closed when engine is set
}

// What an engine can do beyond store.Store must be passed on here: who asks by a type assertion would take a missing method for
// an engine that has no need of it.
var (
	_ store.Store     = (*Store)(nil)
	_ store.Compactor = (*Store)(nil)
	_ store.Confirmer = (*Store)(nil)
)

func newStore() *Store { return &Store{there: make(chan struct{})} }

func (s *Store) set(e *etcd.Engine) {
	s.engine.Store(e)
	close(s.there)
}

// wait returns the engine, or an error when ctx ends first.
func (s *Store) wait(ctx context.Context) (*etcd.Engine, error) {
	select {
	case <-s.there:
		return s.engine.Load(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Engine is the engine, or nil while the node is joining.
func (s *Store) Engine() *etcd.Engine { return s.engine.Load() }

func (s *Store) now(step string) (*etcd.Engine, error) {
	if e := s.engine.Load(); e != nil {
		return e, nil
	}
	return nil, fault.Unavailable.At(step + ": the node has not joined yet")
}

func (s *Store) Close() error {
	if e := s.engine.Load(); e != nil {
		return e.Close()
	}
	return nil
}

func (s *Store) Get(ctx context.Context, path string) (store.Record, error) {
	e := s.engine.Load()
	if e == nil {
		return store.Record{}, fault.RecordUnknown.At("get: the node has not joined yet")
	}
	return e.Get(ctx, path)
}

func (s *Store) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	e := s.engine.Load()
	if e == nil {
		return 1, nil
	}
	return e.List(ctx, r, visit)
}

func (s *Store) Txn(ctx context.Context, t store.Txn) (int64, error) {
	e, err := s.now("txn")
	if err != nil {
		return 0, err
	}
	return e.Txn(ctx, t)
}

func (s *Store) Watch(ctx context.Context, prefix string, from int64, see func(store.Batch) error) error {
	e, err := s.now("watch")
	if err != nil {
		return err
	}
	return e.Watch(ctx, prefix, from, see)
}

func (s *Store) Snapshot(ctx context.Context, w io.Writer) (int64, error) {
	e, err := s.now("snapshot")
	if err != nil {
		return 0, err
	}
	return e.Snapshot(ctx, w)
}

func (s *Store) Restore(ctx context.Context, r io.Reader) error {
	e, err := s.now("restore")
	if err != nil {
		return err
	}
	return e.Restore(ctx, r)
}

// Confirm (store.Confirmer) is what makes a search at one node see what was created at another.
func (s *Store) Confirm(ctx context.Context) (int64, error) {
	e, err := s.now("confirm")
	if err != nil {
		return 0, err
	}
	return e.Confirm(ctx)
}

func (s *Store) Members(ctx context.Context) ([]store.Member, error) {
	e, err := s.now("members")
	if err != nil {
		return nil, err
	}
	return e.Members(ctx)
}

func (s *Store) Compact(ctx context.Context, revision int64) error {
	e, err := s.now("compact")
	if err != nil {
		return err
	}
	return e.Compact(ctx, revision)
}

// Usage is the engine's.
func (s *Store) Usage(ctx context.Context) (etcd.Usage, error) {
	e, err := s.now("usage")
	if err != nil {
		return etcd.Usage{}, err
	}
	return e.Usage(ctx)
}
