// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of a cluster (docs/design/management.md, 0xB0 to 0xBC). Those that change something need a login as the domain's
// admin.

// TokenCreate makes a join token for one node or agent (wire.JoinNode, wire.JoinAgent). It is a secret until it is used.
func (c *Conn) TokenCreate(name string, kind uint8, life time.Duration) (text []byte, err error) {
	err = c.call(wire.CallTokenCreate, func(w *wire.Writer) {
		w.String(name)
		w.U64(uint64(kind))
		w.U64(uint64(life / time.Second))
	}, func(r *wire.Reader) { text = keep(r.Bytes()) })
	return text, err
}

// JoinTokenInfo is one row of Tokens.
type JoinTokenInfo struct {
	ID          key.ID
	Name        string
	Kind        uint8
	Expires     time.Time
	Fingerprint string // of the keys it was shown with; empty while nobody has shown it
	Approvals   uint64
}

// Tokens lists the join tokens that were not used yet.
func (c *Conn) Tokens() (list []JoinTokenInfo, err error) {
	err = c.call(wire.CallTokenList, nil, func(r *wire.Reader) {
		for range r.Count(44) {
			list = append(list, JoinTokenInfo{idBytes(r), r.String(), uint8(r.U64()), time.Unix(int64(r.U64()), 0), r.String(), r.U64()})
		}
	})
	return list, err
}

// TokenRevoke takes back a token, by its name or id.
func (c *Conn) TokenRevoke(name string) error {
	return c.call(wire.CallTokenRevoke, func(w *wire.Writer) { w.String(name) }, nil)
}

// JoinState is how far a newcomer has come.
type JoinState struct {
	Admitted      bool
	Name          string
	Fingerprint   string // of this node's keys: what the admins compare
	Given, Wanted uint64 // approvals
}

// JoinDomain makes the node at this end a member of the token's domain, or says what is missing. The token is zeroed.
func (c *Conn) JoinDomain(token []byte, keeper string) (s JoinState, err error) {
	defer clear(token)
	err = c.call(wire.CallJoin, func(w *wire.Writer) {
		w.Bytes(token)
		w.String(keeper)
	}, func(r *wire.Reader) {
		s = JoinState{r.U64() == uint64(wire.JoinAdmitted), r.String(), r.String(), r.U64(), r.U64()}
	})
	return s, err
}

// Member is one node of the cluster, as the core at this end knows it.
type Member struct {
	wire.ClusterMember
	Keeper   string
	Admitted time.Time
	Self     bool
	Linked   bool // the core at this end has a link to its core
	Waits    bool // it is locked, and asked lately to be unlocked
}

// Members lists the nodes.
func (c *Conn) Members() (list []Member, err error) {
	err = c.call(wire.CallMembers, nil, func(r *wire.Reader) {
		for range r.Count(36) {
			m := Member{ClusterMember: wire.ClusterMember{Node: idBytes(r), Name: r.String(), Door: r.String(), Peer: r.String()}, Keeper: r.String()}
			m.Admitted = time.Unix(int64(r.U64()), 0)
			flags := r.U64()
			m.Self, m.Linked, m.Waits = flags&1 != 0, flags&2 != 0, flags&4 != 0
			list = append(list, m)
		}
	})
	return list, err
}

// Approve says that an admin has compared the fingerprint of a newcomer's keys, and answers how many have.
func (c *Conn) Approve(name, fingerprint string) (given, wanted uint64, err error) {
	err = c.call(wire.CallApprove, func(w *wire.Writer) {
		w.String(name)
		w.String(fingerprint)
	}, func(r *wire.Reader) { given, wanted = r.U64(), r.U64() })
	return given, wanted, err
}

// NodeUnlock lets a locked node whose keeper is "peers" be unlocked by this core, once.
func (c *Conn) NodeUnlock(name string) error {
	return c.call(wire.CallNodeUnlock, func(w *wire.Writer) { w.String(name) }, nil)
}

// MemberRemove ends a membership, by name or id.
func (c *Conn) MemberRemove(name string) error {
	return c.call(wire.CallMemberRemove, func(w *wire.Writer) { w.String(name) }, nil)
}

// ClusterPolicy is what the domain's admins decided for all nodes.
type ClusterPolicy struct {
	Approvals   uint64 // admins who must approve a node's keys before it is let in
	AutoUnlock  bool   // restarted nodes whose keeper is "peers" are unlocked by the others without asking
	Lease       time.Duration
	Incarnation key.ID
}

// ClusterPolicy reads it.
func (c *Conn) ClusterPolicy() (p ClusterPolicy, err error) {
	err = c.call(wire.CallClusterPolicy, nil, func(r *wire.Reader) {
		p = ClusterPolicy{r.U64(), r.U64() == 1, time.Duration(r.U64()) * time.Millisecond, idBytes(r)}
	})
	return p, err
}

// What ClusterSet changes.
const (
	SetApprovals  uint64 = 1
	SetAutoUnlock uint64 = 2
	SetLease      uint64 = 4
)

// ClusterSet changes what mask names.
func (c *Conn) ClusterSet(mask uint64, p ClusterPolicy) error {
	return c.call(wire.CallClusterSet, func(w *wire.Writer) {
		w.U64(mask)
		w.U64(p.Approvals)
		w.U64(bit(p.AutoUnlock))
		w.U64(uint64(p.Lease / time.Millisecond))
	}, nil)
}

// AgentInfo is one row of Agents.
type AgentInfo struct {
	ID        key.ID
	Name      string
	Enrolled  time.Time
	Disabled  bool
	Connected bool // to this node
}

// Agents lists the enrolled agents.
func (c *Conn) Agents() (list []AgentInfo, err error) {
	err = c.call(wire.CallAgentList, nil, func(r *wire.Reader) {
		for range r.Count(40) {
			a := AgentInfo{ID: idBytes(r), Name: r.String(), Enrolled: time.Unix(int64(r.U64()), 0)}
			flags := r.U64()
			a.Disabled, a.Connected = flags&1 != 0, flags&2 != 0
			list = append(list, a)
		}
	})
	return list, err
}

// AgentSet disables or enables an agent; its channels end when it is disabled.
func (c *Conn) AgentSet(name string, disabled bool) error {
	return c.call(wire.CallAgentSet, func(w *wire.Writer) {
		w.String(name)
		w.U64(bit(disabled))
	}, nil)
}

// AgentRemove ends an agent.
func (c *Conn) AgentRemove(name string) error {
	return c.call(wire.CallAgentRemove, func(w *wire.Writer) { w.String(name) }, nil)
}
