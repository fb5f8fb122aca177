// SPDX-License-Identifier: Apache-2.0

// Package audit makes the node's audit log: an append-only Merkle tree (RFC 6962) of entries, with checkpoints signed by
// the core as C2SP signed notes. docs/design/audit.md has the formats and the reasons.
//
//	log := audit.New(audit.Config{Sink: host, Node: node, Last: checkpoint, MaxLag: 5e9, Now: now})
//	log.SetSigner(key)                    // after unlock
//	err := log.Append(entry, true)        // on disk when it returns
//	err = log.Count(use, now, boot)       // in memory; Tick flushes once a second
//
// The host keeps the files but makes no entry: every index, link and signature is the core's.
package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Sink is the host's side of the log. Audit appends a batch; on nil it is written, and with b.Sync on disk. After an error
// the core sends the same entries again, perhaps with more behind them; the host skips those it has. Audit is called by
// one goroutine. The slices are the sink's to read until it returns.
type Sink interface{ Audit(b wire.Audit) error }

// Signer is the node's audit key. Sign is called by one goroutine at a time.
type Signer interface {
	Public() []byte // Ed25519
	Sign(message []byte) ([]byte, error)
}

const (
	// maxQueued entries wait for the host at most, about 4 MB; beyond, acts are refused rather than forgotten. Entries that
	// somebody waits for have some room more, so that counts cannot crowd them out.
	maxQueued = 16384
	reserved  = 1024
	// maxBatch keeps a batch of the longest entries within wire.MaxMessage.
	maxBatch = 2048
)

// Config is what a Log starts from.
type Config struct {
	Sink    Sink
	Node    key.ID
	Last    []byte // the checkpoint that the host found; empty for a new log
	MaxLag  int64  // nanoseconds: counted uses that wait longer stop further ones
	Version string // of the software, for the first entry
	Now     int64  // nanoseconds since 1970
}

// Log is one segment: from the start of this core to its end.
type Log struct {
	sink    Sink
	node    key.ID
	segment key.ID
	last    []byte

	mu      sync.Mutex
	wake    sync.Cond // of mu: something to do for the writer
	queue   []item    // guarded by mu: entries without an index yet
	unsent  int       // guarded by mu: how many the writer has numbered and the host has not taken
	force   bool      // guarded by mu: send and sign even if the queue is empty
	stuck   bool      // guarded by mu: the host did not take the last batch; the next request or Tick tries again
	signer  Signer    // guarded by mu
	head    []byte    // guarded by mu: newest checkpoint that the host has
	closing bool      // guarded by mu
	done    chan struct{}

	counts counts
	w      writer // the writer goroutine's
}

// item is one entry on its way. entry nil stands for a mere wish to have a checkpoint.
type item struct {
	entry   *wire.AuditEntry
	durable bool
	counted bool
	done    chan error // nil when nobody waits
}

// New opens a segment, whose first entry names c.Last, and starts its writer. A c.Last that is no checkpoint is named by
// its hash all the same, so that the broken chain shows instead of stopping the module.
func New(c Config) *Log {
	l := &Log{sink: c.Sink, node: c.Node, last: c.Last, done: make(chan struct{})}
	rand.Read(l.segment[:])
	l.wake.L = &l.mu
	l.counts.init(c.MaxLag)
	open := &wire.AuditOpening{Segment: l.segment}
	if len(c.Last) > 0 {
		open.Last = &wire.AuditLast{Origin: "invalid", Note: sha256.Sum256(c.Last)}
		if cp, _, err := wire.ParseCheckpoint(c.Last); err == nil {
			open.Last.Origin, open.Last.Size, open.Last.Root = cp.Origin(), cp.Size, cp.Root
		}
	}
	l.queue = []item{{entry: &wire.AuditEntry{Kind: wire.AuditOpen, Time: c.Now, Text: clip(c.Version), Open: open}}}
	go l.write()
	return l
}

// Segment is this segment's id.
func (l *Log) Segment() key.ID { return l.segment }

// SetSigner gives the key, after unlock: the next checkpoint covers all that was logged before. Where the checkpoint that
// the host gave at start is not one by this key, that is logged as an alarm.
func (l *Log) SetSigner(s Signer, now int64) error {
	alarm := false
	if len(l.last) > 0 {
		cp, err := wire.OpenCheckpoint(l.last, s.Public())
		alarm = err != nil || cp.Node != l.node
	}
	l.mu.Lock()
	l.signer, l.force = s, true
	l.wake.Signal()
	l.mu.Unlock()
	if alarm {
		return l.Append(wire.AuditEntry{Kind: wire.AuditAlarm, Time: now, Result: fault.AuditInvalid,
			Text: "the last checkpoint is not signed by this node"}, true)
	}
	return nil
}

// Append adds an entry. With durable it returns when the entry is on the host's disk, together with all others that wait;
// else it returns at once. AuditUnavailable means that the host does not take entries: the act is refused, but the entry
// is kept and sent again, since what it tells of may have happened.
func (l *Log) Append(e wire.AuditEntry, durable bool) error {
	if e.Kind == wire.AuditUnknown || e.Kind == wire.AuditOpen {
		return fault.Internal.At("append audit entry")
	}
	e.Text = clip(e.Text)
	it := item{entry: &e, durable: durable}
	if durable {
		it.done = make(chan error, 1)
	}
	if err := l.put(it); err != nil || !durable {
		return err
	}
	return <-it.done
}

// Checkpoint answers the newest checkpoint, after all entries before this call are on disk and signed. It is empty while
// there is no signer.
func (l *Log) Checkpoint() ([]byte, error) {
	it := item{durable: true, done: make(chan error, 1)}
	if err := l.put(it); err != nil {
		return nil, err
	}
	if err := <-it.done; err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head, nil
}

func (l *Log) put(items ...item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := maxQueued
	if len(items) == 1 && items[0].done != nil {
		limit += reserved
	}
	if l.closing || len(l.queue)+l.unsent+len(items) > limit {
		return fault.AuditUnavailable.At("append audit entry")
	}
	l.queue = append(l.queue, items...)
	l.stuck = false
	l.wake.Signal()
	return nil
}

// Waiting is how many entries the host has not taken yet.
func (l *Log) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) + l.unsent
}

// Tick is called once a second: it flushes the counts, and sends again what the host did not take. It does not wait.
func (l *Log) Tick(now int64) {
	l.flush(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsent > 0 {
		l.force = true
		l.wake.Signal()
	}
}

// Close flushes the counts, logs the end and stops. The error says that not all of it reached the disk.
func (l *Log) Close(now int64) error {
	l.Checkpoint() // makes room for the last counts
	l.flush(now)
	err := l.Append(wire.AuditEntry{Kind: wire.AuditClose, Time: now}, true)
	l.mu.Lock()
	l.closing = true
	l.wake.Signal()
	l.mu.Unlock()
	<-l.done
	return err
}

// clip keeps a text within what the codec carries.
func clip(s string) string { return s[:min(len(s), wire.MaxAuditText)] }
