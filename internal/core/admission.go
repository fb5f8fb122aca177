// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/hmac"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// What a member's core answers to those who have no link yet (docs/design/cluster.md). They have seen its certificate and
// shown none; each request is proven by a token's key or by a signature, and bound to the TLS connection it came by.

const (
	// askTime is how long somebody at the door may take to say what he wants.
	askTime = 10 * second

	second = int64(1_000_000_000)

	// What the root key is sealed for.
	rootForNewcomer = "genbu root for a newcomer 1"
	rootForUnlock   = "genbu root for unlock 1"
)

// serveAdmission answers one request. It is one goroutine's whole work.
func (c *Core) serveAdmission(raw *process.Stream) {
	own, err := c.identity()
	if err != nil {
		raw.Close()
		return
	}
	conn, err := c.cluster.links.Shake(raw, own, nil)
	if err != nil {
		return // a scanner, a health check: nobody who has begun to speak our language
	}
	defer conn.Close()
	c.cluster.links.Enter(raw) // who does not say what he wants is among those at the door
	conn.Patience(askTime)
	err = wire.AnswerDoor(conn, func(ask uint8, body []byte) ([]byte, error) {
		c.cluster.links.Leave(raw)
		return c.answerDoor(conn.Export, ask, body)
	})
	c.cluster.links.Leave(raw)
	if err != nil {
		c.host.Log(wire.LogWarn, 0, "request at the door: "+err.Error())
	}
}

func (c *Core) answerDoor(exporter [32]byte, ask uint8, body []byte) ([]byte, error) {
	t, err := c.tenant(0)
	if err != nil || c.State() != wire.StateOperational {
		return nil, fault.Locked.At("answer at the door")
	}
	c.cluster.admitting.Lock()
	defer c.cluster.admitting.Unlock()
	switch ask {
	case wire.AskJoin:
		return c.admitNode(t, exporter, body)
	case wire.AskEnrol:
		return c.enrolAgent(t, exporter, body)
	case wire.AskUnlock:
		return c.unlockNode(t, exporter, body)
	case wire.AskRenew:
		return c.renewAgent(t, exporter, body)
	}
	return nil, fault.Unsupported.At("answer at the door")
}

// noteDoor writes what came of a request at the door into the audit log, on disk before the answer.
func (c *Core) noteDoor(t *tenant, by key.ID, text string, err error) error {
	kind := wire.AuditManage
	if err != nil {
		kind = wire.AuditRefusal
	}
	failed := c.log.Append(wire.AuditEntry{Kind: kind, Time: c.system.Now(), Partition: t.id, Operator: by, Result: fault.Of(err), Text: text}, err == nil)
	if err == nil {
		err = failed
	}
	return err
}

// checkToken finds the token of a request and checks that who asks has its secret. A token that is gone, damaged or somebody
// else's gets the same answer as one that never was.
func (c *Core) checkToken(t *tenant, id key.ID, kind membership.Kind, what string, exporter [32]byte, message []byte) (*tokenRecord, error) {
	refused := fault.TokenRefused.At("check join token: unknown, used or revoked")
	tok, err := c.token(t, id)
	switch code := fault.Of(err); {
	case code == fault.Unavailable || code == fault.Timeout:
		return nil, err
	case err != nil:
		return nil, refused
	}
	if _, ok := wire.Authentic(tok.Key, what, exporter, message); !ok || tok.Kind != kind {
		return nil, refused
	}
	if tok.Expires < c.Now() {
		return nil, fault.TokenRefused.At("check join token: it has expired")
	}
	return tok, nil
}

