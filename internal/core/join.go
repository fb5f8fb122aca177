// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The newcomer's side of admission. Its host dials, passes the socket, and sees TLS; the token came over a client channel.

const (
	handshakeTime = 5 * second

	// answerPatience is how long a member may take to let a newcomer in: its store has to take it as a learner first.
	answerPatience = 120 * second
)

// askDoor asks one thing at a node's door. message is made for the connection it goes by.
func (c *Core) askDoor(address string, domain key.ID, trust process.Trust, ask uint8, message func(exporter [32]byte) ([]byte, error)) (answer []byte, exporter [32]byte, err error) {
	raw, err := c.connect(address)
	if err != nil {
		return nil, exporter, err
	}
	if _, err := raw.Write(append([]byte(wire.Preface), wire.DoorAdmission)); err != nil {
		raw.Close()
		return nil, exporter, fault.Unavailable.At("greet the node at " + address)
	}
	conn, err := process.Connect(raw, nil, trust, handshakeTime)
	if err != nil {
		return nil, exporter, err
	}
	defer conn.Close()
	if kind, _, ok := membership.ParseURI(domain, conn.URI); !ok || kind != membership.KindNode {
		return nil, exporter, fault.Denied.At("shake hands with " + address + ": not a core of this domain")
	}
	body, err := message(conn.Export)
	if err != nil {
		return nil, exporter, err
	}
	conn.Patience(answerPatience)
	answer, err = wire.AskDoor(conn, ask, body)
	return answer, conn.Export, err
}

// connect asks the host for a connection and waits for it.
func (c *Core) connect(address string) (*process.Stream, error) {
	id, came := randomID(), make(chan *process.Stream, 1)
	k := &c.cluster
	k.mu.Lock()
	if k.dials == nil {
		k.dials = map[key.ID]chan *process.Stream{}
	}
	k.dials[id] = came
	k.mu.Unlock()
	over := make(chan struct{})
	c.system.After(askTime, func() { close(over) })
	err := c.host.Dial(id, address)
	if err == nil {
		select {
		case raw := <-came:
			return raw, nil
		case <-over:
			err = fault.Timeout.At("wait for the connection to " + address)
		}
	}
	k.mu.Lock()
	delete(k.dials, id)
	k.mu.Unlock()
	select {
	case raw := <-came: // it came after all
		raw.Close()
	default:
	}
	return nil, err
}

