// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/archive"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// returning is a restore on its way. The backup passes twice: while checked is false everything in it is opened and nothing is changed.
type returning struct {
	*archive.PartitionReader
	checked   bool
	ids       map[key.ID]struct{} // of the objects that are to be put back
	access    *charter            // nil: the backup has none
	retention uint64
	protected bool
	from      int64 // when the changes began: what is made after that stays
	undone    []wire.Undone
	made      int
}

// partitionRestore answers OpPartitionRestore.
func (c *Core) partitionRestore(body []byte) ([]byte, error) {
	r, ask, err := c.runOf(body, true)
	if err != nil {
		return nil, err
	}
	defer r.mu.Unlock()
	if err := c.AwaitLease(); err != nil {
		return nil, err
	}
	switch {
	case ask.Verb == wire.BackupBegin && r.in == nil:
		if err := c.arrive(r, ask.Bytes); err != nil {
			return nil, c.endRun(r, "restore refused", err)
		}
		return answerBackup(&wire.BackupReply{Backup: r.in.Head.Backup, Domain: r.in.Head.Domain}, nil)
	case ask.Verb == wire.BackupDrop:
		return answerBackup(&wire.BackupReply{}, c.endRun(r, r.given(), nil))
	case r.in == nil || r.in.checked && r.dry:
		return nil, fault.ArgumentsBad.At("restore: it was not begun, or only looked at")
	case ask.Verb == wire.BackupChunk && !r.in.checked:
		if err := r.check(ask.Number, ask.Last, ask.Bytes); err != nil {
			return nil, c.endRun(r, "restore refused", err)
		}
		return answerBackup(&wire.BackupReply{}, nil)
	case ask.Verb == wire.BackupEnd && !r.in.checked:
		if err := c.mayArrive(r); err != nil {
			return nil, c.endRun(r, "restore refused", err)
		}
		return answerBackup(&wire.BackupReply{}, nil)
	case ask.Verb == wire.BackupChunk:
		if err := c.putChunk(r, ask.Number, ask.Last, ask.Bytes); err != nil {
			return nil, c.endRun(r, r.text("restore failed on its way"), err)
		}
		return answerBackup(&wire.BackupReply{}, nil)
	case ask.Verb == wire.BackupEnd:
		err := c.settleRestore(r)
		reply := &wire.BackupReply{Undone: r.in.undone}
		text := r.text("restored")
		if !vault.Done(err) {
			text = r.text("restore failed on its way")
		}
		return answerBackup(reply, c.endRun(r, text, err))
	}
	return nil, fault.Unsupported.At("restore")
}

// given says how far a run came that the host gave up.
func (r *run) given() string {
	switch {
	case r.in != nil && r.in.checked && r.dry:
		return "restore looked at: it can be done"
	case r.in != nil && r.in.checked:
		return r.text("restore given up on its way")
	}
	return "restore given up"
}

func (r *run) text(what string) string {
	if r.in == nil {
		return what
	}
	count := map[uint8]int{}
	for _, u := range r.in.undone {
		count[u.What]++
	}
	return what + ", backup " + r.in.Head.Backup.String() + ": " + strconv.Itoa(r.in.made) + " made, " + strconv.Itoa(count[wire.UndoneDestruction]) + " back, " +
		strconv.Itoa(count[wire.UndoneChange]) + " as they were, " + strconv.Itoa(count[wire.UndoneCreation]+count[wire.UndoneDeleted]) + " gone"
}

// arrive opens the backup's head. DomainOther: it was made under another HSM's security domain.
func (c *Core) arrive(r *run, head []byte) error {
	k, domain, err := c.domainKey(r.tenant)
	if err != nil {
		return err
	}
	r.seal = k
	reader, err := archive.NewPartitionReader(k, domain, head)
	if err != nil {
		return err
	}
	r.in = &returning{PartitionReader: reader, ids: map[key.ID]struct{}{}}
	return nil
}

