// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The calls that move the module from state to state.

// answerTime is how long the process waits, after an act that ends it, for the answer to reach the client.
const answerTime = 100_000_000

func (m *manager) status() error {
	if err := m.r.End(); err != nil {
		return err
	}
	m.core.Status().Encode(&m.w)
	return nil
}

func (m *manager) init() error {
	name, threshold, n, pin := m.r.String(), m.r.U64(), m.r.U64(), m.r.Bytes()
	if err := m.r.End(); err != nil {
		return err
	}
	by, ok := parseKeeping(name, threshold, n)
	if !ok || by.keeper.ByPeers() {
		return fault.ArgumentsBad.At("choose keeper")
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	if c.State() != wire.StateUninitialized { // somebody was faster
		return fault.AlreadyInitialized
	}
	return m.entrust(name, func() ([][]byte, error) { return c.initialize(by, pin) })
}

// entrust runs an act that gives the root key to a keeper. The log takes the intent first, and refuses the act if it cannot;
// once the act is done its shares leave even when the log does not take the outcome: they are kept nowhere else, and
// without them the next lock would be for ever.
func (m *manager) entrust(keeper string, act func() (shares [][]byte, err error)) error {
	if err := m.did(nil, wire.AuditState, "begin: keeper "+keeper, nil); err != nil {
		return err
	}
	shares, err := act()
	m.w.U32(uint32(len(shares)))
	for _, s := range shares {
		m.w.Bytes(s)
		clear(s)
	}
	m.did(nil, wire.AuditState, "keeper "+keeper+m.core.tpmNoted(), err)
	return err
}

func (m *manager) unlock() error {
	share := m.r.Bytes()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	if len(share) == 0 && c.head.Keeper.ByPeers() {
		c.cluster.joining.Lock() // and not change: the sockets of this come while we wait
		defer c.cluster.joining.Unlock()
		m.w.U64(0)
		return c.unlockByPeers()
	}
	c.change.Lock()
	defer c.change.Unlock()
	if c.State() != wire.StateLocked {
		return fault.AlreadyInitialized
	}
	var missing int
	var err error
	switch {
	case len(share) > 0 && c.head.Keeper != seal.KeeperFile:
		missing, err = c.unlockByShare(share)
	case len(share) == 0 && c.head.Keeper == seal.KeeperFile:
		err = c.unlockByFile()
	case len(share) == 0 && c.head.Keeper == seal.KeeperTPM:
		err = c.unlockByTPM()
	default:
		err = fault.ArgumentsBad.At("unlock: the keeper is " + c.head.Keeper.String())
	}
	m.w.U64(uint64(missing))
	return m.did(nil, wire.AuditState, "keeper "+c.head.Keeper.String(), err)
}

// lock ends this core: nothing erases memory as surely as giving it back.
func (m *manager) lock() error {
	if err := m.r.End(); err != nil {
		return err
	}
	if err := m.did(nil, wire.AuditState, "", nil); err != nil {
		return err
	}
	m.core.ends(wire.ExitLocked)
	return nil
}

// zeroize destroys what is in memory, and, when the domain's id confirms it, the sealed root, without which the store is
// noise for ever. It waits for nobody: a host that does not answer, or whose log is full, must not keep secrets alive.
func (m *manager) zeroize() error {
	confirm := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	if confirm != "" && confirm != c.domain.String() {
		return fault.ArgumentsBad.At("zeroize: the confirmation is not this domain's id")
	}
	text := "memory"
	if confirm != "" {
		text = "memory and sealed root"
	}
	c.system.After(lastEntriesTime, func() { c.erase(wire.ExitZeroized) })
	m.core.log.Append(m.entry(nil, wire.AuditState, text, nil), false) // erase gives the log its moment
	var failed error
	if confirm != "" {
		for _, keeper := range keepers {
			if _, err := c.host.Root(wire.RootDestroy, keeper.String(), nil); err != nil {
				failed = err // told, but the memory goes all the same
			}
		}
	}
	c.ends(wire.ExitZeroized)
	return failed
}

// ends erases what is in memory and ends the process once the answer is out. From now on nothing is served.
func (c *Core) ends(code int) {
	c.state.Store(uint32(wire.StateZeroized))
	c.system.After(answerTime, func() { c.erase(code) })
}

func (m *manager) rekeep() error {
	name, threshold, n := m.r.String(), m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	by, ok := parseKeeping(name, threshold, n)
	if !ok {
		return fault.ArgumentsBad.At("choose keeper")
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	return m.entrust(name, func() (shares [][]byte, err error) {
		if shares, err = c.sealRoot(by); err == nil {
			c.noteKeeper(by.keeper.String())
		}
		return shares, err
	})
}

func (m *manager) auditNote() error {
	text := m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	if len(text) == 0 || len(text) > wire.MaxAuditText {
		return fault.ArgumentsBad.At("note: 1 to 1024 bytes")
	}
	return m.did(nil, wire.AuditNote, text, nil)
}

func (m *manager) auditHead() error {
	if err := m.r.End(); err != nil {
		return err
	}
	note, err := m.core.log.Checkpoint()
	m.w.Bytes(note)
	return err
}
