// SPDX-License-Identifier: Apache-2.0

package core

import (
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The keeper "peers": this node has no copy of the root key. Started again, it proves to another core that it holds its keys,
// and that core hands the root over, if the cluster's policy or an admin says so.

// savePeers writes what the next run needs for that, under the 32 bytes of the keeper's file. The caller holds change.
func (c *Core) savePeers(doors []string) error {
	k := &c.cluster
	k.mu.Lock()
	own, ca := k.own, k.caDER
	k.mu.Unlock()
	secret, err := c.keeperSecret()
	if err != nil {
		return err
	}
	defer secret.Free()
	var sealed []byte
	ssp.Do(func() {
		var w wire.Writer
		w.Bytes(membership.EncodeIdentity(own.tls, own.kem))
		w.Bytes(ca)
		w.U32(uint32(len(doors)))
		for _, d := range doors {
			w.String(d)
		}
		sealed, err = seal.SealIdentity(secret, c.domain, w.B)
		clear(w.B)
	})
	if err != nil {
		return err
	}
	if _, err := c.host.Root(wire.RootPut, seal.KeeperPeers.String(), sealed); err != nil {
		return err
	}
	if _, err := c.host.Root(wire.RootDestroy, seal.KeeperFile.String(), nil); err != nil {
		return err
	}
	h, err := seal.ReadRootHead(sealed)
	c.setHead(h)
	return err
}

// openPeers reads what savePeers wrote, and so gives this node its identity back.
func (c *Core) openPeers() (doors []string, err error) {
	sealed, err := c.host.Root(wire.RootGet, seal.KeeperPeers.String(), nil)
	if err != nil {
		return nil, err
	}
	secret, err := c.system.ReadKeeper()
	if err != nil {
		return nil, err
	}
	defer secret.Free()
	own := &ownIdentity{}
	var ca []byte
	ssp.Do(func() {
		var plain []byte
		if plain, err = seal.OpenIdentity(sealed, secret); err != nil {
			return
		}
		r := wire.NewReader(plain)
		identity := r.Bytes()
		ca = clone(r.Bytes())
		for range r.Count(4) {
			doors = append(doors, r.String())
		}
		if err = r.End(); err == nil {
			own.tls, own.kem, err = membership.DecodeIdentity(identity)
		}
	})
	if err != nil {
		return nil, err
	}
	k := &c.cluster
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.own == nil {
		k.own, k.caDER = own, ca
	} else {
		own.tls.Free()
		own.kem.Free()
	}
	return doors, nil
}

// seekPeers is called by Tick: it asks the others, unless somebody wants this node to stay locked.
func (c *Core) seekPeers(now int64) {
	c.mu.RLock()
	wanted := c.head.Keeper == seal.KeeperPeers
	c.mu.RUnlock()
	k := &c.cluster
	if !wanted || c.config.Hold || c.State() != wire.StateLocked || now < k.nextAsk.Load() || !k.joining.TryLock() {
		return
	}
	go func() {
		defer process.LastWords()
		defer k.joining.Unlock()
		err := c.unlockByPeers()
		pause := 1 * second
		if fault.Of(err) == fault.UnlockRefused {
			pause = 3 * second // somebody has to be found who allows it
		}
		k.nextAsk.Store(c.system.Boot() + pause)
	}()
}

// unlockByPeers asks one door after the other. The caller holds joining.
func (c *Core) unlockByPeers() error {
	doors, err := c.openPeers()
	if err != nil {
		return err
	}
	c.cluster.mu.Lock()
	own, ca := c.cluster.own, c.cluster.caDER
	c.cluster.mu.Unlock()
	var last error = fault.Unavailable.At("reach another node")
	for _, door := range doors {
		root, err := c.askForRoot(door, own, ca)
		if err != nil {
			if fault.Of(last) != fault.UnlockRefused { // the one reason that somebody can do something about
				last = err
			}
			continue
		}
		c.change.Lock()
		defer c.change.Unlock()
		if c.State() != wire.StateLocked {
			root.Free()
			return nil
		}
		err = c.unlockWith(root)
		c.log.Append(wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: uint16(wire.CallUnlock), Result: fault.Of(err), Text: "keeper peers"}, false)
		return err
	}
	if text := last.Error(); text != c.cluster.told {
		c.cluster.told = text
		c.host.Log(wire.LogWarn, 0, "the other nodes do not unlock this one: "+text)
	}
	return last
}

func (c *Core) askForRoot(door string, own *ownIdentity, ca []byte) (root ssp.Bytes, err error) {
	c.mu.RLock()
	domain := c.domain
	c.mu.RUnlock()
	answer, exporter, err := c.askDoor(door, domain, process.Trust{CA: ca}, wire.AskUnlock, func(exporter [32]byte) ([]byte, error) {
		digest := wire.ProofDigest(wire.AskUnlock, c.config.Node, exporter)
		signature, err := own.tls.Sign(nil, digest[:], nil)
		var w wire.Writer
		(&wire.ProofRequest{ID: c.config.Node, Signature: signature}).Encode(&w)
		return w.B, err
	})
	if err != nil {
		return root, err
	}
	var reply wire.UnlockReply
	r := wire.NewReader(answer)
	if reply.Decode(&r); r.End() != nil {
		return root, fault.Malformed.At("read a node's answer")
	}
	return c.openRoot(own, rootForUnlock, exporter, reply.Root, nil)
}

// refreshPeers writes the others' doors down anew after they have changed.
func (c *Core) refreshPeers() {
	c.mu.RLock()
	wanted := c.head.Keeper == seal.KeeperPeers
	c.mu.RUnlock()
	if !wanted || c.State() != wire.StateOperational {
		return
	}
	c.change.Lock()
	defer c.change.Unlock()
	var doors []string
	for id, n := range c.members() {
		if id != c.config.Node && n.Door != "" {
			doors = append(doors, n.Door)
		}
	}
	if err := c.savePeers(doors); err != nil {
		c.host.Log(wire.LogWarn, 0, "the other nodes' addresses are not kept: "+err.Error())
	}
}
