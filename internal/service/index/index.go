// SPDX-License-Identifier: Apache-2.0

// Package index finds objects by what the core told of them: a compact map in host memory from label, CKA_ID, class, key
// type, handle and object id to ids.
//
// Put and Remove change it, Find asks it. It is a pure function of the Puts and Removes it was given: no time, no chance,
// and only the last word on each object counts. It holds no secret, only public metadata; it says where to look and
// decides nothing, since the core opens every record it leads to.
//
// The cost of a Find by label, CKA_ID, handle or object id, and of a page by class or key type, does not depend on how
// many objects there are, but for the logarithm of a binary search. DESIGN.md has the layout and its bytes.
package index

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Index of one node. Make one with New.
type Index struct {
	mu         sync.RWMutex
	partitions map[key.ID]*partition // guarded by mu
	objects    int                   // guarded by mu
}

// New makes an empty index.
func New() *Index { return &Index{partitions: map[key.ID]*partition{}} }

// Len is the number of objects.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.objects
}

// Put takes in what m says of an object, in place of what was known of it. The slices of m are copied.
func (x *Index) Put(m *wire.Meta) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.partitions[m.Partition]
	if p == nil {
		p = newPartition()
		x.partitions[m.Partition] = p
	}
	if !p.remove(m.Object) {
		x.objects++
	}
	p.insert(m)
}

// Remove forgets an object, and tells whether it was known.
func (x *Index) Remove(partition, object key.ID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.partitions[partition]
	if p == nil || !p.remove(object) {
		return false
	}
	x.objects--
	if p.all.n == 0 {
		delete(x.partitions, partition)
	}
	return true
}

// Find lists up to limit objects that match the query and whose id is greater than after, in the order of their ids. more
// says that at least one other follows.
func (x *Index) Find(q *wire.Query, after key.ID, limit int) (ids []key.ID, more bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.partitions[q.Partition]
	if p == nil || limit <= 0 {
		return nil, false
	}
	from, ok := key.ID{}, true
	if !after.IsZero() {
		from, ok = next(after)
	}
	if !ok {
		return nil, false
	}
	p.candidates(q, from, func(e *entry) bool {
		if !p.matches(e, q) {
			return true
		}
		if more = len(ids) == limit; !more {
			ids = append(ids, e.object)
		}
		return !more
	})
	return ids, more
}

// next is the smallest id greater than id; false when there is none.
func next(id key.ID) (key.ID, bool) {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]++
		if id[i] != 0 {
			return id, true
		}
	}
	return id, false
}
