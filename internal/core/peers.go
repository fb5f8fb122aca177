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

// The keepers "peers" and "peers-tpm": this node has no copy of the root key. Started again, it proves to another core that it
// holds its keys, and that core hands the root over, if the cluster's policy or an admin says so.

// savePeers writes what the next run needs for that, under the 32 bytes of the keeper's file or of the TPM. The caller holds change.
func (c *Core) savePeers(keeper seal.Keeper, doors []string, under func() (secret ssp.Bytes, bound []byte, err error)) error {
	k := &c.cluster
	k.mu.Lock()
	own, ca := k.own, k.caDER
	k.mu.Unlock()
	secret, bound, err := under()
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
		sealed, err = seal.SealIdentity(secret, c.domain, w.B, bound)
		clear(w.B)
	})
	if err != nil {
		return err
	}
	if err := c.putRoot(keeper, sealed); err != nil {
		return err
	}
	h, err := seal.ReadRootHead(sealed)
	c.setHead(h)
	return err
}

// openPeers reads what savePeers wrote, and so gives this node its identity back.
func (c *Core) openPeers() (doors []string, err error) {
	keeper := c.keptBy()
	sealed, err := c.host.Root(wire.RootGet, keeper.String(), nil)
	if err != nil {
		return nil, err
	}
	open := c.system.ReadKeeper
	if keeper.ByTPM() {
		open = func() (ssp.Bytes, error) { return c.openByTPM(sealed) }
	}
	secret, err := open()
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
	k := &c.cluster
	if !c.keptBy().ByPeers() || c.config.Hold || c.State() != wire.StateLocked || now < k.nextAsk.Load() || !k.joining.TryLock() {
		return
	}
	go func() {
		defer process.LastWords()
		defer k.joining.Unlock()
		err := c.unlockByPeers()
		pause := 1 * second
		switch fault.Of(err) {
		case fault.UnlockRefused:
			pause = 3 * second // somebody has to be found who allows it
		case fault.TPMMissing, fault.TPMOther, fault.TPMChanged, fault.TPMFailed:
			pause = tpmPause
		}
		k.nextAsk.Store(c.system.Boot() + pause)
	}()
}

// unlockByPeers asks one door after the other. The caller holds joining.
func (c *Core) unlockByPeers() error {
	doors, err := c.openPeers()
	if err != nil {
		c.tellOnce("this node's identity cannot be opened: ", err)
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
		c.log.Append(wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: uint16(wire.CallUnlock), Result: fault.Of(err), Text: "keeper " + c.keptBy().String()}, false)
		return err
	}
	c.tellOnce("the other nodes do not unlock this one: ", last)
	return last
}

// tellOnce logs why an attempt that is made again and again has failed, when it is for another reason than the last time. The caller
// holds joining.
func (c *Core) tellOnce(what string, err error) {
	if text := what + err.Error(); text != c.cluster.told {
		c.cluster.told = text
		c.host.Log(wire.LogWarn, 0, text)
	}
}

// keptBy is who keeps the root key now.
func (c *Core) keptBy() seal.Keeper {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.head.Keeper
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
	if !c.keptBy().ByPeers() || c.State() != wire.StateOperational {
		return
	}
	c.change.Lock()
	defer c.change.Unlock()
	keeper := c.keptBy()
	if !keeper.ByPeers() {
		return
	}
	var doors []string
	for id, n := range c.members() {
		if id != c.config.Node && n.Door != "" {
			doors = append(doors, n.Door)
		}
	}
	if err := c.savePeers(keeper, doors, c.sameSecret); err != nil {
		c.host.Log(wire.LogWarn, 0, "the other nodes' addresses are not kept: "+err.Error())
	}
}
