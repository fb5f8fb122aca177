// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/binary"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// agents are the application machines that have channels here, or had.
type agents struct {
	mu    sync.Mutex
	known map[key.ID]*agentRecord                  // guarded by mu: read from the store when first met
	open  map[key.ID]map[*process.Secured]struct{} // guarded by mu: channels
}

type agentRecord struct {
	*membership.Agent
	entry vault.Entry
}

// serveAgent answers a connection from an agent until it ends. What it says over it is a client channel like any other.
func (c *Core) serveAgent(raw *process.Stream) {
	own, err := c.identity()
	if err != nil {
		raw.Close()
		return
	}
	conn, err := c.cluster.links.Shake(raw, own, &process.Trust{CA: own.CA})
	if err != nil {
		c.host.Log(wire.LogWarn, 0, "agent refused: "+err.Error())
		return
	}
	id, err := c.agentOf(conn)
	if err == nil {
		err = c.agents.enter(id, conn)
	}
	if err != nil {
		conn.Close()
		c.host.Log(wire.LogWarn, 0, "agent refused: "+conn.URI+": "+err.Error())
		return
	}
	defer c.agents.leave(id, conn)
	c.server.Serve(conn, agentPeer(id))
}

func agentPeer(id key.ID) channel.Peer {
	return channel.Peer{Door: wire.DoorNumberAgent, UID: binary.BigEndian.Uint32(id[:4]), PID: binary.BigEndian.Uint32(id[4:8]), Agent: id}
}

// agentOf tells which agent has shown its certificate. Its record decides: it must be there, not disabled, and name the key.
func (c *Core) agentOf(conn *process.Secured) (id key.ID, err error) {
	kind, id, ok := membership.ParseURI(c.domain, conn.URI)
	if !ok || kind != membership.KindAgent {
		return id, fault.Denied.At("open a channel: not the certificate of an agent")
	}
	a, err := c.agent(id)
	switch {
	case fault.Of(err) == fault.RecordUnknown:
		return id, fault.Denied.At("open a channel: no such agent")
	case err != nil:
		return id, err
	case a.Disabled:
		return id, fault.Denied.At("open a channel: the agent is disabled")
	case string(a.TLS) != string(conn.Key):
		return id, fault.Denied.At("open a channel: the agent has another key now")
	}
	return id, nil
}

// agent answers an agent's record, from memory or from the store.
func (c *Core) agent(id key.ID) (*agentRecord, error) {
	c.agents.mu.Lock()
	a := c.agents.known[id]
	c.agents.mu.Unlock()
	if a != nil {
		return a, nil
	}
	a, err := c.readAgent(id)
	if err == nil {
		c.agents.mu.Lock()
		if c.agents.known == nil {
			c.agents.known = map[key.ID]*agentRecord{}
		}
		c.agents.known[id] = a
		c.agents.mu.Unlock()
	}
	return a, err
}

func (c *Core) readAgent(id key.ID) (*agentRecord, error) {
	t, err := c.tenant(0)
	if err != nil {
		return nil, err
	}
	a := &agentRecord{}
	path := membership.AgentPrefix + id.String()
	a.entry, err = t.vault.Read(path, membership.RecordID(path), func(plain []byte) (err error) {
		a.Agent, err = membership.DecodeAgent(plain)
		return err
	})
	if err == nil && a.ID != id {
		err = fault.RecordInvalid.At("read agent")
	}
	return a, err
}

// agentChanged drops what is known of an agent, and ends its channels if it may not have any now.
func (c *Core) agentChanged(id key.ID) {
	c.agents.mu.Lock()
	delete(c.agents.known, id)
	c.agents.mu.Unlock()
	if a, err := c.agent(id); err != nil && fault.Of(err) != fault.Unavailable || err == nil && a.Disabled {
		c.agents.end(id)
	}
}

// all lists the agents that this core keeps something of.
func (a *agents) all() []key.ID {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]key.ID, 0, len(a.known))
	for id := range a.known {
		list = append(list, id)
	}
	return list
}

func (a *agents) enter(id key.ID, conn *process.Secured) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.known[id]; r == nil || r.Disabled { // changed since it was looked at
		return fault.Denied.At("open a channel: the agent has changed")
	}
	if a.open == nil {
		a.open = map[key.ID]map[*process.Secured]struct{}{}
	}
	if a.open[id] == nil {
		a.open[id] = map[*process.Secured]struct{}{}
	}
	a.open[id][conn] = struct{}{}
	return nil
}

func (a *agents) leave(id key.ID, conn *process.Secured) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if delete(a.open[id], conn); len(a.open[id]) == 0 {
		delete(a.open, id)
	}
}

// end closes every channel of an agent.
func (a *agents) end(id key.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.open[id] {
		conn.Close()
	}
}

// SealKey is what clients seal requests with secrets to.
func (c *Core) SealKey() []byte { return c.box.Public() }

// Unseal opens one. What it answers was allocated inside ssp.Do, so that it is erased once it is dropped.
func (c *Core) Unseal(call wire.Call, sequence uint32, sealed []byte) (body []byte, err error) {
	ssp.Do(func() { body, err = c.box.Open(wire.SealedInfo, wire.SealedContext(call, sequence), sealed) })
	return body, err
}
