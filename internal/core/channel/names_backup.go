// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// backupVersion is the first byte of what a backup seals:
//
//	y version | y group | b name | u32 count | count x b record (object.Encode)
const backupVersion = 1

// nameBackup answers every version of a name, sealed for the security domain.
func nameBackup(c *channel) error {
	id, group, name := c.r.U64(), key.Group(c.r.U64()), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if err := policy.Name(v.who(), group, name, policy.BackupAction(group)); err != nil {
		return err
	}
	list, err := c.versions(v, group, name, false)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.ObjectUnknown.At("find name")
	}
	if err := policy.Each(v.who(), list, policy.BackupAction(group)); err != nil {
		return err
	}
	var all []*object.Object
	for _, o := range slices.Backward(list) {
		halves, err := c.halves(v, o)
		if err != nil {
			return err
		}
		all = append(append(all, halves...), o)
	}
	if len(all) > maxBackup {
		return fault.TooLarge.At("back up name")
	}
	var blob []byte
	ssp.Do(func() {
		size := 256
		for _, o := range all {
			size += 2*int(o.Size()) + 1024 // with room, so that no outgrown buffer is left behind
		}
		w := wire.Writer{B: make([]byte, 0, size)}
		w.U8(backupVersion)
		w.U8(uint8(group))
		w.Bytes(name)
		w.U32(uint32(len(all)))
		for _, o := range all {
			err = c.material(v, ref{o, nil}, func(m mech.Material) error {
				b := wire.Writer{B: make([]byte, 0, o.EncodedLen(m))}
				o.Encode(&b, m)
				w.Bytes(b.B)
				clear(b.B)
				return nil
			})
			if err != nil {
				break
			}
		}
		defer clear(w.B)
		if err == nil {
			blob, err = v.tokens.SealBackup(w.B)
		}
	})
	if err != nil {
		return err
	}
	c.about.Object = list[0].ID
	if err := c.record(list[0].ID); err != nil {
		return err
	}
	c.w.Bytes(blob)
	return nil
}

// nameRestore makes again what a backup holds, under new ids. The name must be free.
func nameRestore(c *channel) error {
	id, group, blob := c.r.U64(), key.Group(c.r.U64()), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if err := policy.Write(v.rw, true); err != nil {
		return err
	}
	if v.login == nil {
		return fault.NotLoggedIn.At("restore name")
	}
	ssp.Do(func() {
		var plain []byte
		if plain, err = v.tokens.OpenBackup(blob); err != nil {
			return
		}
		defer clear(plain)
		var name []byte
		var news []NewObject
		if name, news, err = c.reborn(v, group, plain); err != nil {
			return
		}
		for chunk := range slices.Chunk(news, restoreBatch) {
			var kept []*object.Object
			if err = c.module.Leased(); err != nil {
				return
			}
			if kept, err = v.tokens.Create(v.whoever(), chunk); err != nil {
				return
			}
			for _, o := range kept {
				if err = c.committed(o.ID, nil); err != nil {
					return
				}
			}
		}
		c.w.Bytes(name)
	})
	return err
}

// reborn reads a backup and decides about it.
func (c *channel) reborn(v view, group key.Group, plain []byte) (name []byte, news []NewObject, err error) {
	bad := fault.RecordInvalid.At("read backup")
	r := wire.NewReader(plain)
	version, of, name, count := r.U8(), key.Group(r.U8()), r.Bytes(), r.Count(4)
	if r.Err() != nil || version != backupVersion || of != group || !key.ValidName(name) || count > maxBackup {
		return nil, nil, bad
	}
	if err := policy.Name(v.who(), group, name, policy.RestoreAction(group)); err != nil {
		return nil, nil, err
	}
	for _, deleted := range []bool{false, true} {
		page, _, _, err := v.tokens.Names(wire.FindNamesRequest{Partition: v.partition, Group: group, Deleted: deleted, Name: name, Limit: 1})
		if err != nil {
			return nil, nil, err
		}
		if len(page) > 0 {
			return nil, nil, fault.NameTaken.At("restore name")
		}
	}
	for range count {
		o, m, err := object.Decode(r.Bytes())
		if err != nil {
			return nil, nil, err
		}
		if o, err = o.Reborn(newID()); err != nil {
			return nil, nil, err
		}
		news = append(news, NewObject{o, m})
	}
	if r.End() != nil || len(news) == 0 {
		return nil, nil, bad
	}
	for _, n := range news {
		if err := policy.Each(v.who(), []*object.Object{n.Object}, policy.RestoreAction(group)); err != nil {
			return nil, nil, err
		}
	}
	return name, news, nil
}
