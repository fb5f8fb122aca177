// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/archive"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/securitydomain"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// taking is a domain that was brought to this core, by its holders or by the root's keeper, and waits for its records.
type taking struct {
	root   ssp.Bytes
	domain key.ID
	said   securitydomain.Statement // of the holders
	sealed []byte                   // the root for this node's keeper, to be kept when the restore is done; nil: it is kept already
	head   seal.RootHead            // of what is kept

	restore *restoring // once a backup was chosen
	used    int64      // Boot time when it was last asked for
}

// takingTime is how long a domain waits for its backup to come: people copy files meanwhile.
const takingTime = 30 * 60 * 1_000_000_000

// await keeps a domain that was brought. The caller holds change.
func (c *Core) await(t *taking) {
	b := &c.backups
	b.mu.Lock()
	b.endTaking()
	b.taking, t.used = t, c.system.Boot()
	b.mu.Unlock()
	var look func()
	look = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch left := t.used + takingTime - c.system.Boot(); {
		case b.taking != t:
		case left > 0:
			c.system.After(left, look)
		default:
			b.endTaking()
		}
	}
	c.system.After(takingTime, look)
}

func (b *backups) endTaking() {
	b.endReading() // it may have used the key
	if b.taking != nil {
		b.taking.endRestore()
		b.taking.root.Free()
		b.taking = nil
	}
}

func (t *taking) endRestore() {
	if t.restore != nil {
		t.restore.f.Close()
		t.restore.now.Close()
		t.restore = nil
	}
}

// restoring is a restore under way.
type restoring struct {
	*archive.Reader
	own  *archive.Own // instead, where it is this node's own store that is restored; the Reader has its head only
	f    *archive.Follower
	now  *archive.Follower      // what is here, to be replaced
	left map[string]wire.Undone // records that are here and have not come from the backup
	back []wire.Undone
	was  wire.State
	done bool // everything has come and was accepted: the host exchanges its store
}

// restore answers OpRestore. Nothing that is here changes until the host, after End, exchanges its store as a whole.
func (c *Core) restore(body []byte) ([]byte, error) {
	ask, err := readBackup(body)
	if err != nil {
		return nil, err
	}
	c.change.Lock()
	defer c.change.Unlock()
	b := &c.backups
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.taking
	if t == nil {
		return nil, fault.Denied.At("restore: neither the domain's holders nor its keeper have opened it here")
	}
	t.used = c.system.Boot()
	if ask.Verb == wire.BackupDrop {
		b.endTaking()
		return answerBackup(&wire.BackupReply{}, nil)
	}
	if ask.Verb == wire.BackupBegin {
		t.endRestore()
		if err := c.beginRestore(t, ask.Bytes); err != nil {
			return nil, err
		}
		return answerBackup(&wire.BackupReply{Backup: t.restore.Head.Backup, Domain: t.domain}, nil)
	}
	r := t.restore
	if r == nil || r.Head.Backup != ask.Backup {
		return nil, fault.ArgumentsBad.At("restore: another backup was begun")
	}
	if c.State() != r.was {
		return nil, fault.Conflict.At("restore: the module was opened meanwhile")
	}
	switch ask.Verb {
	case wire.BackupChunk:
		var records []wire.Record
		if r.own != nil {
			records, err = r.own.Take(ask.Records, ask.Last)
		} else {
			records, err = r.Chunk(ask.Number, ask.Last, ask.Bytes)
		}
		for _, rec := range records {
			r.came(rec)
		}
		return answerBackup(&wire.BackupReply{Records: records}, err)
	case wire.BackupEnd:
		undone, last, err := c.endRestore(t)
		return answerBackup(&wire.BackupReply{Undone: undone, Records: last}, err)
	case wire.BackupOpen:
		if !r.done {
			return nil, fault.ArgumentsBad.At("open what was restored: it has not all come")
		}
		return answerBackup(&wire.BackupReply{}, c.openRestored(t))
	}
	return nil, fault.Unsupported.At("restore")
}