// admitNode lets a node in (wire.AskJoin).
func (c *Core) admitNode(t *tenant, exporter [32]byte, message []byte) ([]byte, error) {
	var ask wire.JoinRequest
	r := wire.NewReader(message[:max(0, len(message)-32)])
	if ask.Decode(&r); r.End() != nil {
		return nil, fault.Malformed.At("read join request")
	}
	if n := c.admittedBefore(&ask, exporter, message); n != nil {
		return c.welcome(n, n.TokenKey, exporter, ask.Transport)
	}
	tok, err := c.checkToken(t, ask.Token, membership.KindNode, wire.JoinAsks, exporter, message)
	if err != nil {
		return nil, c.noteDoor(t, key.ID{}, "join of node "+ask.Node.String(), err)
	}
	keeper, known := seal.ParseKeeper(ask.Keeper)
	switch {
	case !known || !membership.ValidKeys(ask.TLS, ask.KEM) || ask.Node.IsZero() || !membership.ValidAddresses(ask.Door, ask.Peer):
		return nil, fault.ArgumentsBad.At("read join request")
	case keeper == seal.KeeperCustodians && len(c.custodians()) == 0:
		return nil, fault.ArgumentsBad.At("join with keeper custodians: this domain's root key has none here")
	case c.members()[ask.Node] != nil:
		return nil, fault.MemberExists.At("join: this node is a member already")
	}
	if taken, err := c.nameTaken(membership.KindNode, tok.Name); err != nil || taken {
		return nil, fault.MemberExists.At("join")
	}
	set, err := c.readSettings(t)
	if err != nil {
		return nil, err
	}
	fingerprint := wire.Fingerprint(ask.Node, ask.TLS, ask.KEM)
	if len(tok.Fingerprint) > 0 && string(tok.Fingerprint) != fingerprint {
		return nil, c.noteDoor(t, key.ID{}, "join of node "+tok.Name, fault.TokenRefused.At("check join token: it was shown with other keys before"))
	}
	if len(tok.Approvals) < int(set.Approvals) {
		return c.pending(t, tok, fingerprint, set.Approvals, exporter)
	}
	initial, err := c.host.Member(wire.MemberRequest{Verb: wire.MemberAdd, Node: ask.Node, Name: tok.Name, Peer: ask.Peer})
	if err != nil {
		return nil, err
	}
	n := &membership.Node{Node: ask.Node, Name: tok.Name, Door: ask.Door, Peer: ask.Peer, TLS: clone(ask.TLS), KEM: clone(ask.KEM), Keeper: ask.Keeper,
		Admitted: c.Now(), By: tok.By, Token: tok.ID, TokenKey: tok.Key, TokenUntil: tok.Expires}
	c.change.Lock()
	path := membership.NodePrefix + n.Node.String()
	e, err := t.vault.Exchange(tok.entry, path, membership.RecordID(path), n.Encode)
	if err == nil {
		c.keepNode(&nodeRecord{n, e})
	}
	c.change.Unlock()
	if err := c.noteDoor(t, tok.By, "node "+n.Name+" joins with keys "+fingerprint, err); err != nil {
		return nil, err
	}
	return c.welcomeWith(n, n.TokenKey, exporter, initial, ask.Transport)
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// pending binds the token to the newcomer's keys and says how many admins have approved them.
func (c *Core) pending(t *tenant, tok *tokenRecord, fingerprint string, wanted uint32, exporter [32]byte) ([]byte, error) {
	if len(tok.Fingerprint) == 0 {
		next := *tok.Token
		next.Fingerprint = []byte(fingerprint)
		c.change.Lock()
		_, err := t.vault.Change(tok.entry, next.Encode)
		c.change.Unlock()
		if err := c.noteDoor(t, tok.By, "node "+tok.Name+" asks to join with keys "+fingerprint, err); err != nil {
			return nil, err
		}
	}
	var w wire.Writer
	(&wire.JoinReply{State: wire.JoinPending, Name: tok.Name, Given: uint32(len(tok.Approvals)), Wanted: wanted}).Encode(&w)
	return wire.Authenticate(tok.Key, wire.JoinAnswers, exporter, w.B), nil
}

// admittedBefore finds a node whose answer was lost: it asks again with the same token, the same id and the same keys.
func (c *Core) admittedBefore(ask *wire.JoinRequest, exporter [32]byte, message []byte) *membership.Node {
	n := c.members()[ask.Node]
	if n == nil || n.Token != ask.Token || len(n.TokenKey) == 0 || n.TokenUntil < c.Now() ||
		!hmac.Equal(n.TLS, ask.TLS) || !hmac.Equal(n.KEM, ask.KEM) {
		return nil
	}
	if _, ok := wire.Authentic(n.TokenKey, wire.JoinAsks, exporter, message); !ok {
		return nil
	}
	return n.Node
}

func (c *Core) welcome(n *membership.Node, k []byte, exporter [32]byte, transport []byte) ([]byte, error) {
	initial, err := c.host.Member(wire.MemberRequest{Verb: wire.MemberAdd, Node: n.Node, Name: n.Name, Peer: n.Peer})
	if err != nil {
		return nil, err
	}
	return c.welcomeWith(n, k, exporter, initial, transport)
}

// welcomeWith is the answer to a newcomer: what it needs to be one of us. The root key goes to its core only: whoever would read
// it on the way needs the token's secret and the newcomer's KEM key, besides TLS.
func (c *Core) welcomeWith(n *membership.Node, k []byte, exporter [32]byte, initial string, transport []byte) ([]byte, error) {
	reply := wire.JoinReply{State: wire.JoinAdmitted, Name: n.Name, Custodians: c.custodians(), Initial: initial, Members: c.memberList()}
	c.cluster.mu.Lock()
	ca := c.cluster.ca
	reply.CA = c.cluster.caDER
	c.cluster.mu.Unlock()
	var err error
	if reply.Certificate, err = membership.Issue(ca, c.domain, membership.KindNode, n.Node, n.TLS, c.Now()); err != nil {
		return nil, err
	}
	if len(transport) > 0 {
		if reply.Transport, err = c.issueTransport(n.Node, transport); err != nil {
			return nil, err
		}
	}
	box, err := holdBytes(k)
	if err != nil {
		return nil, err
	}
	defer box.Free()
	c.mu.RLock()
	root := c.root
	c.mu.RUnlock()
	ssp.Do(func() {
		root.Use(access.Token{}, func(p []byte) {
			var inner []byte
			if inner, err = seal.Box(box, rootForNewcomer, n.Node[:], p); err == nil {
				reply.Root, err = membership.SealTo(n.KEM, rootForNewcomer, exporter[:], inner)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	reply.Encode(&w)
	return wire.Authenticate(k, wire.JoinAnswers, exporter, w.B), nil
}

// custodians is the root key as the custodians' shares open it, where this node has it.
func (c *Core) custodians() []byte {
	sealed, err := c.host.Root(wire.RootGet, seal.KeeperCustodians.String(), nil)
	if err != nil {
		return nil
	}
	if h, err := seal.ReadRootHead(sealed); err != nil || h.Domain != c.domain || h.Keeper != seal.KeeperCustodians {
		return nil
	}
	return sealed
}

func (c *Core) memberList() (list []wire.ClusterMember) {
	for id, n := range c.members() {
		list = append(list, wire.ClusterMember{Node: id, Name: n.Name, Door: n.Door, Peer: n.Peer})
	}
	return list
}

// holdBytes moves bytes into secret memory; the ordinary copy is the caller's to clear.
func holdBytes(b []byte) (ssp.Bytes, error) {
	k, err := ssp.Alloc(len(b))
	if err == nil {
		k.Use(access.Token{}, func(p []byte) { copy(p, b) })
	}
	return k, err
}

// unlockNode gives the root key to a restarted node whose keeper is the other nodes (wire.AskUnlock).
func (c *Core) unlockNode(t *tenant, exporter [32]byte, body []byte) ([]byte, error) {
	var ask wire.ProofRequest
	r := wire.NewReader(body)
	if ask.Decode(&r); r.End() != nil {
		return nil, fault.Malformed.At("read unlock request")
	}
	// As the store has them now: one may just have been removed. No lease is asked for: of two nodes the one that runs has none
	// while the other waits to be unlocked.
	if err := c.readNodes(t); err != nil {
		return nil, err
	}
	n := c.members()[ask.ID]
	if n == nil {
		return nil, c.noteDoor(t, key.ID{}, "unlock node "+ask.ID.String(), fault.MemberUnknown.At("unlock a node: it is no member"))
	}
	digest := wire.ProofDigest(wire.AskUnlock, ask.ID, exporter)
	if !membership.VerifySignature(n.TLS, digest[:], ask.Signature) {
		return nil, c.noteDoor(t, key.ID{}, "unlock node "+n.Name, fault.Denied.At("unlock a node: not its key"))
	}
	set, err := c.readSettings(t)
	if err != nil {
		return nil, err
	}
	refused := fault.UnlockRefused.At("the policy does not unlock nodes by itself")
	told := c.waiting(n.Node.Node) // a node asks every few seconds
	by, allowed := c.mayUnlock(n.Node.Node)
	if !set.AutoUnlock && !allowed {
		if told {
			return nil, refused
		}
		c.host.Log(wire.LogWarn, 0, "node "+n.Name+" waits to be unlocked: genbu cluster unlock "+n.Name)
		return nil, refused
	}
	if err := c.noteDoor(t, by, "unlock node "+n.Name, nil); err != nil {
		return nil, err
	}
	c.waitsNoMore(n.Node.Node)
	reply := wire.UnlockReply{Members: c.memberList()}
	c.mu.RLock()
	root := c.root
	c.mu.RUnlock()
	ssp.Do(func() {
		root.Use(access.Token{}, func(p []byte) { reply.Root, err = membership.SealTo(n.KEM, rootForUnlock, exporter[:], p) })
	})
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, nil
}

func (c *Core) waitsNoMore(node key.ID) {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	delete(c.cluster.waits, node)
}

// allowance is an admin's word that a node may be unlocked once.
type allowance struct {
	by    key.ID
	until int64 // Boot time
}

// allowTime is long enough for a node that is being started, and short for one that is not.
const allowTime = 600 * second

// mayUnlock notes that the node waits, and takes an allowance if there is one.
func (c *Core) mayUnlock(node key.ID) (by key.ID, ok bool) {
	now := c.system.Boot()
	k := &c.cluster
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waits == nil {
		k.waits = map[key.ID]int64{}
	}
	k.waits[node] = now
	a, ok := k.allowed[node]
	delete(k.allowed, node)
	return a.by, ok && now < a.until
}
