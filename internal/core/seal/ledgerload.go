// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Load rebuilds the ledger from all sealed change records, in order, and the sealed head, read at one revision of the
// store. It settles a move of unknown outcome. On error the ledger is as it was.
//
//	HeadInvalid      the head is missing or not authentic, or tells another story of what was loaded before
//	HeadOld          its counter is below one already seen
//	ChangeLogBroken  a change record is missing or not authentic, or the log is not the one the head vouches for
func (l *Ledger) Load(changes [][]byte, head []byte) error {
	_, err := l.take(changes, head, false)
	return err
}

// Extend is Load for the change records from Counter on, when another node has moved the head. It answers what they say.
func (l *Ledger) Extend(changes [][]byte, head []byte) ([]Change, error) {
	return l.take(changes, head, true)
}

// HeadCounter opens a head and answers its counter: how many change records belong to it.
func (l *Ledger) HeadCounter(head []byte) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	counter, _, _, err := l.openHead(head)
	return counter, err
}

func (l *Ledger) take(changes [][]byte, head []byte, extend bool) (learned []Change, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.move != nil && !l.move.unknown {
		return nil, fault.Busy.At("load ledger: a change is under way")
	}
	if extend && !l.loaded {
		return nil, fault.Internal.At("extend ledger")
	}
	counter, root, birth, err := l.openHead(head)
	if err != nil {
		return nil, err
	}
	if l.bound && birth != l.birth {
		return nil, fault.HeadInvalid.At("load ledger: the head is of another incarnation")
	}
	if counter < l.seen {
		return nil, fault.HeadOld.At("load ledger")
	}
	var tree wire.Tree
	first := uint64(0)
	if extend {
		tree, first = l.tree.Clone(), l.tree.Size()
	}
	if counter-first != uint64(len(changes)) {
		return nil, fault.ChangeLogBroken.At("load ledger: number of changes")
	}
	logs, err := l.openChanges(first, changes)
	if err != nil {
		return nil, err
	}
	had, hadRoot := l.tree.Size(), l.tree.Root()
	for _, log := range logs {
		tree.Append(wire.LeafHash(log))
		if l.loaded && !extend && tree.Size() == had && tree.Root() != hadRoot {
			return nil, fault.HeadInvalid.At("load ledger: history differs")
		}
	}
	if tree.Root() != root {
		return nil, fault.ChangeLogBroken.At("load ledger: root")
	}
	entries := l.entries
	if !extend {
		entries = make(map[key.ID]uint64, len(logs))
	}
	for _, log := range logs {
		readChanges(log, func(id key.ID, v uint64) { // checked by openChanges
			entries[id] = v
			if extend {
				learned = append(learned, Change{ID: id, Version: v, Destroyed: v == destroyed, First: v == 1})
			}
		})
	}
	l.entries, l.tree, l.loaded, l.move = entries, tree, true, nil
	l.bind(birth)
	l.seen = max(l.seen, counter)
	return learned, nil
}

// openChanges opens change records, some at a time: what Do allocates is tracked until it is collected, and a million of
// them at once would be held twice.
func (l *Ledger) openChanges(first uint64, changes [][]byte) (logs [][]byte, err error) {
	logs = make([][]byte, 0, len(changes))
	for n := 0; n < len(changes) && err == nil; {
		ssp.Do(func() {
			for range min(256, len(changes)-n) {
				plain, version, e := Open(l.partKey, l.domain, ChangePath(l.partition, first+uint64(n)), changes[n])
				if e != nil || version != 1 || !readChanges(plain, func(key.ID, uint64) {}) {
					err = fault.ChangeLogBroken.At("load ledger: change record")
					return
				}
				logs = append(logs, plain)
				n++
			}
		})
	}
	return logs, err
}

// A change record is u32 count and, for each, 16 id and u64 version.

func writeChanges(changes []Change) []byte {
	var w wire.Writer
	w.U32(uint32(len(changes)))
	for _, c := range changes {
		w.PutID(c.ID)
		if c.Destroyed {
			w.U64(destroyed)
		} else {
			w.U64(c.Version)
		}
	}
	return w.B
}

func readChanges(b []byte, f func(id key.ID, version uint64)) bool {
	r := wire.NewReader(b)
	for range r.Count(24) {
		f(r.ID(), r.U64())
	}
	return r.End() == nil
}

// A head is u64 counter, 32 bytes of root and, but for the first incarnation, 16 bytes of incarnation; its record's version
// is the counter plus one.

func (l *Ledger) sealHead(tree *wire.Tree) (put LedgerPut, err error) {
	var w wire.Writer
	w.U64(tree.Size())
	root := tree.Root()
	w.Raw(root[:])
	if !l.birth.IsZero() {
		w.PutID(l.birth)
	}
	return l.sealPut(HeadPath(l.partition), tree.Size()+1, w.B)
}

func (l *Ledger) sealPut(path string, version uint64, plain []byte) (put LedgerPut, err error) {
	put.Path = path
	ssp.Do(func() { put.Value, err = Record(l.partKey, l.domain, path, version, plain) })
	return put, err
}

func (l *Ledger) openHead(head []byte) (counter uint64, root wire.Hash, birth key.ID, err error) {
	var plain []byte
	var version uint64
	ssp.Do(func() { plain, version, err = Open(l.partKey, l.domain, HeadPath(l.partition), head) })
	r := wire.NewReader(plain)
	counter = r.U64()
	copy(root[:], r.Raw(len(root)))
	if r.Len() > 0 {
		birth = r.ID()
		if birth.IsZero() { // every head has one form only
			r.Fail()
		}
	}
	if err != nil || r.End() != nil || version != counter+1 {
		return 0, root, birth, fault.HeadInvalid.At("open head")
	}
	return counter, root, birth, nil
}