// beginRestore checks a backup's head and looks at what is here. Without a head what is here is restored itself, as an incarnation of this
// node alone: the others of its cluster are lost.
func (c *Core) beginRestore(t *taking, head []byte) error {
	r := &restoring{was: c.State(), left: map[string]wire.Undone{}}
	if r.was == wire.StateOperational {
		return fault.AlreadyInitialized.At("restore: the module is open")
	}
	r.f = archive.NewFollower(t.root, t.domain, c.words())
	r.f.Deep = true
	r.now = archive.NewFollower(t.root, t.domain, c.words())
	err := c.survey(r)
	if err == nil && len(head) > 0 {
		r.Reader, err = archive.NewReader(r.f, head)
	} else if err == nil {
		r.own = archive.NewOwn(r.f)
		r.Reader = &archive.Reader{Head: wire.BackupHead{Domain: t.domain, Backup: randomID(), Incarnation: r.now.Incarnation()}}
	}
	if err == nil {
		if zero := (wire.Hash{}); t.said.Older && t.said.Backup != zero && t.said.Backup != wire.LeafHash(head) {
			err = fault.Denied.At("restore: the holders spoke of another backup")
		}
	}
	if err == nil {
		// The generation must be beyond both, that of the backup and that of what is here.
		from := r.Head.Incarnation
		if r.now.Incarnation()[0] > from[0] {
			from = r.now.Incarnation()
		}
		var next key.ID
		next, err = seal.NextIncarnation(from)
		r.f.Rebirth = &next
	}
	if err == nil && r.now.Count() > 0 && r.now.Incarnation() != r.Head.Incarnation && !t.said.Older {
		err = fault.BackupOld.At("restore: a restore from after this backup is here; only the holders can say that it shall go")
	}
	if err != nil {
		r.f.Close()
		r.now.Close()
		return err
	}
	t.restore = r
	return nil
}

// survey reads what is here. What does not open under the domain that was brought is not replaced.
func (c *Core) survey(r *restoring) error {
	if _, err := c.host.Load(partitionPath(key.ID{})); err != nil {
		if fault.Of(err) == fault.RecordUnknown {
			return nil // an empty node; what an interrupted start may have left is nobody's
		}
		return err
	}
	return c.host.Each("", func(rec wire.Record) error {
		_, err := r.now.Add(rec)
		switch fault.Of(err) {
		case fault.OK, fault.DomainOther:
		default:
			err = nil // damaged: that may be why it is to be replaced
		}
		if u, ok := about(rec.Path); ok && err == nil {
			u.What = wire.UndoneCreation
			r.left[rec.Path] = u
		}
		return err
	})
}

// came compares a record of the backup with what is here.
func (r *restoring) came(rec wire.Record) {
	u, ok := about(rec.Path)
	if !ok {
		return
	}
	delete(r.left, rec.Path)
	owner := u.Partition
	if u.Kind == wire.KindPartition {
		owner = key.ID{}
	}
	now := r.now.Ledger(owner)
	if now == nil {
		return
	}
	version, err := seal.Version(rec.Value)
	if err != nil {
		return
	}
	id := u.ID
	if of, ok := ledgerID(rec.Path); ok {
		id = of
	}
	switch want, gone := now.Expect(id); {
	case gone:
		u.What = wire.UndoneDestruction
	case version < want:
		u.What = wire.UndoneChange
	default:
		return
	}
	if len(r.back) < maxUndone {
		u.Name = nameOf(r.f, owner, u, rec)
		r.back = append(r.back, u)
	}
}

// endRestore decides, once everything has come, whether it may take the place of what is here.
func (c *Core) endRestore(t *taking) (undone []wire.Undone, last []wire.Record, err error) {
	r := t.restore
	if r.own != nil {
		err = r.own.End()
	} else {
		err = r.End()
	}
	if err != nil {
		return nil, nil, err
	}
	if last, err = r.f.Bury(); err != nil {
		return nil, nil, err
	}
	undone = r.back
	for path, u := range r.left {
		if len(undone) >= maxUndone {
			break
		}
		rec, err := c.host.Load(path)
		if err == nil {
			owner := u.Partition
			if u.Kind == wire.KindPartition {
				owner = key.ID{}
			}
			u.Name = nameOf(r.now, owner, u, rec)
		}
		undone = append(undone, u)
	}
	newer := len(undone) > 0 || r.ahead()
	if newer && !t.said.Older {
		return nil, nil, fault.BackupOld.At("restore: what is here is newer; only the holders can say that it shall go")
	}
	if t.sealed != nil {
		if err := c.putRoot(t.head.Keeper, t.sealed); err != nil {
			return nil, nil, err
		}
	}
	r.done = true
	return undone, last, nil
}

// ahead tells whether a change log that is here goes on beyond the backup's, or beside it.
func (r *restoring) ahead() bool {
	for _, id := range r.now.Partitions() {
		now, then := r.now.Ledger(id), r.f.Ledger(id)
		if now != nil && (then == nil || !then.Continues(now)) {
			return true
		}
	}
	return false
}

// openRestored opens the module with the root that was brought, over the store that the host has put in place.
func (c *Core) openRestored(t *taking) error {
	b := &c.backups
	text := "restored backup " + t.restore.Head.Backup.String()
	if t.restore.own != nil {
		text = "recovered from this node's own store"
	}
	text += " as incarnation " + t.restore.f.Rebirth.String()
	root := t.root
	t.root = ssp.Bytes{}
	c.mu.Lock()
	c.domain, c.head = t.domain, t.head
	c.mu.Unlock()
	b.endTaking()
	err := c.unlockWith(root)
	e := wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: hostCall | wire.OpRestore, Result: fault.Of(err), Text: text}
	if failed := c.log.Append(e, true); err == nil {
		err = failed
	}
	return err
}
