// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Status is what an agent tells of itself to anybody who asks on its socket (AGENT_STATUS).
type Status struct {
	Nodes        []NodeStatus `json:"nodes"`
	Applications int          `json:"applications"`
	Channels     int          `json:"channels"`
	Logins       int          `json:"logins"`
	Calls        int64        `json:"calls_under_way"`
	Uptime       int64        `json:"uptime_seconds"`
}

// NodeStatus is one node as the agent sees it.
type NodeStatus struct {
	Name        string  `json:"name"`
	Address     string  `json:"address"`
	Health      string  `json:"health"` // unknown, up, refusing, suspect, down, locked
	Why         string  `json:"why,omitempty"`
	Cost        float64 `json:"relative_latency"` // 1: as all nodes
	Connections int     `json:"connections"`
	Calls       uint64  `json:"calls"`
	Hedged      uint64  `json:"hedged"`
	UnderWay    int64   `json:"calls_under_way"`
}

func (a *Agent) status() Status {
	s := Status{Calls: a.queue.Load(), Uptime: int64(time.Since(a.started).Seconds()), Nodes: []NodeStatus{}}
	for _, n := range a.members() {
		h := n.rank(time.Now())
		n.mu.Lock()
		if n.health == healthUnknown {
			h = healthUnknown
		}
		shown := h.String()
		if n.why == whyLocked {
			shown = "locked"
		}
		s.Nodes = append(s.Nodes, NodeStatus{n.name, n.address, shown, n.why, n.cost.value(), len(n.open), n.calls.Load(), n.hedged.Load(),
			n.flight.Load()})
		n.mu.Unlock()
	}
	list := a.applications()
	for _, x := range list {
		x.mu.Lock()
		s.Logins += len(x.logins)
		x.mu.Unlock()
	}
	a.mu.Lock()
	s.Applications, s.Channels = len(list), a.count
	a.mu.Unlock()
	return s
}

func (c *channel) agentStatus(context.Context, request) (*reply, error) {
	text, err := json.Marshal(c.agent.status())
	if err != nil {
		return nil, fault.Internal.At("agent: tell status")
	}
	var w wire.Writer
	w.Bytes(text)
	return ok(w.B), nil
}