// check opens a chunk and everything in it.
func (r *run) check(number uint64, last bool, sealed []byte) error {
	in := r.in
	return in.PartitionReader.Chunk(number, last, sealed, func(kind uint8, plain []byte) (err error) {
		if (kind == archive.ItemSettings) != (in.retention == 0) {
			return fault.BackupInvalid.At("read backup: the settings are not its first item")
		}
		switch kind {
		case archive.ItemSettings:
			in.retention, in.protected, err = keptFrom(plain)
		case archive.ItemAccess:
			if in.access != nil {
				return fault.BackupInvalid.At("read backup: roles are there twice")
			}
			in.access, err = decodeAccess(plain)
		case archive.ItemObject:
			var o *object.Object
			if o, _, err = object.Decode(plain); err != nil {
				return err
			}
			if _, twice := in.ids[o.ID]; twice {
				return fault.BackupInvalid.At("read backup: an object is there twice")
			}
			if r.wants(o) {
				in.ids[o.ID] = struct{}{}
			}
		}
		return err
	})
}

// wants tells whether the run restores an object: all, or those of one key.
func (r *run) wants(o *object.Object) bool {
	if r.name == "" {
		return true
	}
	return string(o.Label()) == r.name && (o.Kind() == key.GroupKeys || o.Class() == key.ClassPublic)
}

// mayArrive decides, once everything was opened, whether it may be put in place.
func (c *Core) mayArrive(r *run) error {
	in := r.in
	if err := in.End(); err != nil {
		return err
	}
	count := uint64(len(in.ids))
	if r.name != "" {
		if count == 0 {
			return fault.ObjectUnknown.At("restore key: the backup has none of this name")
		}
		for _, deleted := range []bool{false, true} {
			page, _, _, err := r.tenant.vault.Names(wire.FindNamesRequest{Partition: r.tenant.id, Group: key.GroupKeys, Deleted: deleted, Name: []byte(r.name), Limit: 1})
			if err != nil {
				return err
			}
			if len(page) > 0 {
				return fault.NameTaken.At("restore key")
			}
		}
		count += uint64(r.tenant.vault.Count())
	}
	if count > r.tenant.settings().maxObjects {
		return fault.QuotaExceeded.At("restore")
	}
	in.checked, in.from = true, c.system.Now()
	in.PartitionReader = in.Again()
	return nil
}

