// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"net/http"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

// The database of a member grows by holes, which only rewriting it closes, and which stops that member: 5 s for 2 GB were
// measured. So the leader's host, of which there is one, sees to it: one follower after the other, and itself once it has
// handed the office over, to whoever does the rest. A member that is alone is not stopped by itself.

const (
	reclaimEvery = 10 * time.Minute

	// reclaimTime is for one member.
	reclaimTime = 5 * time.Minute

	// A database is worth rewriting when it is large, and more than half of it is holes.
	reclaimFrom = 256 << 20
)

func worth(u etcd.Usage) bool { return u.File > reclaimFrom && u.InUse < u.File/2 }

func (c *Cluster) reclaim(ctx context.Context, engine *etcd.Engine) {
	tick := time.NewTicker(reclaimEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.reclaimOnce(ctx, engine, worth)
		case <-engine.Ended():
			return
		case <-ctx.Done():
			return
		}
	}
}

// reclaimOnce is one round. All members' databases hold the same, so the leader's holes are everybody's.
func (c *Cluster) reclaimOnce(ctx context.Context, engine *etcd.Engine, worth func(etcd.Usage) bool) {
	all, err := engine.Members(ctx)
	if err != nil || len(all) == 1 {
		return
	}
	var self *store.Member
	for i := range all {
		if all[i].Self {
			self = &all[i]
		}
	}
	u, err := engine.Usage(ctx)
	if err != nil || self == nil || !self.Leader || !worth(u) {
		return
	}
	v, err := c.View(ctx)
	if err != nil {
		return
	}
	for _, m := range v.Members {
		if !m.Healthy {
			c.log.Info("space is not reclaimed while a member is away", "node", m.Node)
			return
		}
	}
	client := c.files.Client()
	client.Timeout = reclaimTime
	defer client.CloseIdleConnections()
	for _, m := range all {
		if m.Self || len(m.Peers) == 0 {
			continue
		}
		if err := c.call(ctx, client, m.Peers[0], http.MethodPost, "/genbu/reclaim", &struct{}{}); err != nil {
			c.log.Warn("space is not reclaimed", "node", m.Name, "error", err)
			return
		}
		c.log.Info("space reclaimed", "node", m.Name)
	}
	if err := engine.Yield(ctx, 0); err != nil {
		c.log.Warn("the leader keeps its holes: nobody takes its office", "error", err)
		return
	}
	for end := time.Now().Add(reclaimTime); time.Now().Before(end); time.Sleep(promoteEvery) {
		if err = engine.Defragment(ctx); fault.Of(err) != fault.Busy {
			break
		}
	}
	c.log.Info("space reclaimed", "node", self.Name, "error", err)
}

// askToYield has a leader hand its office over.
func (c *Cluster) askToYield(ctx context.Context, engine *etcd.Engine, m *store.Member) error {
	if m.Self {
		return engine.Yield(ctx, 0)
	}
	if len(m.Peers) == 0 {
		return fault.Unavailable.At("ask to yield")
	}
	client := c.files.Client()
	defer client.CloseIdleConnections()
	return c.call(ctx, client, m.Peers[0], http.MethodPost, "/genbu/yield", &struct{}{})
}
