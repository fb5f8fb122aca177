// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// RunCluster holds the members of one cluster to the contract, as if they were one store: each call goes to the next member
// in turn, so what one acknowledged the others must show at once. The cluster serves all claims, emptied before each.
func RunCluster(t *testing.T, members []store.Store) {
	one := &spread{members: members}
	for _, c := range append([]claim{{"ARestoreAmongSeveralIsRefused", restoreRefused}}, claims...) {
		t.Run(c.name, func(t *testing.T) {
			var paths []string
			for _, r := range list(t, one, store.Range{}) {
				path, _, _ := bytes.Cut([]byte(r), []byte("="))
				paths = append(paths, string(path))
			}
			for len(paths) > 0 {
				n := min(len(paths), store.MaxOps)
				remove(t, one, paths[:n]...)
				paths = paths[n:]
			}
			c.prove(t, one)
		})
	}
}

func restoreRefused(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	b, _ := snapshot(t, s)
	put(t, s, "a", "2")
	before := list(t, s, store.Range{})
	wantFault(t, "restore", s.Restore(ctx(t), bytes.NewReader(b)), fault.Unsupported)
	same(t, "unchanged", list(t, s, store.Range{}), before)
}

// spread is a store whose calls go to its members in turn.
type spread struct {
	members []store.Store
	calls   atomic.Uint32
}

func (s *spread) next() store.Store { return s.members[int(s.calls.Add(1))%len(s.members)] }

func (s *spread) Get(ctx context.Context, path string) (store.Record, error) {
	return s.next().Get(ctx, path)
}

func (s *spread) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	return s.next().List(ctx, r, visit)
}

func (s *spread) Txn(ctx context.Context, t store.Txn) (int64, error) { return s.next().Txn(ctx, t) }

func (s *spread) Watch(ctx context.Context, prefix string, from int64, see func(store.Batch) error) error {
	return s.next().Watch(ctx, prefix, from, see)
}

func (s *spread) Snapshot(ctx context.Context, w io.Writer) (int64, error) {
	return s.next().Snapshot(ctx, w)
}

func (s *spread) Restore(ctx context.Context, r io.Reader) error { return s.next().Restore(ctx, r) }

func (s *spread) Members(ctx context.Context) ([]store.Member, error) { return s.next().Members(ctx) }

// Compact asks one member; the others have done it too once they are as far.
func (s *spread) Compact(ctx context.Context, revision int64) error {
	c, ok := s.next().(store.Compactor)
	if !ok {
		return fault.Unsupported
	}
	if err := c.Compact(ctx, revision); err != nil {
		return err
	}
	for _, m := range s.members {
		if _, err := m.List(ctx, store.Range{Prefix: "none"}, func(store.Record) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
