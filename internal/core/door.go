// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/lease"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/peer"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// startLinks makes the links of this node, which is known from now on; they come up with the domain.
func (c *Core) startLinks() {
	c.cluster.links = peer.New(c.config.Node, c.system, c.host.Dial)
	c.cluster.links.OnLog(func(text string) { c.host.Log(wire.LogWarn, 0, text) })
	c.cluster.links.OnUnknown(c.lookForNode)
	c.cluster.links.OnMembersChanged(func() {
		go func() { // whoever changed them may hold what this needs
			defer process.LastWords()
			c.refreshPeers()
		}()
	})
	c.cluster.links.Handle(lease.OpAsk, c.asked)
	c.cluster.links.Handle(lease.OpTell, c.told)
	c.cluster.links.Handle(lease.OpSettled, c.settled)
	if c.coherence.network == nil { // a test has its own
		c.coherence.network = counted{c.cluster.links, c.meter}
	}
}

// Links is how this core speaks to the other members'.
func (c *Core) Links() *peer.Links { return c.cluster.links }

// Arrived answers who came to the node's door. It is one goroutine's whole work.
func (c *Core) Arrived(raw *process.Stream, purpose uint8) {
	switch {
	case c.State() != wire.StateOperational:
		if c.State() == wire.StateLocked {
			raw.Write(append([]byte(wire.Preface), wire.DoorLocked))
		}
		raw.Close()
	case purpose == wire.DoorLink:
		c.cluster.links.Accept(raw)
	case purpose == wire.DoorChannel:
		c.serveAgent(raw)
	case purpose == wire.DoorAdmission:
		c.serveAdmission(raw)
	default:
		raw.Close()
	}
}

// Dialled takes a connection that this core asked for. It is one goroutine's whole work.
func (c *Core) Dialled(raw *process.Stream, id key.ID) {
	c.cluster.mu.Lock()
	wanted := c.cluster.dials[id]
	delete(c.cluster.dials, id)
	c.cluster.mu.Unlock()
	if wanted != nil {
		wanted <- raw
	} else if !c.cluster.links.Dialled(id, raw) {
		raw.Close()
	}
}

// closeCluster ends links and forgets keys, when an unlock failed.
func (c *Core) closeCluster() {
	k := &c.cluster
	k.links.Stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ca != nil {
		k.ca.Free()
	}
	if k.own != nil && c.State() != wire.StateUninitialized { // a newcomer asks again with the same keys
		k.own.tls.Free()
		k.own.kem.Free()
		k.own = nil
	}
	k.ca, k.cert, k.nodes = nil, nil, nil
}

// nodeAddress takes in how this node is reached. A change goes into its record, for the others.
func (c *Core) nodeAddress(body []byte) error {
	var a wire.NodeAddress
	r := wire.NewReader(body)
	a.Decode(&r)
	if err := r.End(); err != nil {
		return err
	}
	if !membership.ValidAddresses(a.Door, a.Peer) { // such a record would be refused by everybody
		return fault.ArgumentsBad.At("take this node's addresses")
	}
	c.cluster.mu.Lock()
	c.cluster.address = a
	c.cluster.mu.Unlock()
	if c.State() != wire.StateOperational {
		return nil // it is written down at unlock
	}
	c.change.Lock()
	defer c.change.Unlock()
	return c.writeAddress()
}

// writeAddress brings this node's record up to what its host said. The caller holds change.
func (c *Core) writeAddress() error {
	self := c.members()[c.config.Node]
	c.cluster.mu.Lock()
	a := c.cluster.address
	c.cluster.mu.Unlock()
	if self == nil || (a.Door == "" || a.Door == self.Door) && (a.Peer == "" || a.Peer == self.Peer) {
		return nil
	}
	next := *self.Node
	if a.Door != "" {
		next.Door = a.Door
	}
	if a.Peer != "" {
		next.Peer = a.Peer
	}
	return c.changeNode(self, &next)
}

// changeNode commits the next version of a member's record. The caller holds change.
func (c *Core) changeNode(old *nodeRecord, next *membership.Node) error {
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	_, err = t.vault.ChangeThen(old.entry, next.Encode, func(e vault.Entry) { c.keepNode(&nodeRecord{next, e}) })
	if !vault.Done(err) {
		c.refreshNodes() // what is stored decides
	}
	return err
}
