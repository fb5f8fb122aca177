// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Usage is what the database takes and may take. From 70 % on an operator should be told: at 100 % writes are refused.
type Usage struct {
	File  int64 // bytes of the database file
	InUse int64 // bytes of it that hold something; Reclaim frees the rest
	Quota int64
	Full  bool // writes are refused with StoreFull until Reclaim has found room
}

func (e *Engine) Usage(ctx context.Context) (Usage, error) {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return Usage{}, err
	}
	defer leave()
	b := m.etcd.Server.Backend()
	return Usage{b.Size(), b.SizeInUse(), e.config.Quota, len(m.etcd.Server.Alarms()) > 0}, nil
}

// Compact forgets what was replaced or deleted before revision. The engine does the same every few minutes.
func (e *Engine) Compact(ctx context.Context, revision int64) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.Client.Compact(ctx, revision, clientv3.WithCompactPhysical()); err != nil {
		return readFault(ctx, err, "compact")
	}
	return nil
}

// Reclaim gives space back: it forgets all history, rewrites the database without its holes and, when there is room
// again, lets writes through. Deletes are accepted by a full store, so this is how an operator gets out. Writes wait
// while the database is rewritten (5 s for 2 GB were measured).
func (e *Engine) Reclaim(ctx context.Context) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	r, err := m.Client.Get(ctx, "0")
	if err != nil {
		return readFault(ctx, err, "reclaim")
	}
	if _, err := m.Client.Compact(ctx, r.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		e.log.Debug("nothing to compact", "reason", err)
	}
	if err := m.etcd.Server.Defragment(); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	if b := m.etcd.Server.Backend(); b.Size() >= e.config.Quota {
		return fault.StoreFull.At("reclaim")
	}
	if _, err := m.AlarmDisarm(ctx, &clientv3.AlarmMember{}); err != nil {
		return fault.Unavailable.At("reclaim: lift the alarm")
	}
	return nil
}

// Defragment rewrites this member's database without its holes; it answers nobody meanwhile. In a cluster that is for a
// follower while the others are well, so a leader that has followers refuses (Busy): it yields first.
func (e *Engine) Defragment(ctx context.Context) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if s := m.etcd.Server; s.Leader() == s.MemberID() && len(s.Cluster().Members()) > 1 {
		return fault.Busy.At("defragment the leader")
	}
	if err := m.etcd.Server.Defragment(); err != nil {
		return fmt.Errorf("defragment: %w", err)
	}
	return nil
}
