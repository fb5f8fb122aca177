// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/tpmtest"
)

// TestGuessesAtOtherObjectsDoNotLockTheNodeOut: another program of the machine keeps something under a password in the same TPM, and
// somebody guesses at it until the TPM takes no more guesses.
func TestGuessesAtOtherObjectsDoNotLockTheNodeOut(t *testing.T) {
	const rcLockout uint32 = 0x921
	m := tpmtest.Start(t)
	s := sealed(t, m.Exchange, 1, 1<<7)
	other := &talk{exchange: m.Exchange}

	root, err := other.storageRoot(nil)
	if err != nil {
		t.Fatal(err)
	}
	var theirs Sealed
	_, err = other.run(command{code: ccCreate, handles: []handle{{root.handle, root.name}}, fill: func(w *writer) {
		var inner, public writer
		inner.b16([]byte("password"))
		inner.b16([]byte("something"))
		w.b16(inner.b)
		public.u16(algKeyedHash)
		public.u16(algSHA256)
		public.u32(fixedTPM | fixedParent | userWithAuth)
		public.b16(nil)
		public.u16(algNull)
		public.b16(nil)
		w.b16(public.b)
		w.b16(nil)
		w.u32(0)
	}}, password, 0, func(r *reader) { theirs.Private, theirs.Public = r.copy16(), r.copy16() })
	if err != nil {
		t.Fatal(err)
	}
	object, err := other.load(root, &theirs)
	if err != nil {
		t.Fatal(err)
	}
	guesses := 0
	for ; !is(err, rcLockout) && guesses < 100; guesses++ {
		if _, err = other.run(command{code: ccUnseal, handles: []handle{object}}, password, 0, nil); err == nil {
			t.Fatal("the empty password is right")
		}
	}
	if !is(err, rcLockout) {
		t.Fatalf("after %d guesses: %v", guesses, err)
	}
	other.close() // a TPM without the kernel has room for three objects
	want(t, "what the node keeps there", opens(t, m.Exchange, s, 1), fault.OK)
	want(t, "and sealing anew", opens(t, m.Exchange, sealed(t, m.Exchange, 2, 0), 2), fault.OK)
}
