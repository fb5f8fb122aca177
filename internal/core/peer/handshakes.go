// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/process"
)

// maxHandshakes is how many strangers may be at the door at once. Each costs a goroutine and some kilobytes.
const maxHandshakes = 128

// handshakes are those under way, in the order of their coming. When there are too many the oldest has to go: an honest
// one takes some milliseconds, so it is over long before its turn comes, and who floods the door ends his own.
type handshakes struct {
	mu   sync.Mutex
	list []*process.Stream // guarded by mu
}

func (h *handshakes) enter(raw *process.Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) >= maxHandshakes {
		h.list[0].Close()
		h.list = h.list[1:]
	}
	h.list = append(h.list, raw)
}

func (h *handshakes) leave(raw *process.Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.list {
		if other == raw {
			h.list = append(h.list[:i:i], h.list[i+1:]...)
			return
		}
	}
}

// Enter and Leave count somebody among those at the door who may be sent away when there are too many.
func (l *Links) Enter(raw *process.Stream) { l.hands.enter(raw) }
func (l *Links) Leave(raw *process.Stream) { l.hands.leave(raw) }

// Shake answers a handshake at this node's door, bounded in time and number together with all others there.
func (l *Links) Shake(raw *process.Stream, own process.Identity, trust *process.Trust) (*process.Secured, error) {
	l.hands.enter(raw)
	defer l.hands.leave(raw)
	return process.Accept(raw, own, trust, handshakeTime)
}
