// SPDX-License-Identifier: Apache-2.0

package mac

import (
	"bytes"
	"crypto/hmac"
	"errors"
	"hash"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// secret is the least that the rows ask of a key: no states are kept.
type secret struct {
	typ   key.Type
	value []byte
}

func (s secret) Type() key.Type { return s.typ }
func (s secret) Bits() int      { return len(s.value) }
func (s secret) Private() bool  { return true }
func (s secret) Value() []byte  { return s.value }

func (s secret) TakeHMAC(h key.Hash) (hash.Hash, error) {
	newHash, err := mech.NewHash(h)
	if err != nil {
		return nil, err
	}
	return hmac.New(newHash, s.value), nil
}

func (s secret) GiveHMAC(key.Hash, hash.Hash) {}

func row(t testing.TB, id key.Mechanism) *mech.Row {
	t.Helper()
	for i := range Family.Rows {
		if Family.Rows[i].ID == id {
			return &Family.Rows[i]
		}
	}
	t.Fatalf("no row %#x", uint64(id))
	return nil
}

func ulong(n int) mech.Params {
	var w wire.Writer
	w.U64(uint64(n))
	return w.B
}

func TestHMACPassesWycheproof(t *testing.T) {
	for _, m := range macs {
		name := "hmac_" + strings.ToLower(strings.Replace(m.name, "SHA_1", "SHA1", 1)) + "_test.json"
		var file mechtest.File[struct {
			TagSize int
			Tests   []struct {
				mechtest.Case
				Key, Msg, Tag mechtest.Hex
			}
		}]
		mechtest.Wycheproof(t, name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				r, p := row(t, m.prefix), ulong(g.TagSize/8)
				if g.TagSize/8 == m.size {
					r, p = row(t, m.full), nil
				}
				if n := r.SignLen(nil, p); n != g.TagSize/8 {
					t.Errorf("%s: length %d", r.Name, n)
				}
				for _, typ := range r.KeyTypes {
					k := secret{typ, c.Key}
					v, err := r.BeginVerify(k, p)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := v.Update(nil, c.Msg); err != nil {
						t.Fatal(err)
					}
					if err := v.Verify(c.Tag); c.Valid() != (err == nil) {
						t.Errorf("%s %d (%s): %v", name, c.TCID, c.Comment, err)
					}
					if !c.Valid() {
						continue
					}
					op, err := r.Begin(mech.Sign, k, p)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := mech.OneShot(op, nil, c.Msg); err != nil || !bytes.Equal(got, c.Tag) {
						t.Errorf("%s %d (%s): got %x, %v", name, c.TCID, c.Comment, got, err)
					}
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", name, count)
	}
}

func TestHMACNamesWhatIsWrong(t *testing.T) {
	good := secret{key.TypeGeneric, make([]byte, 32)}
	full, prefix := row(t, key.MechSHA256HMAC), row(t, key.MechSHA256HMACGeneral)
	for _, c := range []struct {
		what string
		row  *mech.Row
		key  mech.Key
		p    mech.Params
		want fault.Code
	}{
		{"a parameter where there is none", full, good, ulong(16), fault.MechanismParamInvalid},
		{"no length", prefix, good, nil, fault.MechanismParamInvalid},
		{"length 0", prefix, good, ulong(0), fault.MechanismParamInvalid},
		{"length 33", prefix, good, ulong(33), fault.MechanismParamInvalid},
		{"a longer parameter", prefix, good, append(ulong(8), 0), fault.MechanismParamInvalid},
		{"the HMAC key of another digest", full, secret{key.TypeSHA384HMAC, make([]byte, 32)}, nil, fault.KeyTypeMismatch},
		{"an HKDF key", full, secret{key.TypeHKDF, make([]byte, 32)}, nil, fault.KeyTypeMismatch},
	} {
		if _, err := c.row.Begin(mech.Sign, c.key, c.p); fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
		if _, err := c.row.BeginVerify(c.key, c.p); fault.Of(err) != c.want {
			t.Errorf("%s, verify: %v", c.what, err)
		}
	}
	for n, want := range map[int]fault.Code{31: fault.SignatureLength, 33: fault.SignatureLength, 0: fault.SignatureLength, 32: fault.SignatureInvalid} {
		v, err := full.BeginVerify(good, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(make([]byte, n)); fault.Of(err) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestARunningHMACCanBeCopied(t *testing.T) {
	r, k := row(t, key.MechSHA3256HMAC), secret{key.TypeGeneric, []byte("a key for the fork")}
	op, err := r.Begin(mech.Sign, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	op.Update(nil, []byte("before the fork, "))
	copied, err := op.(mech.Cloner).CloneOp()
	if err != nil {
		t.Fatal(err)
	}
	op.Update(nil, []byte("the parent"))
	child := copied.(mech.Op)
	child.Update(nil, []byte("the child"))
	for _, c := range []struct {
		op   mech.Op
		text string
	}{{op, "before the fork, the parent"}, {child, "before the fork, the child"}} {
		got, err := c.op.Final(nil)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := r.Begin(mech.Sign, k, nil)
		if want, _ := mech.OneShot(whole, nil, []byte(c.text)); !bytes.Equal(got, want) {
			t.Errorf("%s: %x", c.text, got)
		}
	}
}

func TestALongRunningHMACIsNotCopiedWrongly(t *testing.T) {
	r, k := row(t, key.MechSHA256HMAC), secret{key.TypeGeneric, []byte("a key for the fork")}
	op, err := r.Begin(mech.Sign, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	op.Update(nil, make([]byte, maxReplay))
	op.Update(nil, []byte{1})
	copied, err := op.(mech.Cloner).CloneOp()
	if errors.Is(err, fault.StateUnsaveable) {
		return // the FIPS module cannot, and the input was too long to remember
	}
	if err != nil {
		t.Fatal(err)
	}
	want, _ := op.Final(nil)
	if got, err := copied.(mech.Op).Final(nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestOnlyLongKeysAndMACsAreApproved(t *testing.T) {
	long, short := secret{key.TypeGeneric, make([]byte, 14)}, secret{key.TypeGeneric, make([]byte, 13)}
	for _, c := range []struct {
		id   key.Mechanism
		k    mech.Key
		p    mech.Params
		want bool
	}{
		{key.MechSHA256HMAC, long, nil, true},
		{key.MechSHA256HMAC, short, nil, false},
		{key.MechSHA1HMAC, long, nil, false},
		{key.MechSHA512HMACGeneral, long, ulong(4), true},
		{key.MechSHA512HMACGeneral, long, ulong(3), false},
		{key.MechSHA3224HMAC, long, nil, true},
	} {
		if got := row(t, c.id).Approved(mech.Sign, c.k, c.p, 0); got != c.want {
			t.Errorf("%#x with %d bytes: %v", uint64(c.id), c.k.Bits(), got)
		}
	}
}

func BenchmarkHMAC1K(b *testing.B) {
	k, in, out := secret{key.TypeGeneric, make([]byte, 32)}, make([]byte, 1024), make([]byte, 0, 64)
	for _, m := range macs {
		r := row(b, m.full)
		b.Run(r.Name, func(b *testing.B) {
			b.SetBytes(1024)
			for b.Loop() {
				op, err := r.Begin(mech.Sign, k, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := mech.OneShot(op, out, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
