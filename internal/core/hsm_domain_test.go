// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// secretOf is what no program can print, for tests that compare.
func secretOf(k ssp.Bytes) (b []byte) {
	k.Use(access.Token{}, func(p []byte) { b = append(b, p...) })
	return b
}

// TestEachManagedHSMHasADomainKeyOfItsOwn: the same one after a restart, another one than any other HSM's and than the root key; and
// partitions of other kinds have none.
func TestEachManagedHSMHasADomainKeyOfItsOwn(t *testing.T) {
	w := newHSMWorld(t)
	other := w.partition("other", client.KindManagedHSM)
	of := func(slot uint64) (bytes string) {
		t.Helper()
		part, err := w.core.tenant(slot)
		w.must(err)
		k, id, err := w.core.domainKey(part)
		w.must(err)
		defer k.Free()
		if id != part.id {
			t.Errorf("the domain is %s, the partition %s", id, part.id)
		}
		return string(secretOf(k))
	}
	first := of(w.hsm)
	root, _ := w.core.rootKey()
	if first == of(other) || first == string(secretOf(root)) || len(first) != 32 {
		t.Error("two domains have the same key")
	}
	w.start(wire.Config{})
	if of(w.hsm) != first {
		t.Error("after a restart the key is another one")
	}
	vault, err := w.core.tenant(w.vault)
	w.must(err)
	_, _, err = w.core.domainKey(vault)
	w.want("of a vault", err, fault.Unsupported)
}
