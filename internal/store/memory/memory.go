// SPDX-License-Identifier: Apache-2.0

// Package memory is the store's double for tests: the whole contract of package store, kept in memory and lost with the
// process. It keeps every version until Compact.
package memory

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// Store is the double. Make one with New.
type Store struct {
	mu        sync.Mutex
	versions  map[string][]version // guarded by mu: by path, oldest first
	paths     []string             // guarded by mu: the keys of versions
	sorted    bool                 // guarded by mu: whether paths is in order
	history   []store.Batch        // guarded by mu: revisions from compacted on
	revision  int64                // guarded by mu
	compacted int64                // guarded by mu
	restores  int                  // guarded by mu
	changed   chan struct{}        // guarded by mu: closed and replaced at every change
	closed    bool                 // guarded by mu
}

type version struct {
	revision int64
	value    []byte
	deleted  bool
}

var (
	_ store.Store     = (*Store)(nil)
	_ store.Compactor = (*Store)(nil)
	_ store.Confirmer = (*Store)(nil)
)

// New makes an empty store at revision 1.
func New() *Store {
	return &Store{versions: map[string][]version{}, revision: 1, changed: make(chan struct{})}
}

// Close ends every Watch with Unavailable; calls after it fail the same way.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake()
	return nil
}

func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) usable(ctx context.Context) error {
	if ctx.Err() != nil {
		return fault.Timeout.At("memory store")
	}
	if s.closed {
		return fault.Unavailable.At("memory store")
	}
	return nil
}

// at is the version of path that counted at a revision; 0 is now.
func (s *Store) at(path string, revision int64) (version, bool) {
	v := s.versions[path]
	for i := len(v) - 1; i >= 0; i-- {
		if revision == 0 || v[i].revision <= revision {
			return v[i], !v[i].deleted
		}
	}
	return version{}, false
}

func (s *Store) Get(ctx context.Context, path string) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Record{}, err
	}
	v, ok := s.at(path, 0)
	if !ok {
		return store.Record{}, fault.RecordUnknown.At("get")
	}
	return store.Record{Path: path, Value: v.value, Revision: v.revision}, nil
}

// Confirm answers the newest revision: in tests several nodes share one Store.
func (s *Store) Confirm(ctx context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revision, s.usable(ctx)
}

func (s *Store) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	records, revision, err := s.list(ctx, r)
	if err != nil {
		return 0, err
	}
	for _, record := range records {
		if err := visit(record); err == store.ErrStop {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
	}
	return revision, nil
}

func (s *Store) list(ctx context.Context, r store.Range) ([]store.Record, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, 0, err
	}
	if r.Revision > s.revision {
		return nil, 0, fault.ArgumentsBad.At("list: revision is still to come")
	}
	if r.Revision != 0 && r.Revision < s.compacted {
		return nil, 0, store.ErrCompacted
	}
	if !s.sorted {
		sort.Strings(s.paths)
		s.sorted = true
	}
	var records []store.Record
	for _, path := range s.paths[sort.SearchStrings(s.paths, max(r.Prefix, r.After)):] {
		if !strings.HasPrefix(path, r.Prefix) {
			if path > r.Prefix {
				break
			}
			continue
		}
		if v, ok := s.at(path, r.Revision); ok && path > r.After {
			records = append(records, store.Record{Path: path, Value: v.value, Revision: v.revision})
		}
	}
	if r.Revision != 0 {
		return records, r.Revision, nil
	}
	return records, s.revision, nil
}

func (s *Store) Txn(ctx context.Context, t store.Txn) (int64, error) {
	if err := t.Check(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	for _, c := range t.Compares {
		v, ok := s.at(c.Path, 0)
		if ok != (c.Revision != 0) || ok && v.revision != c.Revision {
			return 0, fault.Conflict.At("txn")
		}
	}
	batch := store.Batch{Revision: s.revision + 1}
	for _, p := range t.Puts {
		batch.Events = append(batch.Events, store.Event{Path: p.Path, Value: slices.Clone(p.Value)})
	}
	for _, path := range t.Deletes {
		if _, ok := s.at(path, 0); ok {
			batch.Events = append(batch.Events, store.Event{Path: path, Deleted: true})
		}
	}
	if len(batch.Events) > 0 {
		s.apply(batch)
	}
	return s.revision, nil
}

func (s *Store) apply(batch store.Batch) {
	s.revision = batch.Revision
	s.history = append(s.history, batch)
	for _, e := range batch.Events {
		if s.versions[e.Path] == nil {
			s.paths = append(s.paths, e.Path)
			s.sorted = false
		}
		s.versions[e.Path] = append(s.versions[e.Path], version{batch.Revision, e.Value, e.Deleted})
	}
	s.wake()
}

func (s *Store) Watch(ctx context.Context, prefix string, from int64, see func(store.Batch) error) error {
	s.mu.Lock()
	restores := s.restores
	s.mu.Unlock()
	for {
		s.mu.Lock()
		changed := s.changed
		closed, gone := s.closed, s.restores != restores || from < s.compacted
		at := sort.Search(len(s.history), func(i int) bool { return s.history[i].Revision >= from })
		news := s.history[at:]
		s.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case closed:
			return fault.Unavailable.At("watch")
		case gone:
			return store.ErrCompacted
		}
		for _, batch := range news {
			from = batch.Revision + 1
			some := store.Batch{Revision: batch.Revision}
			for _, e := range batch.Events {
				if strings.HasPrefix(e.Path, prefix) {
					some.Events = append(some.Events, e)
				}
			}
			if len(some.Events) == 0 {
				continue
			}
			if err := see(some); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (s *Store) Members(ctx context.Context) ([]store.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []store.Member{{ID: 1, Name: "memory", Leader: true}}, s.usable(ctx)
}

// Compact forgets what was replaced or deleted before revision.
func (s *Store) Compact(ctx context.Context, revision int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	if revision > s.revision {
		return fault.ArgumentsBad.At("compact: revision is still to come")
	}
	if revision <= s.compacted {
		return store.ErrCompacted
	}
	s.compact(revision)
	return nil
}

func (s *Store) compact(revision int64) {
	s.compacted = revision
	at := sort.Search(len(s.history), func(i int) bool { return s.history[i].Revision >= revision })
	s.history = slices.Clone(s.history[at:])
	for path, v := range s.versions {
		for len(v) > 1 && v[1].revision <= revision {
			v = v[1:]
		}
		if len(v) == 1 && v[0].deleted && v[0].revision < revision {
			delete(s.versions, path)
			continue
		}
		s.versions[path] = v
	}
	s.paths = s.paths[:0]
	for path := range s.versions {
		s.paths = append(s.paths, path)
	}
	s.sorted = false
	s.wake()
}
