// SPDX-License-Identifier: Apache-2.0

package core

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/archive"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Backup and restore of one managed HSM (docs/design/backup.md). Whoever may do it begins a run, over the client channel; the host then
// carries it out, since it lists the records and moves the bytes. What a run may do is fixed when it begins.

// runs are those that are under way, at most one for each partition.
type runs struct {
	mu   sync.Mutex
	list map[key.ID]*run // guarded by mu
}

// run is one backup or restore.
type run struct {
	id       key.ID
	tenant   *tenant
	restores bool
	dry      bool   // nothing is to be changed
	name     string // the one key to be restored; empty: everything
	began    wire.AuditEntry

	mu   sync.Mutex
	used int64      // guarded by runs.mu: boot time when the host last did something for it
	out  *leaving   // guarded by mu
	in   *returning // guarded by mu
	seal ssp.Bytes  // guarded by mu: the security domain's key, once the host has begun
	over bool       // guarded by mu
}

// idleTime is how long the host may leave a run alone before another one may begin.
const idleTime = 10 * 60 * 1_000_000_000

// begin makes a run. Conflict: another one of the partition is under way.
func (l *runs) begin(r *run, now int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.list {
		if other.tenant.id != r.tenant.id {
			continue
		}
		if now-other.used < idleTime {
			return fault.Conflict.At("begin backup or restore: another one of this partition is under way")
		}
		go func() {
			defer process.LastWords()
			other.end()
		}()
		delete(l.list, other.id)
	}
	if l.list == nil {
		l.list = map[key.ID]*run{}
	}
	r.used = now
	l.list[r.id] = r
	return nil
}

// find answers a run that the host goes on with.
func (l *runs) find(id key.ID, now int64) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.list[id]
	if r != nil {
		r.used = now
	}
	return r
}

func (l *runs) drop(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, r.id)
}

// end forgets what a run holds.
func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
}

// forget is end; the caller holds mu.
func (r *run) forget() {
	r.over, r.out, r.in = true, nil, nil
	r.seal.Free()
	r.seal = ssp.Bytes{}
}

// partitionBackup begins the backup of a managed HSM.
func (m *manager) partitionBackup() error {
	t, err := m.accessTenant(policy.HSMBackup, false)
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	return m.beginRun(&run{tenant: t}, "backup begun")
}

// partitionRestore begins the restore of a managed HSM, or of one of its keys.
func (m *manager) partitionRestore() error {
	t, err := m.accessTenant(policy.HSMRestore, false)
	flags, name := m.r.U64(), m.r.String()
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	if flags > 1 || name != "" && !key.ValidName([]byte(name)) {
		return fault.ArgumentsBad.At("begin restore")
	}
	text := "restore begun"
	if flags == 1 {
		text = "restore looked at"
	}
	if name != "" {
		text += ": " + name
	}
	return m.beginRun(&run{tenant: t, restores: true, dry: flags == 1, name: name}, text)
}

func (m *manager) beginRun(r *run, text string) error {
	if r.tenant.settings().flags&flagManaged == 0 {
		return fault.Unsupported.At("back up a partition that is no managed HSM by itself")
	}
	r.id = randomID()
	r.began = m.entry(r.tenant, wire.AuditManage, text, nil)
	err := m.core.runs.begin(r, m.core.system.Boot())
	if err := m.did(r.tenant, wire.AuditManage, text, err); err != nil {
		m.core.runs.drop(r)
		return err
	}
	m.w.Bytes(r.id[:])
	return nil
}

// partitionJobs tells whether the login may see how backups or restores are, which the host knows.
func (m *manager) partitionJobs() error {
	at := m.r
	at.U64()
	a, ok := map[uint64]policy.Action{1: policy.HSMBackup, 2: policy.HSMRestore}[at.U64()]
	if at.End() != nil || !ok {
		return fault.Malformed.At("look at jobs")
	}
	_, err := m.accessTenant(a, false)
	return err
}

// runOf finds the run that a request of the host is about, and locks it.
func (c *Core) runOf(body []byte, restores bool) (r *run, ask wire.BackupRequest, err error) {
	if ask, err = readBackup(body); err != nil {
		return nil, ask, err
	}
	if c.State() != wire.StateOperational {
		return nil, ask, c.notIn(c.State())
	}
	r = c.runs.find(ask.Backup, c.system.Boot())
	if r == nil || r.restores != restores {
		return nil, ask, fault.ArgumentsBad.At("go on with a backup or restore: it was not begun, or is over")
	}
	if t, err := c.tenantByID(r.tenant.id); err != nil || t != r.tenant {
		c.runs.drop(r)
		r.end()
		return nil, ask, fault.PartitionUnknown.At("go on with a backup or restore")
	}
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return nil, ask, fault.ArgumentsBad.At("go on with a backup or restore: it is over")
	}
	return r, ask, nil
}

// endRun ends a run and notes what came of it. The caller holds r.mu.
func (c *Core) endRun(r *run, text string, err error) error {
	c.runs.drop(r)
	r.forget()
	e := r.began
	e.Time, e.Text, e.Result = c.system.Now(), text, fault.Of(err)
	if failed := c.log.Append(e, true); failed != nil && err == nil {
		err = failed
	}
	return err
}

// leaving is a backup on its way out.
type leaving struct {
	*archive.PartitionWriter
	moment *archive.Moment
	head   wire.BackupHead
	begun  bool // the settings, which come first, are in
}
