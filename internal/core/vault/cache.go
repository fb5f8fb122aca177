// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// maxCached bounds the objects of one partition in memory: about a kilobyte each. What is beyond is loaded again when
// it is asked for.
const maxCached = 1 << 16

// held is one object in memory. It is replaced, never changed, but for parsed and stopped.
type held struct {
	object   *object.Object
	revision int64
	parsed   atomic.Pointer[parsed] // fast mode, and public keys
	stopped  atomic.Bool            // being destroyed: no use begins any more
}

type parsed struct{ key mech.Key }

// cache is the objects of one partition in memory.
type cache struct {
	mu       sync.RWMutex
	byID     map[key.ID]*held // guarded by mu
	byHandle map[uint64]*held // guarded by mu
}

func (c *cache) init() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.byHandle = map[key.ID]*held{}, map[uint64]*held{}
}

func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.byID)
}

func (c *cache) handle(h uint64) *held {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byHandle[h]
}

func (c *cache) id(id key.ID) *held {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byID[id]
}

// put keeps h, unless a newer version of the object is there already, and answers what is kept.
func (c *cache) put(h *held) *held {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byID[h.object.ID]; old != nil && (old.object.Version >= h.object.Version || old.stopped.Load()) {
		return old
	}
	if len(c.byID) >= maxCached {
		for id, victim := range c.byID { // Go's order of a map is as good as random
			if !victim.stopped.Load() {
				delete(c.byID, id)
				delete(c.byHandle, victim.object.Handle())
				break
			}
		}
	}
	c.byID[h.object.ID], c.byHandle[h.object.Handle()] = h, h
	return h
}

func (c *cache) drop(id key.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.byID[id]; h != nil {
		delete(c.byID, id)
		delete(c.byHandle, h.object.Handle())
		ssp.Dropped() // of the parsed key, in fast mode
	}
}
