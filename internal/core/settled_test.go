// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/lease"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// B has heard of a change by A, and nothing since. C, which is cut off, goes on without it for its lease: so long B tells it to nobody.
func TestAReaderWaitsForALeaseLongerThanTheDefault(t *testing.T) {
	herding(t, 3, func(h *herd) {
		const length = 8 * time.Second
		want(t, "policy", h.nodes[0].admin().ClusterSet(client.SetLease, client.ClusterPolicy{Lease: length}), fault.OK)
		time.Sleep(4 * length) // all leases are of the new length
		a, b, c := h.nodes[0].user(), h.nodes[1].user(), h.nodes[2].user()
		k := newKey(t, a, "k")
		want(t, "use on B", use(b, k), fault.OK)
		want(t, "use on C", use(c, k), fault.OK)
		h.dropping(func(_, _ int, op uint16, _ []byte) bool { return op == lease.OpSettled })
		h.cut(2)
		h.nodes[2].parted()
		done := make(chan error, 1)
		go func() { done <- a.KeyState(k, key.StateSuspended) }()
		time.Sleep(100 * time.Millisecond)
		want(t, "use on C meanwhile", use(c, k), fault.OK)
		began := time.Now()
		want(t, "use on B", use(b, k), fault.KeyDisabled)
		if err := use(c, k); err == nil {
			t.Errorf("after %v B told of the suspension while C still used the key", time.Since(began))
		}
		want(t, "suspend on A", <-done, fault.OK)
	})
}
