// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/lease"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// What is changed on one node is told on all only when all know it (core/vault, settling).

// settleTime is when a change of another node is in force at the latest, from when this core has heard of it: it tells the others
// when it asks them next, a quarter of a lease later, and what they granted before that lasts as long as the longest lease. Another
// quarter is for a question that is lost, the rest for clocks and messages.
func (c *Core) settleTime() int64 {
	l := &c.coherence
	l.mu.Lock()
	defer l.mu.Unlock()
	longest := max(l.roster.longest, l.roster.length())
	return longest + longest/2 + settleSlack
}

const settleSlack = 500_000_000

// Settle waits until over is closed, or as long as a reader may be kept waiting (vault.Peers): no longer than whoever makes a
// change, who hears InForceLater then.
func (c *Core) Settle(over <-chan struct{}) { c.wait(over, min(c.settleTime(), maxWait)) }

// Later calls f when a change of another node is in force at the latest (vault.Peers).
func (c *Core) Later(f func()) { c.system.After(c.settleTime(), f) }

// sayInForce tells one node that the changes of a partition are in force everywhere.
func (c *Core) sayInForce(node key.ID, n lease.Count) {
	defer process.LastWords()
	var w wire.Writer
	n.Encode(&w)
	c.coherence.network.Call(node, lease.OpSettled, w.B, tellTime)
}

// settled takes that in (lease.OpSettled).
func (c *Core) settled(_ key.ID, body []byte) ([]byte, error) {
	var n lease.Count
	r := wire.NewReader(body)
	n.Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	if t, err := c.tenantByID(n.Partition); err == nil {
		t.vault.InForce(n.Counter)
	}
	return nil, nil
}
