// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// What channels ask of a partition for names (docs/design/names.md).

const backupLabel = "genbu name backup 1"

func (o *objects) Names(q wire.FindNamesRequest) ([]*object.Object, wire.FindNamesRequest, bool, error) {
	return o.tenant.vault.Names(q)
}

func (o *objects) Retention() (days int64, protected bool) {
	i := o.tenant.settings()
	return int64(i.retention), i.protected
}

// SealBackup seals under the domain's key, so that every partition of the domain, and of its clones, opens it.
func (o *objects) SealBackup(plain []byte) ([]byte, error) {
	home, err := o.core.tenant(0)
	if err != nil {
		return nil, err
	}
	return seal.Box(home.key, backupLabel, o.core.domain[:], plain)
}

func (o *objects) OpenBackup(blob []byte) ([]byte, error) {
	home, err := o.core.tenant(0)
	if err != nil {
		return nil, err
	}
	return seal.OpenBox(home.key, backupLabel, o.core.domain[:], blob, fault.RecordInvalid)
}

// purgeTime is how often the core looks for what is due, in seconds.
const purgeTime = 600

// purge destroys what was deleted and whose purge date has come. A core that is busy with it does not begin again.
func (c *Core) purge() {
	if !c.purging.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer c.purging.Store(false)
		for _, t := range c.all() {
			if t.settings().retention == 0 || c.vaultDue(t) {
				continue
			}
			for g := key.GroupKeys; g <= key.GroupCertificates; g++ {
				c.purgeGroup(t, g)
			}
		}
	}()
}

func (c *Core) purgeGroup(t *tenant, g key.Group) {
	q := wire.FindNamesRequest{Partition: t.id, Group: g, Deleted: true, Limit: 64}
	for more := true; more; {
		page, next, rest, err := t.vault.Names(q)
		if err != nil {
			return
		}
		for _, newest := range page {
			all := wire.FindNamesRequest{Partition: t.id, Group: g, Deleted: true, Name: newest.Label(), Limit: 256}
			versions, _, _, err := t.vault.Names(all)
			if err != nil {
				return
			}
			for _, o := range versions {
				c.purgeDue(t, o)
			}
		}
		q, more = next, rest
	}
}

// purgeDue destroys one object with its public half, if it is time. Another node may be doing the same: one of them gets
// Conflict, and the other has done it.
func (c *Core) purgeDue(t *tenant, o *object.Object) {
	if !o.Deleted() || c.Now() < o.PurgeDate() {
		return
	}
	list := []*object.Object{o}
	if o.Class() == key.ClassPrivate && len(o.KeyID()) > 0 {
		class := key.ClassPublic
		halves, _, _, _ := t.vault.Find(wire.Query{Class: &class, ID: o.KeyID()}, key.ID{}, 64)
		for _, h := range halves {
			if h.Class() == class && h.Deleted() && string(h.Label()) == string(o.Label()) {
				list = append(list, h)
			}
		}
	}
	for _, one := range list {
		err := t.vault.Destroy(one)
		if code := fault.Of(err); code != fault.Conflict && code != fault.ObjectUnknown {
			c.log.Append(wire.AuditEntry{Kind: wire.AuditKey, Time: c.system.Now(), Partition: t.id, Object: one.ID,
				Call: uint16(wire.CallNamePurge), Result: code, Text: "its purge date has come"}, true)
		}
	}
}
