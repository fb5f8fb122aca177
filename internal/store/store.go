// SPDX-License-Identifier: Apache-2.0

// Package store is the contract between the service and the engine that keeps its sealed records: a flat, ordered map
// from paths to values with one revision counter, compare-and-swap transactions and a watch.
//
// An engine implements Store and proves it by the suite in storetest; package memory is the double for tests, package
// etcd the engine. The engine is not trusted with secrets: values are sealed by the core, which also detects a value that
// was exchanged or set back. It is trusted to keep what it acknowledged.
//
// This package imports nothing that knows of time, chance, files or networks, so that what is built on it alone (the
// index) is a function of the events it sees.
package store

import (
	"context"
	"errors"
	"io"
)

// Record is one value with the revision of its last change.
type Record struct {
	Path     string
	Value    []byte
	Revision int64
}

// Compare holds a Txn back unless the record's revision is as said; 0 means that the record must not exist.
type Compare struct {
	Path     string
	Revision int64
}

// Put writes one record, whether it exists or not.
type Put struct {
	Path  string
	Value []byte
}

// Txn is applied whole or not at all: if every Compare holds, all Puts and Deletes happen at one new revision. A path may
// stand in Puts and Deletes once in all. Deleting what is not there changes nothing and is no failure.
type Txn struct {
	Compares []Compare
	Puts     []Put
	Deletes  []string
}

// Event is one change of one record. Value is nil when the record was deleted.
type Event struct {
	Path    string
	Value   []byte
	Deleted bool
}

// Batch is all that one revision changed under the watched prefix, in the order of the Txn's puts, then deletes.
type Batch struct {
	Revision int64
	Events   []Event
}

// Range names the records a List visits.
type Range struct {
	Prefix   string
	After    string // only paths greater than this one; empty for all
	Revision int64  // as the store was at this revision; 0 for now
}

// Member is one server of the engine's cluster.
type Member struct {
	ID      uint64
	Name    string
	Peers   []string // where the others reach it
	Started bool     // it has run; one that was only added has not
	Learner bool     // it follows and has no vote yet
	Leader  bool
	Self    bool // the one that was asked
}

var (
	// ErrCompacted ends a Watch, and a List of an old revision, whose history is gone: the caller lists everything anew
	// and watches from the revision of that list.
	ErrCompacted = errors.New("store: revision is compacted")

	// ErrStop, returned by a List's visit, ends the List without an error.
	ErrStop = errors.New("store: stop")
)

// Store is what an engine does. All methods may be called by many goroutines at once.
//
// Revisions start above zero and only grow, over restarts and Restore too. A revision is given to one Txn only.
//
// Slices: the engine copies what it keeps of an argument before it returns. What it hands out is never changed by it
// again and may be kept; it may be shared with others, so the receiver does not write to it.
//
// Errors carry a code of package fault. RecordUnknown is the only one that means absent. Unavailable and Timeout mean
// that nothing was done. A read or watch that fails may simply be tried again; the engine itself does not retry.
type Store interface {
	// Get returns the record as of the last acknowledged Txn (a linearizable read), or RecordUnknown.
	Get(ctx context.Context, path string) (Record, error)

	// List calls visit for each record of the range, ordered by path, all as of one revision, which it returns: that of
	// a moment within the call, or Range.Revision if given. Its cost is that of the records visited, also when a long
	// range is read in pieces by After and ErrStop. An error of visit ends the List and is returned as it is, ErrStop as
	// nil with revision 0. While visit runs the caller may use the store.
	List(ctx context.Context, r Range, visit func(Record) error) (int64, error)

	// Txn applies t and returns the revision that its puts and deletes now have; a Txn that changed nothing returns the
	// current one. On return the change is on the disks of a quorum, and every later Get sees it. Conflict: a Compare did
	// not hold, nothing was done. TooLarge, ArgumentsBad (see Txn.Check), StoreFull, Busy: nothing was done.
	// OutcomeUnknown: it may have been applied or may yet be; only the caller can find out, by reading, and it must not
	// repeat a Txn without Compares.
	Txn(ctx context.Context, t Txn) (int64, error)

	// Watch calls see for every revision from the one given on that changed something under prefix, in order, none left
	// out and none twice, until ctx ends (ctx.Err is returned), see returns an error (returned as it is), the history
	// at `from` is compacted away or the store restored (ErrCompacted), or the engine stops (Unavailable). A revision that
	// is still to come is waited for. see may block for a while: the engine queues.
	Watch(ctx context.Context, prefix string, from int64, see func(Batch) error) error

	// Snapshot writes the whole store as of one moment, in the engine's own form, and returns a revision that is wholly
	// in it. What is committed while it is being taken may be in it or not.
	Snapshot(ctx context.Context, w io.Writer) (int64, error)

	// Restore replaces everything by a snapshot of the same kind of engine. Records keep their revisions, but the
	// store's revision becomes greater than any that this store or the snapshot has ever given, and all before it counts
	// as compacted, so that neither a watcher nor a Compare takes an old revision for a new one. A snapshot that is damaged
	// is refused (RecordInvalid) and changes nothing. Txns in flight may return OutcomeUnknown. Only a member that is
	// alone restores; where there are several, Unsupported is answered and nothing changes.
	Restore(ctx context.Context, r io.Reader) error

	// Members lists the servers of the cluster as the one asked knows them, also when it cannot reach the others.
	Members(ctx context.Context) ([]Member, error)
}

// Compactor is an engine whose history can be cut by hand: afterwards nothing older than revision can be watched or
// listed. Engines also do so by themselves.
type Compactor interface {
	Compact(ctx context.Context, revision int64) error
}

// Confirmer is an engine of several members, each of which may lag behind the others.
type Confirmer interface {
	// Confirm returns a revision at or after that of every Txn that any member has acknowledged before the call: what a
	// follower of the watch must have seen to know them all. It is 0 where nobody else writes, and then costs nothing.
	Confirm(ctx context.Context) (int64, error)
}
