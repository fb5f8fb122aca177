// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	listLimit = 1000    // records of a ListReply whose request names no limit
	listBytes = 4 << 20 // and in any case, which with the largest record still fits wire.MaxMessage
)

func (s *Service) load(r *wire.LoadRequest) (*wire.Record, error) {
	if err := store.CheckPath(r.Path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	record, err := s.store.Get(ctx, r.Path)
	return (*wire.Record)(&record), err
}

func (s *Service) list(r *wire.ListRequest) (*wire.ListReply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	limit, size := int(r.Limit), 0
	if limit == 0 {
		limit = listLimit
	}
	reply := new(wire.ListReply)
	_, err := s.store.List(ctx, store.Range{Prefix: r.Prefix, After: r.After}, func(record store.Record) error {
		if len(reply.Records) >= limit || size >= listBytes {
			reply.More = true
			return store.ErrStop
		}
		reply.Records = append(reply.Records, wire.Record(record))
		size += len(record.Path) + len(record.Value)
		return nil
	})
	if errors.Is(err, store.ErrCompacted) { // only a read that outlives minutes of history meets this
		err = fault.Busy.At("list")
	}
	return reply, err
}

// commit applies the core's Txn, having told the feed first what it is about, so that the index needs not ask the core
// back when it sees the change.
func (s *Service) commit(t *wire.Txn) (*wire.CommitReply, error) {
	txn := store.Txn{
		Compares: make([]store.Compare, len(t.Compares)),
		Puts:     make([]store.Put, len(t.Puts)),
		Deletes:  t.Deletes,
	}
	for i, c := range t.Compares {
		txn.Compares[i] = store.Compare(c)
	}
	for i, p := range t.Puts {
		txn.Puts[i] = store.Put{Path: p.Path, Value: p.Value}
		if p.Meta != nil && p.Path != objectPath(p.Meta.Partition, p.Meta.Object) {
			return nil, fault.ArgumentsBad.At("commit: the meta is of another record")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	own := s.feed.begin(t)
	began := time.Now()
	revision, err := s.store.Txn(ctx, txn)
	if s.Committed != nil {
		s.Committed(time.Since(began), err)
	}
	s.feed.end(own, revision, err)
	if err != nil {
		return nil, err
	}
	return &wire.CommitReply{Revision: revision}, nil
}
