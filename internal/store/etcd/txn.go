// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	etcderrors "go.etcd.io/etcd/server/v3/etcdserver/errors"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/raft/v3"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// Txn proposes t. Many callers at once share one write and sync of the log, so they need not be grouped here.
func (e *Engine) Txn(ctx context.Context, t store.Txn) (int64, error) {
	if err := t.Check(); err != nil {
		return 0, err
	}
	m, leave, err := e.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	compares := make([]clientv3.Cmp, 0, len(t.Compares))
	for _, c := range t.Compares {
		compares = append(compares, clientv3.Compare(clientv3.ModRevision(c.Path), "=", c.Revision))
	}
	writes := make([]clientv3.Op, 0, len(t.Puts)+len(t.Deletes))
	for _, p := range t.Puts {
		writes = append(writes, clientv3.OpPut(p.Path, string(p.Value)))
	}
	for _, path := range t.Deletes {
		writes = append(writes, clientv3.OpDelete(path))
	}
	if !m.led(ctx) {
		return 0, fault.Unavailable.At("txn: the cluster has no leader")
	}
	tried := false
	for {
		r, err := m.propose(ctx, compares, writes)
		switch {
		case err == nil && r.Succeeded:
			return r.Header.Revision, nil
		case err == nil && tried:
			return m.find(ctx, &t)
		case err == nil:
			return 0, fault.Conflict.At("txn")
		case errors.Is(err, raft.ErrProposalDropped): // a leader that is handing over; nothing was done
		case errors.Is(err, errLeaderChanged) && guarded(&t):
			tried = true
		default:
			return 0, writeFault(err)
		}
		if !pause(ctx, m, readPause) {
			return 0, fault.OutcomeUnknown.At("txn")
		}
	}
}

// writeFault sorts the errors of a write: those that etcd gives before it proposes anything, and all others, after which
// nobody knows.
func writeFault(err error) error {
	switch {
	case is(err, rpctypes.ErrNoSpace, etcderrors.ErrNoSpace):
		return fault.StoreFull.At("txn")
	case is(err, rpctypes.ErrTooManyRequests, etcderrors.ErrTooManyRequests):
		return fault.Busy.At("txn")
	case is(err, rpctypes.ErrRequestTooLarge, etcderrors.ErrRequestTooLarge), is(err, rpctypes.ErrTooManyOps, nil):
		return fault.TooLarge.At("txn")
	}
	return fault.OutcomeUnknown.At("txn")
}

func readFault(ctx context.Context, err error, step string) error {
	switch {
	case is(err, rpctypes.ErrCompacted, mvcc.ErrCompacted):
		return store.ErrCompacted
	case is(err, rpctypes.ErrFutureRev, mvcc.ErrFutureRev):
		return fault.ArgumentsBad.At(step + ": revision is still to come")
	case ctx.Err() != nil:
		return fault.Timeout.At(step)
	}
	return fault.Unavailable.At(step)
}

func readFaultOrNil(ctx context.Context, err error, step string) error {
	if err == nil {
		return nil
	}
	return readFault(ctx, err, step)
}

// is tells whether err is one of etcd's, in the client's form, the wire's, or the server's own.
func is(err, client, server error) bool {
	return errors.Is(rpctypes.Error(err), client) || server != nil && errors.Is(err, server)
}
