// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// What happens to a Txn whose leader dies. A member that follows sends its proposal to the leader and waits until it sees it
// applied; a leader that dies with it leaves the member waiting for etcd's own timeout of seven seconds, and then with nothing to
// say. So as soon as there is another leader, and a moment has passed in which the proposal would come through if it had
// survived, it is made again, if that is safe: a Txn that compares a path which it then writes cannot happen twice, since the
// first time changes what is compared. Should the first proposal come through in the end, the second fails its compares, and
// what lies in the store tells that it is ours.

// errLeaderChanged ends the wait for a proposal that was given to a leader of the past.
var errLeaderChanged = errors.New("the leader changed")

// grace is how long a proposal may take to come through after another leader was elected.
const grace = 150 * time.Millisecond

// leaderWait is how long a write waits for an election. One that takes longer has no majority, and who waits wants to know.
const leaderWait = 5 * time.Second

// led waits until there is a leader; false when none comes in time.
func (m *member) led(ctx context.Context) bool {
	if m.etcd.Server.Leader() != 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, max(leaderWait, 3*time.Duration(m.etcd.Server.Cfg.ElectionTicks)*time.Duration(m.etcd.Server.Cfg.TickMs)*time.Millisecond))
	defer cancel()
	for m.etcd.Server.Leader() == 0 {
		if !pause(ctx, m, readPause) {
			return false
		}
	}
	return true
}

// propose makes one proposal. A lone member leads itself and waits for nothing else.
func (m *member) propose(ctx context.Context, compares []clientv3.Cmp, writes []clientv3.Op) (*clientv3.TxnResponse, error) {
	if m.peers == nil {
		return m.Client.Txn(ctx).If(compares...).Then(writes...).Commit()
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	changed := m.etcd.Server.LeaderChangedNotify()
	go func() {
		select {
		case <-changed:
			if sleep(waiting, grace) {
				cancel(errLeaderChanged)
			}
		case <-waiting.Done():
		}
	}()
	r, err := m.Client.Txn(waiting).If(compares...).Then(writes...).Commit()
	if err != nil && ctx.Err() == nil && context.Cause(waiting) == errLeaderChanged {
		return nil, errLeaderChanged
	}
	return r, err
}

// guarded tells whether t cannot happen twice.
func guarded(t *store.Txn) bool {
	return slices.ContainsFunc(t.Compares, func(c store.Compare) bool {
		return slices.Contains(t.Deletes, c.Path) && c.Revision != 0 ||
			slices.ContainsFunc(t.Puts, func(p store.Put) bool { return p.Path == c.Path })
	})
}

// find looks whether t, proposed twice, happened the first time: then all its puts lie there at one revision. If they do not,
// either it never happened or somebody was quick to change them again.
func (m *member) find(ctx context.Context, t *store.Txn) (int64, error) {
	revision := int64(0)
	for _, p := range t.Puts {
		r, err := m.Client.Get(ctx, p.Path)
		if err != nil || len(r.Kvs) == 0 || !bytes.Equal(r.Kvs[0].Value, p.Value) || revision != 0 && r.Kvs[0].ModRevision != revision {
			return 0, fault.OutcomeUnknown.At("txn over a change of leaders")
		}
		revision = r.Kvs[0].ModRevision
	}
	if revision == 0 {
		return 0, fault.OutcomeUnknown.At("txn over a change of leaders")
	}
	return revision, nil
}
