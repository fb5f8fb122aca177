// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// A snapshot is the revision, the number of records, the records, and a SHA-256 over all of it.

func (s *Store) Snapshot(ctx context.Context, out io.Writer) (int64, error) {
	records, revision, err := s.list(ctx, store.Range{})
	if err != nil {
		return 0, err
	}
	var w wire.Writer
	w.U64(uint64(revision))
	w.U32(uint32(len(records)))
	for _, r := range records {
		(*wire.Record)(&r).Encode(&w)
	}
	sum := sha256.Sum256(w.B)
	_, err = out.Write(append(w.B, sum[:]...))
	return revision, err
}

func (s *Store) Restore(ctx context.Context, in io.Reader) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	refused := fault.RecordInvalid.At("restore snapshot")
	cut := len(b) - sha256.Size
	if cut < 0 || sha256.Sum256(b[:cut]) != [sha256.Size]byte(b[cut:]) {
		return refused
	}
	r := wire.NewReader(b[:cut])
	revision := int64(r.U64())
	records := make([]wire.Record, r.Count(16))
	for i := range records {
		records[i].Decode(&r)
	}
	if r.End() != nil {
		return refused
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	s.versions = map[string][]version{}
	for _, record := range records {
		s.versions[record.Path] = []version{{record.Revision, record.Value, false}}
	}
	s.history = nil
	s.restores++
	s.revision = max(s.revision, revision) + 2 // a watcher that saw the last revision asks for the next, which must be gone too
	s.compact(s.revision)
	return nil
}