// putChunk puts the objects of a chunk back.
func (c *Core) putChunk(r *run, number uint64, last bool, sealed []byte) error {
	var list []*object.Object
	v := r.tenant.vault
	err := r.in.PartitionReader.Chunk(number, last, sealed, func(kind uint8, plain []byte) error {
		if kind != archive.ItemObject {
			return nil
		}
		o, err := v.Keep(plain)
		if err == nil && r.wants(o) {
			list = append(list, o)
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.name != "" { // nothing that is here is changed
		for _, o := range list {
			switch what, _, err := v.Compare(o); {
			case err != nil:
				return err
			case what == vault.PutChanged:
				return fault.NameTaken.At("restore key: a version of it is here under another name")
			}
		}
	}
	done, err := v.PutBack(list)
	for i, what := range done {
		switch what {
		case vault.PutMade:
			r.in.made++
			c.noteRestored(r, list[i], 0, err)
		case vault.PutRevived:
			c.noteRestored(r, list[i], wire.UndoneDestruction, err)
		case vault.PutChanged:
			c.noteRestored(r, list[i], wire.UndoneChange, err)
		}
	}
	if vault.Done(err) {
		return nil
	}
	return err
}

var restoredWords = map[uint8]string{0: "restored", wire.UndoneDestruction: "restored: it had been destroyed", wire.UndoneChange: "restored to what it was",
	wire.UndoneCreation: "destroyed: the backup that was restored does not have it", wire.UndoneDeleted: "deleted: the backup that was restored does not have it",
	wire.UndoneKept: "kept, although the backup that was restored does not have it"}

// noteRestored writes what became of an object into the audit log, and into the answer if something was taken back.
func (c *Core) noteRestored(r *run, o *object.Object, what uint8, err error) {
	e := r.began
	e.Kind, e.Time, e.Object, e.Text, e.Result = wire.AuditKey, c.system.Now(), o.ID, restoredWords[what], fault.Of(err)
	c.log.Append(e, false)
	if what != 0 && len(r.in.undone) < maxUndone {
		r.in.undone = append(r.in.undone, wire.Undone{What: what, Kind: wire.KindObject, Partition: r.tenant.id, ID: o.ID, Name: append([]byte{}, o.Label()...)})
	}
}

// settleRestore does what comes after the objects: what the backup does not have goes, roles and settings are as they were.
func (c *Core) settleRestore(r *run) (late error) {
	if err := r.in.End(); err != nil {
		return err
	}
	if r.name != "" {
		return nil
	}
	if err := c.takeAway(r, &late); err != nil && !vault.Done(err) {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.restoreAccess(r); !vault.Done(err) {
		return err
	} else if err != nil {
		late = err
	}
	i := *r.tenant.settings()
	if protected := r.in.protected || i.protected; protected != i.protected || i.retention != r.in.retention {
		i.retention, i.protected = r.in.retention, protected // what is protected stays so
		if err := c.putInfo(r.tenant, &i); err != nil {
			late = err
		}
	}
	return late
}

// takeAway destroys the objects that the backup does not have. With purge protection nothing is destroyed before its time, so they are
// deleted, as far as they have a name.
func (c *Core) takeAway(r *run, late *error) error {
	t, prefix := r.tenant, "r/"+r.tenant.id.String()+"/o/"
	var extra []*object.Object
	err := c.host.Each(prefix, func(rec wire.Record) error {
		id, ok := key.ParseID(strings.TrimPrefix(rec.Path, prefix))
		if _, kept := r.in.ids[id]; kept || !ok {
			return nil
		}
		o, err := t.vault.LoadID(id)
		switch code := fault.Of(err); {
		case code == fault.OK && int64(o.Created()) < r.in.from:
			extra = append(extra, o)
		case code == fault.Unavailable || code == fault.Timeout || code == fault.Busy:
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	i := t.settings()
	now := c.Now()
	fate := func(o *object.Object) uint8 {
		switch named := o.Group() != key.GroupUnknown || o.Class() == key.ClassPublic; {
		case !i.protected || o.Kind() == key.GroupUnknown && o.Class() != key.ClassPublic:
			return wire.UndoneCreation
		case named && !o.Deleted():
			return wire.UndoneDeleted
		}
		return wire.UndoneKept
	}
	err = t.vault.Each(len(extra), func(n int) error {
		switch fate(extra[n]) {
		case wire.UndoneCreation:
			return t.vault.Away(extra[n].ID, nil)
		case wire.UndoneDeleted:
			return t.vault.Away(extra[n].ID, func(o *object.Object) (*object.Object, error) {
				return o.WithDeleted(now, now+int64(i.retention)*86400)
			})
		}
		return nil
	}, late)
	for _, o := range extra {
		c.noteRestored(r, o, fate(o), err)
	}
	return err
}

// restoreAccess puts roles, assignments and settings back. An operator of the partition who gets an assignment is limited from then on,
// before, as by ASSIGNMENT_PUT. The caller holds change.
func (c *Core) restoreAccess(r *run) error {
	t, next := r.tenant, r.in.access
	if next == nil {
		next = &charter{}
	}
	// What the resource manager keeps is of this HSM, wherever the backup was made.
	isResource := func(s setting) bool { return s.name == settingResource }
	next.settings = slices.DeleteFunc(next.settings, isResource)
	for _, s := range t.rights().settings {
		if isResource(s) {
			next.settings = append(next.settings, s)
		}
	}
	if string(next.encode()) == string(t.rights().encode()) {
		return nil
	}
	for _, v := range next.assignments {
		if err := c.limit(t, v.principal); err != nil && !vault.Done(err) {
			return err
		}
	}
	return again(func() error { return t.putAccess(next) })
}
