// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

func record(kv *mvccpb.KeyValue) store.Record {
	return store.Record{Path: string(kv.Key), Value: kv.Value, Revision: kv.ModRevision}
}

// readPause is between tries of a read that its leader took along.
const readPause = 20 * time.Millisecond

// Get reads through the leader's log position, so it sees every acknowledged Txn (50 us).
func (e *Engine) Get(ctx context.Context, path string) (store.Record, error) {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return store.Record{}, err
	}
	defer leave()
	r, err := m.Client.Get(ctx, path)
	for err != nil && notNow(err) && pause(ctx, m, readPause) {
		r, err = m.Client.Get(ctx, path)
	}
	if err != nil {
		return store.Record{}, readFault(ctx, err, "get")
	}
	if len(r.Kvs) == 0 {
		return store.Record{}, fault.RecordUnknown.At("get")
	}
	return record(r.Kvs[0]), nil
}

// List uses the server's own stream, which pins the revision and reads in chunks. A Range with a limit would count all
// that is behind the limit at every page: 40 s for a million records.
func (e *Engine) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	m, err := e.now(ctx) // not entered: visit may use the store
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &listing{ctx: ctx, visit: visit}
	request := &pb.RangeRequest{Key: []byte(r.Prefix), RangeEnd: []byte(clientv3.GetPrefixRangeEnd(r.Prefix)), Revision: r.Revision}
	if r.Prefix == "" {
		request.Key, request.RangeEnd = []byte{0}, []byte{0}
	}
	if r.After >= r.Prefix && r.After != "" {
		if !strings.HasPrefix(r.After, r.Prefix) { // beyond all that have the prefix
			request.Key, request.RangeEnd = []byte(r.Prefix), []byte(r.Prefix)
		} else {
			request.Key = append([]byte(r.After), 0)
		}
	}
	if err = m.confirm(ctx); err == nil {
		request.Serializable = true // from here on
		err = m.etcd.Server.RangeStream(request, s)
	}
	switch {
	case s.err == store.ErrStop:
		return 0, nil
	case s.err != nil:
		return 0, s.err
	case err != nil:
		return 0, readFault(ctx, err, "list")
	case r.Revision != 0:
		return r.Revision, nil
	}
	return s.revision, nil
}

// confirm returns when this member has all that was acknowledged before. It is tried again over a change of leaders.
func (m *member) confirm(ctx context.Context) error {
	err := m.etcd.Server.LinearizableReadNotify(ctx)
	for err != nil && notNow(err) && pause(ctx, m, readPause) {
		err = m.etcd.Server.LinearizableReadNotify(ctx)
	}
	return err
}

// Confirm asks the leader where it is, and waits until this member is there. A lone member is always there.
func (e *Engine) Confirm(ctx context.Context) (int64, error) {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	if len(m.etcd.Server.Cluster().Members()) == 1 {
		return 0, nil
	}
	if err := m.confirm(ctx); err != nil {
		return 0, readFault(ctx, err, "confirm")
	}
	return m.etcd.Server.KV().Rev(), nil
}

// listing is the receiving end of RangeStream.
type listing struct {
	pb.KV_RangeStreamServer
	ctx      context.Context
	visit    func(store.Record) error
	revision int64
	err      error // of visit
}

func (s *listing) Context() context.Context     { return s.ctx }
func (s *listing) SetHeader(metadata.MD) error  { return nil }
func (s *listing) SendHeader(metadata.MD) error { return nil }
func (s *listing) SetTrailer(metadata.MD)       {}

func (s *listing) Send(r *pb.RangeStreamResponse) error {
	for _, kv := range r.RangeResponse.Kvs {
		if s.err = s.visit(record(kv)); s.err != nil {
			return s.err
		}
	}
	if h := r.RangeResponse.Header; h != nil {
		s.revision = h.Revision
	}
	return nil
}

// Watch hands over the server's responses revision by revision: one response may hold several revisions, but never a
// part of one, since fragments are not asked for. It goes on over a Reopen.
func (e *Engine) Watch(ctx context.Context, prefix string, from int64, see func(store.Batch) error) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m, leave, err := e.enter(ctx)
		if err != nil {
			return err
		}
		leave()
		if err := m.watch(ctx, prefix, &from, see); err != errReopened {
			return err
		}
	}
}

// watch follows one run; from is the first revision that see has not had.
func (m *member) watch(ctx context.Context, prefix string, from *int64, see func(store.Batch) error) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	options := []clientv3.OpOption{clientv3.WithRev(*from), clientv3.WithPrefix()}
	for r := range m.Client.Watch(watching, prefix, options...) {
		if r.CompactRevision != 0 {
			return store.ErrCompacted
		}
		if r.Err() != nil {
			break
		}
		if err := eachRevision(r.Events, from, see); err != nil {
			return err
		}
	}
	select {
	case <-m.ended:
		switch m.reason {
		case errRestored:
			return store.ErrCompacted
		case errReopened:
			return errReopened
		}
	default:
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Unavailable.At("watch")
}

func eachRevision(events []*clientv3.Event, from *int64, see func(store.Batch) error) error {
	for len(events) > 0 {
		b := store.Batch{Revision: events[0].Kv.ModRevision}
		for len(events) > 0 && events[0].Kv.ModRevision == b.Revision {
			kv := events[0].Kv
			if events[0].Type == clientv3.EventTypeDelete {
				b.Events = append(b.Events, store.Event{Path: string(kv.Key), Deleted: true})
			} else {
				b.Events = append(b.Events, store.Event{Path: string(kv.Key), Value: kv.Value})
			}
			events = events[1:]
		}
		if err := see(b); err != nil {
			return err
		}
		*from = b.Revision + 1
	}
	return nil
}
