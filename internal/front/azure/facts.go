// SPDX-License-Identifier: Apache-2.0

package azure

import "sync"

// maxFacts bounds what is remembered; a version is a few dozen bytes.
const maxFacts = 16 << 10

// factCache remembers facts of versions. It holds nothing that changes and nothing that allows anything.
type factCache struct {
	mu   sync.RWMutex
	list map[factKey]facts // guarded by mu
}

type factKey struct {
	slot    uint64
	version string
}

func newFactCache() *factCache { return &factCache{list: map[factKey]facts{}} }

func (m *factCache) get(slot uint64, version string) (facts, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f, ok := m.list[factKey{slot, version}]
	return f, ok
}

// put remembers; when there is no room, some other version is forgotten.
func (m *factCache) put(slot uint64, version string, f facts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.list) >= maxFacts {
		for k := range m.list {
			delete(m.list, k)
			break
		}
	}
	m.list[factKey{slot, version}] = f
}

func (m *factCache) drop(slot uint64, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.list, factKey{slot, version})
}
