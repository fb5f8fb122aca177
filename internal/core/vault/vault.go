// SPDX-License-Identifier: Apache-2.0

// Package vault keeps the records of one partition: it loads objects through the host, opens and checks them, holds those
// in use with their material at rest, and commits what changes.
//
//	p := vault.Open(...)             a partition whose key has been unwrapped
//	o, err := p.Load(handle)         from memory, or through the host
//	k, release, err := p.Key(o)      parsed for one use (strict), or kept parsed (fast)
//	err = p.Destroy(o)               stopped at once, durable on return
//
// It promises that nothing it answers came from a record that was altered, moved or set back, and that what it says is
// done is on disk. It decides nothing about who may do what: that is core/policy's, asked before.
package vault

import (
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Host is what the vault asks of the machine outside. Its answers are authenticated before they are believed.
type Host interface {
	Load(path string) (wire.Record, error)
	List(prefix string) ([]wire.Record, error)
	ListAfter(prefix, after string) ([]wire.Record, error) // only paths greater than after
	Find(q wire.Query, after key.ID, limit int) ([]key.ID, bool, error)
	FindNames(q wire.FindNamesRequest) ([]wire.NameHit, bool, error)
	Commit(txn *wire.Txn) (int64, error)
}

// Partition is the records of one partition. Many goroutines may use it at once.
type Partition struct {
	ID     key.ID
	domain key.ID
	key    ssp.Bytes
	host   Host
	rest   *Rest
	fast   bool
	alarm  func(path string, err error) // told of every record that was refused
	ledger *seal.Ledger

	peers atomic.Pointer[Peers] // nil before Join

	// turn is held while the ledger takes a step, from sealing it to the host's answer, or takes in the steps of others.
	turn         sync.Mutex
	headRevision int64 // guarded by turn: the store's revision of the head that the ledger is at

	count    atomic.Int64 // objects in the store, as far as this core knows
	cache    cache
	mover    mover
	settling settling
	moving   sync.WaitGroup
}

// Settings are what all partitions of a core have in common.
type Settings struct {
	Domain key.ID
	Host   Host
	Rest   *Rest
	Fast   bool
	Alarm  func(path string, err error)
}

// Open makes the vault of a partition whose key is at hand; the key stays the caller's to free, after Close. The ledger
// must be loaded (LoadLedger), or started with the partition (Begin), before anything else is asked.
func Open(s Settings, partition key.ID, k ssp.Bytes) *Partition {
	p := &Partition{ID: partition, domain: s.Domain, key: k, host: s.Host, rest: s.Rest, fast: s.Fast, alarm: s.Alarm,
		ledger: seal.NewLedger(s.Domain, partition, k)}
	p.cache.init()
	return p
}

// Begin answers the first head of a new partition, for the Txn that creates it.
func (p *Partition) Begin() (wire.Put, error) {
	head, err := p.ledger.Start()
	return wire.Put{Path: head.Path, Value: head.Value}, err
}

// Began takes the revision of the Txn that created the partition.
func (p *Partition) Began(revision int64) {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.headRevision = revision
}

// LoadLedger reads head and change log from their beginning, and so learns what may not be set back.
func (p *Partition) LoadLedger() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	changes, head, err := p.readLog(0)
	if err != nil {
		return err
	}
	if err := p.ledger.Load(changes, head.Value); err != nil {
		return err
	}
	p.headRevision = head.Revision
	return nil
}

// Incarnation is the one that the partition's head names.
func (p *Partition) Incarnation() key.ID { return p.ledger.Incarnation() }

// Bind says, before LoadLedger or Begin, of which incarnation the partition must be.
func (p *Partition) Bind(incarnation key.ID) { p.ledger.Bind(incarnation) }

// Close waits for commits under way and forgets every object. Parsed keys go with them, at the next collection.
func (p *Partition) Close() {
	p.moving.Wait()
	p.cache.init()
}

// Count is the number of objects in the store.
func (p *Partition) Count() int64 { return p.count.Load() }

// CountAnew forgets the count: every object will be described again.
func (p *Partition) CountAnew() { p.count.Store(0) }

// Loaded is the number of objects held in memory now.
func (p *Partition) Loaded() int { return p.cache.len() }

// ObjectPath is where an object's record rests (docs/design/records.md).
func ObjectPath(partition, object key.ID) string {
	return "r/" + partition.String() + "/o/" + object.String()
}