// join makes this node a member of a domain, or tells what is missing for that. It is asked again until it is done.
func (m *manager) join() error {
	text, name := m.r.Bytes(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	by, ok := parseKeeping(name, 0, 0)
	if !ok && by.keeper != seal.KeeperCustodians { // whose shares were made when they were chosen
		return fault.ArgumentsBad.At("choose keeper")
	}
	token, err := wire.ParseJoinToken(text)
	if err != nil {
		return err
	}
	defer token.Clear()
	if token.Kind != wire.JoinNode {
		return fault.TokenRefused.At("join: the token is for an agent")
	}
	c := m.core
	c.cluster.joining.Lock()
	defer c.cluster.joining.Unlock()
	if c.State() != wire.StateUninitialized {
		return fault.AlreadyInitialized
	}
	if err := c.tryTPM(by); err != nil { // before the token is used
		return err
	}
	own, err := c.newcomer()
	if err != nil {
		return err
	}
	k := token.Key()
	defer clear(k)
	reply, exporter, err := c.askToJoin(token, k, own, by.keeper.String())
	if err == nil && reply.State == wire.JoinAdmitted {
		err = m.did(nil, wire.AuditState, "join as "+reply.Name, c.enter(token, k, own, by, reply, exporter))
	}
	if err != nil {
		return err
	}
	m.w.U64(uint64(reply.State))
	m.w.String(reply.Name)
	m.w.String(wire.Fingerprint(c.config.Node, own.tls.SPKI(), own.kem.Public()))
	m.w.U64(uint64(reply.Given))
	m.w.U64(uint64(reply.Wanted))
	return nil
}

// newcomer is the identity with which this node asks; the same for every attempt of this run.
func (c *Core) newcomer() (*ownIdentity, error) {
	c.cluster.mu.Lock()
	defer c.cluster.mu.Unlock()
	if c.cluster.own == nil {
		own, err := newIdentity()
		if err != nil {
			return nil, err
		}
		c.cluster.own = own
	}
	return c.cluster.own, nil
}

// askToJoin asks at one door of the token after the other until a core answers.
func (c *Core) askToJoin(token *wire.JoinToken, k []byte, own *ownIdentity, keeper string) (*wire.JoinReply, [32]byte, error) {
	c.cluster.mu.Lock()
	address, transport := c.cluster.address, c.cluster.hostKey
	c.cluster.mu.Unlock()
	ask := wire.JoinRequest{Token: token.ID, Node: c.config.Node, TLS: own.tls.SPKI(), KEM: own.kem.Public(), Door: address.Door, Peer: address.Peer, Keeper: keeper, Transport: transport}
	var last error = fault.Unavailable.At("reach a node of the domain")
	for _, door := range token.Doors {
		answer, exporter, err := c.askDoor(door, token.Domain, process.Trust{Pin: &token.CA}, wire.AskJoin, func(exporter [32]byte) ([]byte, error) {
			var w wire.Writer
			ask.Encode(&w)
			return wire.Authenticate(k, wire.JoinAsks, exporter, w.B), nil
		})
		if err != nil {
			last = err
			if code := fault.Of(err); code == fault.TokenRefused || code == fault.MemberExists || code == fault.ArgumentsBad {
				break // the others would say the same
			}
			continue
		}
		message, ok := wire.Authentic(k, wire.JoinAnswers, exporter, answer)
		r := wire.NewReader(message)
		reply := &wire.JoinReply{}
		if reply.Decode(&r); !ok || r.End() != nil || reply.State != wire.JoinPending && reply.State != wire.JoinAdmitted {
			return nil, exporter, fault.Denied.At("join: the answer is not from who made the token")
		}
		return reply, exporter, nil
	}
	return nil, [32]byte{}, last
}

// enter opens the domain with what a member answered: the keeper gets its part first, then the host its store, and then it is
// as after an unlock.
func (c *Core) enter(token *wire.JoinToken, k []byte, own *ownIdentity, by keeping, reply *wire.JoinReply, exporter [32]byte) error {
	root, err := c.openRoot(own, rootForNewcomer, exporter, reply.Root, k)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.root, c.domain = root, token.Domain
	c.mu.Unlock()
	c.cluster.mu.Lock()
	c.cluster.caDER, c.cluster.cert = clone(reply.CA), clone(reply.Certificate)
	c.cluster.mu.Unlock()
	doors := make([]string, 0, len(reply.Members))
	for _, n := range reply.Members {
		if n.Node != c.config.Node && n.Door != "" {
			doors = append(doors, n.Door)
		}
	}
	c.change.Lock()
	err = c.keepRoot(by, reply.Custodians, doors)
	c.change.Unlock()
	if err == nil {
		err = c.host.Joined(wire.JoinedRequest{Name: reply.Name, Initial: reply.Initial, Members: reply.Members, Transport: reply.Transport})
	}
	if err == nil {
		c.change.Lock()
		err = c.unlockWith(root)
		c.change.Unlock()
	}
	if err != nil {
		c.mu.Lock()
		c.root = ssp.Bytes{}
		c.mu.Unlock()
		root.Free()
	}
	return err
}

// openRoot opens a root key that was sealed to this node. box is the token's key for a newcomer, nil else.
func (c *Core) openRoot(own *ownIdentity, info string, exporter [32]byte, sealed, box []byte) (root ssp.Bytes, err error) {
	var inner ssp.Bytes
	if box != nil {
		if inner, err = holdBytes(box); err != nil {
			return root, err
		}
		defer inner.Free()
	}
	ssp.Do(func() {
		var plain []byte
		if plain, err = own.kem.Open(info, exporter[:], sealed); err != nil {
			return
		}
		if box != nil {
			if plain, err = seal.OpenBox(inner, info, c.config.Node[:], plain, fault.AEADFailed); err != nil {
				return
			}
		}
		if len(plain) != 32 {
			err = fault.AEADFailed.At("take the root key")
			return
		}
		root, err = holdBytes(plain)
	})
	return root, err
}

// keepRoot gives a newcomer's root key to its keeper. The caller holds change.
func (c *Core) keepRoot(by keeping, custodians []byte, doors []string) error {
	if len(custodians) > 0 && by.keeper != seal.KeeperFile {
		h, err := seal.ReadRootHead(custodians)
		if err != nil || h.Domain != c.domain || h.Keeper != seal.KeeperCustodians {
			return fault.RecordInvalid.At("take the custodians' sealed root")
		}
		if _, err := c.host.Root(wire.RootPut, seal.KeeperCustodians.String(), bytes.Clone(custodians)); err != nil {
			return err
		}
		c.setHead(h)
	}
	switch by.keeper {
	case seal.KeeperFile, seal.KeeperTPM:
		_, err := c.sealRoot(by)
		return err
	case seal.KeeperPeers, seal.KeeperPeersTPM:
		return c.savePeers(by.keeper, doors, func() (ssp.Bytes, []byte, error) { return c.identitySecret(by) })
	}
	return nil
}

func (c *Core) setHead(h seal.RootHead) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = h
}
