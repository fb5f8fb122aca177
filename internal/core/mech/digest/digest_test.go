// SPDX-License-Identifier: Apache-2.0

package digest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func start(t testing.TB, r *mech.Row) mech.Op {
	t.Helper()
	op, err := r.Begin(mech.Digest, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// The messages of FIPS 180-4's examples beside "abc": two blocks, and a million times "a".
func TestLongerMessagesHaveThePublishedDigests(t *testing.T) {
	two := []byte("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
	million := bytes.Repeat([]byte("a"), 1_000_000)
	for _, c := range []struct {
		id   key.Hash
		in   []byte
		want string
	}{
		{key.MechSHA1, two, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
		{key.MechSHA256, two, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{key.MechSHA3256, two, "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376"},
		{key.MechSHA1, million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
		{key.MechSHA256, million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
		{key.MechSHA512, million, "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
		{key.MechSHA3256, million, "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1"},
	} {
		op, err := begin(c.id)
		if err != nil {
			t.Fatal(err)
		}
		for in := c.in; len(in) > 0; in = in[min(len(in), 997):] {
			op.Update(nil, in[:min(len(in), 997)])
		}
		if got, err := op.Final(nil); err != nil || !bytes.Equal(got, mechtest.Bytes(t, c.want)) {
			t.Errorf("%#x of %d bytes: %x, %v", uint64(c.id), len(c.in), got, err)
		}
	}
}

func TestASavedDigestGoesOnWhereItStopped(t *testing.T) {
	for i := range Family.Rows {
		r := &Family.Rows[i]
		whole, _ := mech.OneShot(start(t, r), nil, []byte("first part, second part"))
		op := start(t, r)
		op.Update(nil, []byte("first part, "))
		state, err := op.(mech.Saver).SaveState()
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		copied, err := op.(mech.Cloner).CloneOp()
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		op.Update(nil, []byte("which ends elsewhere"))
		again, err := Restore(r.ID, state)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		for _, o := range []mech.Op{again, copied.(mech.Op)} {
			o.Update(nil, []byte("second part"))
			if got, err := o.Final(nil); err != nil || !bytes.Equal(got, whole) {
				t.Errorf("%s: got %x, %v", r.Name, got, err)
			}
		}
	}
}

func TestTheStateOfAnotherDigestIsRefused(t *testing.T) {
	for i := range Family.Rows {
		for j := range Family.Rows {
			state, err := start(t, &Family.Rows[i]).(mech.Saver).SaveState()
			if err != nil {
				t.Fatal(err)
			}
			_, err = Restore(Family.Rows[j].ID, state)
			if i == j && err != nil || i != j && !errors.Is(err, fault.SavedStateInvalid) {
				t.Errorf("state of %s as %s: %v", Family.Rows[i].Name, Family.Rows[j].Name, err)
			}
		}
	}
	if _, err := Restore(key.MechSHA256, nil); !errors.Is(err, fault.SavedStateInvalid) {
		t.Errorf("no state: %v", err)
	}
}

func TestADigestHasNoParameter(t *testing.T) {
	if _, err := Family.Rows[0].Begin(mech.Digest, nil, mech.Params{0}); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Error(err)
	}
}

func TestOnlySHA1IsNotApproved(t *testing.T) {
	for _, r := range Family.Rows {
		if got := r.Approved(mech.Digest, nil, nil, 0); got != (r.ID != key.MechSHA1) {
			t.Errorf("%s: %v", r.Name, got)
		}
	}
}

func FuzzRestore(f *testing.F) {
	for i := range Family.Rows {
		op := start(f, &Family.Rows[i])
		op.Update(nil, []byte("some data"))
		state, _ := op.(mech.Saver).SaveState()
		f.Add(uint8(i), state)
	}
	f.Fuzz(func(t *testing.T, i uint8, state []byte) {
		r := &Family.Rows[int(i)%len(Family.Rows)]
		op, err := Restore(r.ID, state)
		if err != nil {
			return
		}
		op.Update(nil, make([]byte, 300))
		if out, err := op.Final(nil); err != nil || len(out) == 0 {
			t.Errorf("%s: %x, %v", r.Name, out, err)
		}
	})
}

func BenchmarkDigest1K(b *testing.B) {
	in := make([]byte, 1024)
	for i := range Family.Rows {
		r := &Family.Rows[i]
		b.Run(r.Name, func(b *testing.B) {
			b.SetBytes(1024)
			for b.Loop() {
				if _, err := mech.OneShot(start(b, r), nil, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
