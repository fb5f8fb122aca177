// SPDX-License-Identifier: Apache-2.0

package core

import (
	"sync"
	"sync/atomic"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/peer"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// cluster is what this core knows of the domain's nodes: its own identity, the CA, and the members' records. All of it is
// there from unlock to lock; a lone node has it as well, so that the first newcomer finds nothing unusual.
type cluster struct {
	links *peer.Links

	admitting sync.Mutex   // one newcomer after the other; taken before change
	joining   sync.Mutex   // one attempt to join, or to be unlocked by peers, after the other
	told      string       // guarded by joining: why the peers did not unlock, as the log has it
	nextAsk   atomic.Int64 // Boot time before which they are not asked again

	mu       sync.Mutex
	ca       *membership.SigningKey          // guarded by mu: nil while locked
	caDER    []byte                          // guarded by mu
	own      *ownIdentity                    // guarded by mu: nil while locked, but for a node that waits for its peers
	cert     []byte                          // guarded by mu: of own, DER
	renew    int64                           // guarded by mu: Boot time from which cert is issued anew
	nodes    map[key.ID]*nodeRecord          // guarded by mu: replaced, never changed
	changes  uint64                          // guarded by mu: of nodes, by this core
	settings settings                        // guarded by mu
	address  wire.NodeAddress                // guarded by mu: of this node, as its host said last
	dials    map[key.ID]chan *process.Stream // guarded by mu: connections asked for that are no links
	hostKey  []byte                          // guarded by mu: the CertificateRequest of a newcomer's host, for its admission
	waits    map[key.ID]int64                // guarded by mu: Boot time at which a locked node asked last
	allowed  map[key.ID]allowance            // guarded by mu
}

// ownIdentity is this node's keys.
type ownIdentity struct {
	tls *membership.SigningKey
	kem *membership.KEMKey
}

// nodeRecord and settings are records with their places.
type nodeRecord struct {
	*membership.Node
	entry vault.Entry
}

type settings struct {
	*membership.Settings
	entry vault.Entry
}

// openCluster reads the cluster's records after the domain was opened, and makes what a domain of an earlier version, or a
// new one, lacks. The caller holds change.
func (c *Core) openCluster(t *tenant) error {
	ca, caDER, err := c.openCA(t)
	if err != nil {
		return err
	}
	set, err := c.openSettings(t)
	if err != nil {
		return err
	}
	own, err := c.openIdentity(t)
	if err != nil {
		return err
	}
	k := &c.cluster
	k.mu.Lock()
	k.ca, k.caDER, k.settings, k.own, k.renew = ca, caDER, set, own, 0
	k.mu.Unlock()
	if err := c.readNodes(t); err != nil {
		return err
	}
	if err := c.ensureSelf(t); err != nil {
		return err
	}
	if err := c.writeAddress(); err != nil { // this node goes on; the others learn where it is later
		c.host.Log(wire.LogWarn, 0, "this node's addresses are not in its record: "+err.Error())
	}
	if _, err := c.identity(); err != nil {
		return err
	}
	k.links.Start(c.domain, func() process.Identity {
		id, _ := c.identity() // the one at hand, if the next cannot be issued
		return id
	})
	c.tellLinks()
	return nil
}

// openRecord reads a record of the cluster, or adds it.
func openRecord[T any](t *tenant, path string, read func(plain []byte) (T, error), make func() (T, func() []byte, error)) (v T, e vault.Entry, err error) {
	if t.vault.Changed(membership.RecordID(path)) { // it was there once: a store that hides it gets no new one
		make = func() (v T, _ func() []byte, err error) {
			return v, nil, fault.RecordOld.At("read a record of the domain: it is gone")
		}
	}
	get := func() (vault.Entry, error) {
		return t.vault.Read(path, membership.RecordID(path), func(plain []byte) (err error) {
			v, err = read(plain)
			return err
		})
	}
	if e, err = get(); fault.Of(err) != fault.RecordUnknown {
		return v, e, err
	}
	made, encode, err := make()
	if err != nil {
		return v, e, err
	}
	if e, err = t.vault.Add(path, membership.RecordID(path), encode); fault.Of(err) == fault.Conflict {
		e, err = get() // another node was faster
		return v, e, err
	}
	return made, e, err
}

type authority struct {
	key *membership.SigningKey
	der []byte
}

func (c *Core) openCA(t *tenant) (*membership.SigningKey, []byte, error) {
	a, _, err := openRecord(t, membership.CAPath, func(plain []byte) (a authority, err error) {
		a.key, a.der, err = membership.DecodeCA(plain)
		return a, err
	}, func() (a authority, _ func() []byte, err error) {
		if a.key, err = membership.NewSigningKey(); err == nil {
			a.der, err = membership.NewCA(a.key, c.domain, c.Now())
		}
		return a, func() []byte { return membership.EncodeCA(a.key, a.der) }, err
	})
	return a.key, a.der, err
}

func (c *Core) openSettings(t *tenant) (settings, error) {
	s, e, err := openRecord(t, membership.SettingsPath, membership.DecodeSettings, func() (*membership.Settings, func() []byte, error) {
		s := &membership.Settings{LeaseMS: membership.DefaultLease}
		return s, s.Encode, nil
	})
	return settings{s, e}, err
}

// readSettings reads the cluster's policy as the store has it now.
func (c *Core) readSettings(t *tenant) (settings, error) {
	s, err := c.openSettings(t)
	if err == nil {
		c.cluster.mu.Lock()
		c.cluster.settings = s
		c.cluster.mu.Unlock()
	}
	return s, err
}

// openIdentity reads this node's keys. Those with which it was admitted, or waited for its peers, are at hand already.
func (c *Core) openIdentity(t *tenant) (*ownIdentity, error) {
	c.cluster.mu.Lock()
	have := c.cluster.own
	c.cluster.mu.Unlock()
	own, _, err := openRecord(t, membership.IdentityPrefix+c.config.Node.String(), func(plain []byte) (own *ownIdentity, err error) {
		own = &ownIdentity{}
		own.tls, own.kem, err = membership.DecodeIdentity(plain)
		return own, err
	}, func() (own *ownIdentity, _ func() []byte, err error) {
		if own = have; own == nil {
			own, err = newIdentity()
		}
		return own, func() []byte { return membership.EncodeIdentity(own.tls, own.kem) }, err
	})
	if err == nil && have != nil && have != own {
		have.tls.Free()
		have.kem.Free()
	}
	return own, err
}

func newIdentity() (own *ownIdentity, err error) {
	own = &ownIdentity{}
	if own.tls, err = membership.NewSigningKey(); err == nil {
		own.kem, err = membership.NewKEMKey()
	}
	return own, err
}

// ensureSelf makes the record of a domain's first node. Every other has one since it was admitted.
func (c *Core) ensureSelf(t *tenant) error {
	k := &c.cluster
	k.mu.Lock()
	self, others, own, address := k.nodes[c.config.Node], len(k.nodes), k.own, k.address
	k.mu.Unlock()
	if self != nil {
		return nil
	}
	if others > 0 {
		return fault.Denied.At("open the domain: this node is no member of it")
	}
	n := &membership.Node{Node: c.config.Node, Name: firstName, Door: address.Door, Peer: address.Peer, TLS: own.tls.SPKI(), KEM: own.kem.Public(),
		Keeper: c.head.Keeper.String(), Admitted: c.Now()}
	path := membership.NodePrefix + n.Node.String()
	e, err := t.vault.Add(path, membership.RecordID(path), n.Encode)
	if err != nil {
		return err
	}
	c.keepNode(&nodeRecord{n, e})
	return nil
}

// firstName is what a domain's first node is called, until somebody names it.
const firstName = "node1"

// readNodes reads the members' records anew. One that is refused is reported, and is no member.
func (c *Core) readNodes(t *tenant) error {
	k := &c.cluster
	for {
		k.mu.Lock()
		changes := k.changes
		k.mu.Unlock()
		records, err := c.host.List(membership.NodePrefix)
		if err != nil {
			return err
		}
		nodes := map[key.ID]*nodeRecord{}
		for _, rec := range records {
			if n, err := takeNode(t, rec); err == nil {
				nodes[n.Node.Node] = n
			}
		}
		k.mu.Lock()
		same := k.changes == changes // else what was listed may be older than what this core has done since
		if same {
			k.nodes = nodes
		}
		k.mu.Unlock()
		if same {
			return nil
		}
	}
}

// takeNode opens a member's record, which must lie where its node belongs.
func takeNode(t *tenant, rec wire.Record) (n *nodeRecord, err error) {
	n = &nodeRecord{}
	n.entry, err = t.vault.Take(rec, membership.RecordID(rec.Path), func(plain []byte) (err error) {
		n.Node, err = membership.DecodeNode(plain)
		return err
	})
	if err == nil && rec.Path != membership.NodePrefix+n.Node.Node.String() {
		err = fault.RecordInvalid.At("read member")
	}
	return n, err
}

// keepNode and loseNode change the map by replacing it.
func (c *Core) keepNode(n *nodeRecord) {
	c.changeNodes(func(nodes map[key.ID]*nodeRecord) { nodes[n.Node.Node] = n })
}

func (c *Core) loseNode(id key.ID) {
	c.changeNodes(func(nodes map[key.ID]*nodeRecord) { delete(nodes, id) })
}

func (c *Core) changeNodes(f func(nodes map[key.ID]*nodeRecord)) {
	k := &c.cluster
	k.mu.Lock()
	next := make(map[key.ID]*nodeRecord, len(k.nodes)+1)
	for id, n := range k.nodes {
		next[id] = n
	}
	f(next)
	k.nodes = next
	k.changes++
	k.mu.Unlock()
	c.tellLinks()
}

func (c *Core) members() map[key.ID]*nodeRecord {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	return c.cluster.nodes
}

// tellLinks gives the links who may have one.
func (c *Core) tellLinks() {
	var list []peer.Member
	for _, n := range c.members() {
		list = append(list, peer.Member{Node: n.Node.Node, Address: n.Door, TLS: n.TLS})
	}
	c.cluster.links.SetMembers(list)
}

// refreshNodes reads the members anew, after others changed them.
func (c *Core) refreshNodes() error {
	t, err := c.tenant(0)
	if err != nil {
		return err
	}
	if err := c.readNodes(t); err != nil {
		return err
	}
	c.tellLinks()
	return nil
}

// lookForNode is asked about a node that shows a good certificate and is not known here: it may have been admitted just now,
// by another.
func (c *Core) lookForNode(id key.ID) []byte {
	if c.refreshNodes() != nil {
		return nil
	}
	if n := c.members()[id]; n != nil {
		return n.TLS
	}
	return nil
}

// identity is this node's certificate with its key; the certificate is issued anew at half of its life.
func (c *Core) identity() (process.Identity, error) {
	k := &c.cluster
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.own == nil {
		return process.Identity{}, fault.Locked.At("show this node's identity")
	}
	if now := c.system.Boot(); k.ca != nil && (k.cert == nil || now >= k.renew) {
		der, err := membership.Issue(k.ca, c.domain, membership.KindNode, c.config.Node, k.own.tls.SPKI(), c.Now())
		if err != nil && k.cert == nil {
			return process.Identity{}, err
		}
		if err == nil {
			k.cert, k.renew = der, now+membership.Life/2*1_000_000_000
		}
	}
	return process.Identity{Certificate: k.cert, CA: k.caDER, Key: k.own.tls}, nil
}

// nodeCertificate issues the certificate of this host's own transport key (OpNodeCertificate). The host gets nothing by it that
// speaks for a core.
func (c *Core) nodeCertificate(body []byte) ([]byte, error) {
	switch c.State() {
	case wire.StateOperational:
		return c.issueTransport(c.config.Node, body)
	case wire.StateUninitialized: // perhaps to be a member soon: who admits it issues the certificate
		c.cluster.mu.Lock()
		defer c.cluster.mu.Unlock()
		c.cluster.hostKey = clone(body)
	}
	return nil, c.notIn(c.State())
}

// issueTransport answers a host's CertificateRequest with a CertificateReply.
func (c *Core) issueTransport(node key.ID, body []byte) ([]byte, error) {
	var ask wire.CertificateRequest
	r := wire.NewReader(body)
	ask.Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	c.cluster.mu.Lock()
	ca, der := c.cluster.ca, c.cluster.caDER
	c.cluster.mu.Unlock()
	if ca == nil {
		return nil, fault.Locked.At("issue a transport certificate")
	}
	cert, until, err := membership.IssueTransport(ca, c.domain, node, ask.Public, ask.DNS, ask.IPs, c.Now())
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	(&wire.CertificateReply{Certificate: cert, CA: der, NotAfter: uint64(until)}).Encode(&w)
	return w.B, nil
}
