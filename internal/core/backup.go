// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/archive"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Backups are made and looked into for the host (docs/design/backup.md): it lists records and keeps files, and learns nothing by
// either. Making one is no privilege, since the host could copy its store at any time; each is noted in the audit log.

// backups are what is under way, at most one of each kind.
type backups struct {
	mu      sync.Mutex
	making  *making         // guarded by mu
	reading *archive.Reader // guarded by mu
	follows *archive.Follower
	taking  *taking // guarded by mu: a domain that was brought, for a restore
}

// making is a backup on its way out.
type making struct {
	*archive.Writer
	f    *archive.Follower
	id   key.ID
	head wire.BackupHead
}

// hostCall marks, in the audit log, numbers of the host's calls.
const hostCall = 1 << 15

func readBackup(body []byte) (ask wire.BackupRequest, err error) {
	r := wire.NewReader(body)
	ask.Decode(&r)
	return ask, r.End()
}

func answerBackup(reply *wire.BackupReply, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, nil
}

// words is what following records takes to know of them.
func (c *Core) words() archive.Words {
	return archive.Words{Ledger: ledgerID, Wrapped: func(plain []byte) ([]byte, error) {
		i, err := decodeInfo(plain)
		if err != nil {
			return nil, err
		}
		return i.wrapped, nil
	}, Drop: func(path string) bool {
		// A restored domain begins with one node: the others, their keys, and tokens that would let more in, are of the
		// incarnation before.
		for _, prefix := range []string{membership.NodePrefix, membership.IdentityPrefix, membership.TokenPrefix} {
			if of, ok := strings.CutPrefix(path, prefix); ok && of != c.config.Node.String() {
				return true
			}
		}
		return false
	}}
}

// ledgerID is what a partition's ledger calls the record at a path; false for a kind that is not known here.
func ledgerID(path string) (id key.ID, ok bool) {
	for _, prefix := range []string{membership.NodePrefix, membership.IdentityPrefix, membership.TokenPrefix, membership.AgentPrefix} {
		if strings.HasPrefix(path, prefix) {
			return membership.RecordID(path), true
		}
	}
	if path == membership.CAPath || path == membership.SettingsPath || path == membership.StatementPath {
		return membership.RecordID(path), true
	}
	words := strings.Split(path, "/")
	if len(words) == 3 && words[0] == "r" && words[2] == "access" {
		return accessID, true
	}
	if len(words) == 3 && words[0] == "r" && words[2] == "domain" {
		return hsmDomainID, true
	}
	if len(words) == 4 && words[0] == "r" && (words[2] == "o" || words[2] == "u" || words[2] == "a") {
		return key.ParseID(words[3])
	}
	return id, false
}

// backup answers OpBackup.
func (c *Core) backup(body []byte) ([]byte, error) {
	ask, err := readBackup(body)
	if err != nil {
		return nil, err
	}
	if c.State() != wire.StateOperational {
		return nil, c.notIn(c.State())
	}
	b := &c.backups
	b.mu.Lock()
	defer b.mu.Unlock()
	if ask.Verb == wire.BackupBegin {
		b.endMaking()
		root, domain := c.rootKey()
		m := &making{f: archive.NewFollower(root, domain, c.words()), id: randomID()}
		m.Writer = archive.NewWriter(m.f, m.id)
		m.head = wire.BackupHead{Node: c.config.Node, Time: c.system.Now(), Version: wire.Version}
		b.making = m
		return answerBackup(&wire.BackupReply{Backup: m.id, Domain: domain}, nil)
	}
	m := b.making
	if m == nil || m.id != ask.Backup {
		return nil, fault.ArgumentsBad.At("make backup: another one was begun")
	}
	switch ask.Verb {
	case wire.BackupChunk:
		sealed, err := m.Chunk(ask.Records, ask.Last)
		return answerBackup(&wire.BackupReply{Backup: m.id, Bytes: sealed}, err)
	case wire.BackupEnd:
		m.head.Revision = ask.Revision
		head, err := m.End(m.head)
		b.endMaking()
		e := wire.AuditEntry{Kind: wire.AuditManage, Time: c.system.Now(), Call: hostCall | wire.OpBackup, Result: fault.Of(err), Text: "backup " + m.id.String()}
		if failed := c.log.Append(e, true); err == nil {
			err = failed
		}
		return answerBackup(&wire.BackupReply{Backup: m.id, Bytes: head}, err)
	case wire.BackupDrop:
		b.endMaking()
		return answerBackup(&wire.BackupReply{}, nil)
	}
	return nil, fault.Unsupported.At("make backup")
}

func (b *backups) endMaking() {
	if b.making != nil {
		b.making.f.Close()
		b.making = nil
	}
}

func (c *Core) rootKey() (ssp.Bytes, key.ID) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.root, c.domain
}

// verify answers OpVerify: every chunk is opened, and every record in it, and nothing is kept. While the module is not open, a
// domain that was brought for a restore serves as well.
func (c *Core) verify(body []byte) ([]byte, error) {
	ask, err := readBackup(body)
	if err != nil {
		return nil, err
	}
	b := &c.backups
	b.mu.Lock()
	defer b.mu.Unlock()
	root, domain := c.rootKey()
	if state := c.State(); state != wire.StateOperational {
		if b.taking == nil {
			return nil, c.notIn(state)
		}
		root, domain = b.taking.root, b.taking.domain
	}
	if ask.Verb == wire.BackupLook {
		head, err := archive.CheckHead(root, domain, ask.Bytes)
		return answerBackup(&wire.BackupReply{Backup: head.Backup, Domain: domain}, err)
	}
	if ask.Verb == wire.BackupBegin {
		b.endReading()
		f := archive.NewFollower(root, domain, c.words())
		f.Deep = true
		r, err := archive.NewReader(f, ask.Bytes)
		if err != nil {
			return nil, err
		}
		b.follows, b.reading = f, r
		return answerBackup(&wire.BackupReply{Backup: r.Head.Backup, Domain: domain}, nil)
	}
	if b.reading == nil || b.reading.Head.Backup != ask.Backup {
		return nil, fault.ArgumentsBad.At("verify backup: another one was begun")
	}
	switch ask.Verb {
	case wire.BackupChunk:
		_, err = b.reading.Chunk(ask.Number, ask.Last, ask.Bytes)
	case wire.BackupEnd:
		err = b.reading.End()
		b.endReading()
	case wire.BackupDrop:
		b.endReading()
	default:
		err = fault.Unsupported.At("verify backup")
	}
	return answerBackup(&wire.BackupReply{}, err)
}

func (b *backups) endReading() {
	if b.reading != nil {
		b.follows.Close()
		b.reading, b.follows = nil, nil
	}
}
