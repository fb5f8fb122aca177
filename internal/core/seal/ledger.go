// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"strconv"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Ledger knows, for one partition, the version that each record must have, and which records were destroyed. It is
// rebuilt at unlock from the partition's change log, which its sealed head vouches for, and moved on with every change.
//
//	move, err := ledger.Advance(changes)   // while no other move is under way
//	... commit one Txn: the changed records, move.Puts, and a Compare on the head's revision ...
//	move.Commit()  or  move.Undo()  or, when the outcome is unknown, move.Unknown()
//
// A record that was never changed has version 1 and no entry, so creating one costs nothing here. Many goroutines may
// use a Ledger at once. Its methods are called outside ssp.Do.
type Ledger struct {
	partition key.ID
	domain    key.ID
	partKey   ssp.Bytes

	mu      sync.RWMutex
	era     uint64            // guarded by mu: of the incarnation, in the upper half of the versions it gives
	bound   bool              // guarded by mu: incarnation is known, and a head of another one is refused
	birth   key.ID            // guarded by mu: the incarnation
	entries map[key.ID]uint64 // guarded by mu: version, or destroyed. 24 bytes a change: about 50 MB a million
	tree    wire.Tree         // guarded by mu: one leaf for each change record
	loaded  bool              // guarded by mu
	seen    uint64            // guarded by mu: highest counter that this core or a peer has seen
	move    *Move             // guarded by mu: under way, or of unknown outcome
}

// Change is one step of a record: to its next version, or to destruction.
type Change struct {
	ID        key.ID
	Version   uint64 // the next one; not looked at when Destroyed
	Destroyed bool
	First     bool // version 1. Most records begin without a change; operators, partitions and members stand in the log from the first
	Revived   bool // it was destroyed, and the core itself brings it back from a backup; its version is what Revival says
}

// LedgerPut is a sealed change record or the sealed head, for the Txn.
type LedgerPut struct {
	Path  string
	Value []byte
}

const (
	destroyed = ^uint64(0) // as a version

	// MaxChanges is how many changes fit one move: a change record stays well below the store's limit for a value.
	MaxChanges = 4096
)

// HeadPath and ChangePath are where a partition's head and its change n rest.
func HeadPath(partition key.ID) string { return "r/" + partition.String() + "/h" }

// ChangePrefix is common to the change records, whose order is that of their paths.
func ChangePrefix(partition key.ID) string { return "r/" + partition.String() + "/c/" }

func ChangePath(partition key.ID, n uint64) string {
	const zeros = "0000000000000000"
	digits := strconv.FormatUint(n, 16)
	return ChangePrefix(partition) + zeros[len(digits):] + digits
}

// ParseChangePath is the way back.
func ParseChangePath(path string) (partition key.ID, n uint64, ok bool) {
	const at = len("r/00000000000000000000000000000000/c/")
	if len(path) != at+16 || path[:2] != "r/" || path[at-3:at] != "/c/" {
		return partition, 0, false
	}
	partition, ok = key.ParseID(path[2 : at-3])
	n, err := strconv.ParseUint(path[at:], 16, 64)
	return partition, n, ok && err == nil && path == ChangePath(partition, n)
}

// NewLedger makes the ledger of a partition. It must be loaded, or started, before it is asked.
func NewLedger(domain, partition key.ID, partKey ssp.Bytes) *Ledger {
	return &Ledger{domain: domain, partition: partition, partKey: partKey}
}

// Start begins the ledger of a new partition and answers its first head, for the Txn that creates the partition. A
// partition always has a head: otherwise who removes head and changes together would revive everything.
func (l *Ledger) Start() (LedgerPut, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		return LedgerPut{}, fault.Internal.At("start ledger")
	}
	l.entries, l.tree, l.loaded = map[key.ID]uint64{}, wire.Tree{}, true
	l.bind(l.birth)
	return l.sealHead(&l.tree)
}

// Expect answers the version that the record must have: 1 where nothing is known of it.
func (l *Ledger) Expect(id key.ID) (version uint64, gone bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.expect(id)
}

func (l *Ledger) expect(id key.ID) (version uint64, gone bool) {
	v, ok := l.entries[id]
	switch {
	case !ok:
		return 1, false
	case v == destroyed:
		return 0, true
	}
	return v, false
}

// Check compares a record that has been opened with the ledger.
//
//	RecordOld       an earlier version was put back
//	RecordRevived   the object was destroyed
//	HeadOld         the record is newer than the head: the ledger must be loaded anew, and if that does not help the
//	                head was put back
//	Conflict        it is being destroyed at this moment
//	OutcomeUnknown  its last change may or may not have happened; it stays stopped until the ledger is loaded
//
// While a change is under way the record before and the record after it both pass.
func (l *Ledger) Check(id key.ID, version uint64) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.loaded {
		return fault.Unavailable.At("check version of record")
	}
	if l.move != nil {
		if next, moving := l.move.next[id]; moving {
			switch {
			case l.move.unknown:
				return fault.OutcomeUnknown.At("check version of record")
			case next == destroyed:
				return fault.Conflict.At("check version of record")
			case next == version:
				return nil
			}
		}
	}
	switch want, gone := l.expect(id); {
	case gone && version >= l.revival(): // nothing that this ledger knows of had such a version: it was revived since
		return fault.HeadOld.At("check version of record")
	case gone:
		return fault.RecordRevived.At("check version of record")
	case version < want:
		return fault.RecordOld.At("check version of record")
	case version > want:
		return fault.HeadOld.At("check version of record")
	}
	return nil
}

// Counter is the number of change records, which the head carries.
func (l *Ledger) Counter() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tree.Size()
}

// Saw raises the counter below which heads are refused, on the signed word of a peer core.
func (l *Ledger) Saw(counter uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = max(l.seen, counter)
}

// Has tells whether anything is written of a record: it was introduced, changed or destroyed, so it cannot just be missing.
func (l *Ledger) Has(id key.ID) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ok := l.entries[id]
	return ok
}

// Moving tells whether a change of the record is under way.
func (l *Ledger) Moving(id key.ID) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.move == nil {
		return false
	}
	_, ok := l.move.next[id]
	return ok
}

// Unsettled tells whether a move of unknown outcome waits for Load or Extend.
func (l *Ledger) Unsettled() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.move != nil && l.move.unknown
}
