// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// VaultInfo is a vault or managed HSM as the resource manager sees it: from outside.
type VaultInfo struct {
	ID              key.ID
	Name            string
	Slot            uint64
	Flags           uint64 // KindVault or KindManagedHSM
	RetentionDays   uint64
	PurgeProtection bool
	Deleted         int64  // when it was deleted, in unix seconds; 0 while it lives
	Resource        string // what the resource manager keeps of it
}

// VaultCreate makes a vault or managed HSM that has no operators of its own. A managed HSM gets its first administrators, by their client ids.
func (c *Conn) VaultCreate(v VaultInfo, administrators []string) (id key.ID, slot uint64, err error) {
	err = c.call(wire.CallVaultCreate, func(w *wire.Writer) {
		w.String(v.Name)
		w.U64(v.Flags)
		w.U64(v.RetentionDays)
		w.Bool(v.PurgeProtection)
		w.String(v.Resource)
		putTexts(w, administrators)
	}, func(r *wire.Reader) { id, slot = idBytes(r), r.U64() })
	return id, slot, err
}

// VaultList lists the vaults and managed HSMs that the caller may see, deleted ones too.
func (c *Conn) VaultList() (list []VaultInfo, err error) {
	err = c.call(wire.CallVaultList, nil, func(r *wire.Reader) {
		for range r.Count(49) {
			list = append(list, VaultInfo{idBytes(r), r.String(), r.U64(), r.U64(), r.U64(), r.Bool(), int64(r.U64()), r.String()})
		}
	})
	return list, err
}

// VaultSet changes retention, purge protection and what the resource manager keeps.
func (c *Conn) VaultSet(v VaultInfo) error {
	return c.call(wire.CallVaultSet, func(w *wire.Writer) {
		w.Bytes(v.ID[:])
		w.U64(v.RetentionDays)
		w.Bool(v.PurgeProtection)
		w.String(v.Resource)
	}, nil)
}

// VaultDelete takes a vault away from everybody; for its retention it can be recovered.
func (c *Conn) VaultDelete(id key.ID) error { return c.vault(wire.CallVaultDelete, id) }

// VaultRecover brings a deleted vault back.
func (c *Conn) VaultRecover(id key.ID) error { return c.vault(wire.CallVaultRecover, id) }

// VaultPurge destroys a deleted vault with every key in it.
func (c *Conn) VaultPurge(id key.ID) error { return c.vault(wire.CallVaultPurge, id) }

func (c *Conn) vault(call wire.Call, id key.ID) error {
	return c.call(call, func(w *wire.Writer) { w.Bytes(id[:]) }, nil)
}
