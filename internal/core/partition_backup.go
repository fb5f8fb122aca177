// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/archive"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// partitionBackup answers OpPartitionBackup: the host lists the partition's records at one revision, the core makes chunks of them.
func (c *Core) partitionBackup(body []byte) ([]byte, error) {
	r, ask, err := c.runOf(body, false)
	if err != nil {
		return nil, err
	}
	defer r.mu.Unlock()
	if ask.Verb == wire.BackupBegin {
		if err := c.leave(r); err != nil {
			return nil, c.endRun(r, "backup given up", err)
		}
		return answerBackup(&wire.BackupReply{Backup: r.out.head.Backup, Domain: r.out.head.Domain}, nil)
	}
	if ask.Verb == wire.BackupDrop {
		return answerBackup(&wire.BackupReply{}, c.endRun(r, "backup given up", nil))
	}
	if r.out == nil {
		return nil, fault.ArgumentsBad.At("make backup: it was not begun")
	}
	switch ask.Verb {
	case wire.BackupChunk:
		sealed, err := c.leavingChunk(r, ask.Records, ask.Last)
		return answerBackup(&wire.BackupReply{Bytes: sealed}, err)
	case wire.BackupEnd:
		head, err := r.out.end(ask.Revision)
		text := "backup " + r.out.head.Backup.String() + " made, " + strconv.FormatUint(r.out.Count(), 10) + " items"
		return answerBackup(&wire.BackupReply{Bytes: head}, c.endRun(r, text, err))
	}
	return nil, fault.Unsupported.At("make backup")
}

// leave begins the backup, perhaps anew: the host's list was cut. The caller holds r.mu.
func (c *Core) leave(r *run) error {
	t := r.tenant
	r.seal.Free()
	r.seal = ssp.Bytes{}
	k, domain, err := c.domainKey(t)
	if err != nil {
		return err
	}
	r.seal = k
	id := randomID()
	r.out = &leaving{PartitionWriter: archive.NewPartitionWriter(k, domain, id),
		moment: archive.NewMoment(c.domain, t.id, t.vault.Incarnation(), t.key, t.vault.Counter(), ledgerID),
		head:   wire.BackupHead{Domain: domain, Backup: id, Incarnation: t.vault.Incarnation(), Node: c.config.Node, Time: c.system.Now(), Version: wire.Version}}
	return nil
}

// leavingChunk seals what belongs into a backup of the records.
func (c *Core) leavingChunk(r *run, records []wire.Record, last bool) (sealed []byte, err error) {
	o, size, prefix := r.out, 1024, "r/"+r.tenant.id.String()+"/"
	for _, rec := range records {
		size += len(rec.Value) + 16
	}
	n := 0
	ssp.Do(func() {
		items := archive.NewItems(size)
		defer items.Clear()
		if !o.begun {
			items.Add(archive.ItemSettings, r.tenant.settings().kept())
			o.begun = true
			n++
		}
		for _, rec := range records {
			if err = o.moment.Add(rec); err != nil {
				return
			}
			kind := archive.ItemUnknown
			switch rest := strings.TrimPrefix(rec.Path, prefix); {
			case rest == "access":
				kind = archive.ItemAccess
			case strings.HasPrefix(rest, "o/"):
				kind = archive.ItemObject
			default:
				continue
			}
			n++
			if err = o.moment.Open(rec, func(plain []byte) error { items.Add(kind, plain); return nil }); err != nil {
				return
			}
		}
		if n > 0 || last {
			sealed, err = o.Chunk(items, last)
		}
	})
	return sealed, err
}

func (o *leaving) end(revision int64) ([]byte, error) {
	at, err := o.moment.End()
	if err != nil {
		return nil, err
	}
	o.head.Revision = revision
	return o.End(o.head, at)
}

// kept is what a backup takes of the partition's own record, and a restore puts back. Its name, quotas and what its operators may do over
// PKCS #11 are not in it: they are the domain's to say.
func (i *info) kept() []byte {
	var w wire.Writer
	w.U8(1)
	w.U64(i.retention)
	w.Bool(i.protected)
	return w.B
}

// keptFrom reads it.
func keptFrom(b []byte) (retention uint64, protected bool, err error) {
	r := wire.NewReader(b)
	version := r.U8()
	retention, protected = r.U64(), r.Bool()
	if r.End() != nil || version != 1 || retention < minRetention || retention > maxRetention {
		return 0, false, fault.BackupInvalid.At("read settings of a backup")
	}
	return retention, protected, nil
}
