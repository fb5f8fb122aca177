// SPDX-License-Identifier: Apache-2.0

package mlkem

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

type kemCase struct {
	mechtest.Case
	Seed, Ek, Dk, C, K mechtest.Hex
}

type kemGroup struct{ Tests []kemCase }

var setNames = map[string]key.ParamSet{"512": key.MLKEM512, "768": key.MLKEM768, "1024": key.MLKEM1024}

func params(id key.ParamSet) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(id)) }

func private(id key.ParamSet, secret []byte) mech.Material {
	return mech.Material{Type: key.TypeMLKEM, Params: params(id), Secret: secret}
}

func TestWycheproofMLKEM(t *testing.T) {
	count := map[string]int{}
	for name, id := range setNames {
		run := func(kind string, f func(c kemCase)) {
			var file mechtest.File[kemGroup]
			mechtest.Wycheproof(t, "mlkem_"+name+kind+"_test.json", &file)
			for _, g := range file.TestGroups {
				for _, c := range g.Tests {
					f(c)
					count[kind]++
				}
			}
		}
		// Seed and ciphertext to public key and secret, with keys in both forms.
		run("", func(c kemCase) {
			k, err := parse(private(id, c.Seed), true)
			if err != nil {
				if c.Valid() {
					t.Errorf("%s: tcId %d: %v", name, c.TCID, err)
				}
				return
			}
			secret, err := decapsulate(k, nil, c.C)
			if ok := err == nil && bytes.Equal(secret, c.K); ok != c.Valid() {
				t.Errorf("%s: tcId %d: %v: %s", name, c.TCID, err, c.Comment)
			}
			if c.Valid() && !bytes.Equal(k.(*kemKey).private.publicKey(), c.Ek) {
				t.Errorf("%s: tcId %d: public key", name, c.TCID)
			}
			dk, err := Expand(private(id, c.Seed))
			if err != nil {
				t.Fatal(err)
			}
			if k, err = parse(private(id, dk), true); err != nil {
				t.Fatalf("%s: tcId %d: expanded: %v", name, c.TCID, err)
			}
			if again, err := decapsulate(k, nil, c.C); !bytes.Equal(again, secret) {
				t.Errorf("%s: tcId %d: the expanded key gives another secret, %v", name, c.TCID, err)
			}
		})
		run("_keygen_seed", func(c kemCase) {
			pub, err := publicOf(private(id, c.Seed))
			if err != nil || !bytes.Equal(pub.Public, c.Ek) {
				t.Errorf("%s: tcId %d: public key, %v", name, c.TCID, err)
			}
			if dk, err := Expand(private(id, c.Seed)); err != nil || !bytes.Equal(dk, c.Dk) {
				t.Errorf("%s: tcId %d: expanded key, %v", name, c.TCID, err)
			}
		})
		// Encapsulation draws its own randomness, so of these files only the judgement of the public key counts.
		run("_encaps", func(c kemCase) {
			k, err := parse(mech.Material{Type: key.TypeMLKEM, Params: params(id), Public: c.Ek}, true)
			if err == nil {
				_, _, err = encapsulate(k, nil)
			}
			if c.Valid() != (err == nil) {
				t.Errorf("%s: tcId %d: %v: %s", name, c.TCID, err, c.Comment)
			}
		})
		run("_semi_expanded_decaps", func(c kemCase) {
			k, err := parse(private(id, c.Dk), false)
			var secret []byte
			if err == nil {
				secret, err = decapsulate(k, nil, c.C)
			}
			if ok := err == nil && (len(c.K) == 0 || bytes.Equal(secret, c.K)); ok != c.Valid() {
				t.Errorf("%s: tcId %d: %v: %s", name, c.TCID, err, c.Comment)
			}
		})
	}
	t.Logf("%v cases", count)
}

func TestGeneratedPairsAgreeAndPassImport(t *testing.T) {
	for _, id := range setNames {
		m, err := generate(mech.GenSpec{Params: params(id)})
		if err != nil {
			t.Fatal(err)
		}
		if err := pairwise(m); err != nil {
			t.Error(err)
		}
		if _, err := parse(m, true); err != nil {
			t.Errorf("import: %v", err)
		}
		other, _ := generate(mech.GenSpec{Params: params(id)})
		m.Public = other.Public
		if _, err := parse(m, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("halves of two keys: %v", err)
		}
		if err := pairwise(m); fault.Of(err) != fault.PairwiseFailed {
			t.Errorf("pairwise of two keys: %v", err)
		}
	}
	if _, err := generate(mech.GenSpec{Params: params(4)}); fault.Of(err) != fault.ParameterSetUnknown {
		t.Errorf("set 4: %v", err)
	}
}

// An expanded key carries its public key and that key's hash; a vector changed in its own secret part still parses.
func TestImportRefusesAnExpandedKeyThatDoesNotOpen(t *testing.T) {
	for _, id := range setNames {
		m, _ := generate(mech.GenSpec{Params: params(id)})
		dk, err := Expand(m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			dk[i] = 0x55
		}
		if _, err := parse(private(id, dk), true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("set %d: %v", id, err)
		}
	}
}

func TestWrongCiphertextsYieldASecretNobodyKnows(t *testing.T) {
	for _, id := range setNames {
		m, _ := generate(mech.GenSpec{Params: params(id)})
		k, _ := parse(m, false)
		pub, _ := parse(mech.Material{Type: m.Type, Params: m.Params, Public: m.Public}, false)
		ct, secret, err := encapsulate(pub, nil)
		if err != nil {
			t.Fatal(err)
		}
		ct[9] ^= 1
		got, err := decapsulate(k, nil, ct)
		if err != nil || len(got) != 32 || bytes.Equal(got, secret) {
			t.Errorf("set %d: %x, %v", id, got, err)
		}
		if again, _ := decapsulate(k, nil, ct); !bytes.Equal(again, got) {
			t.Errorf("set %d: another secret the second time", id)
		}
		if _, err := decapsulate(k, nil, ct[1:]); fault.Of(err) != fault.EncryptedDataLength {
			t.Errorf("set %d: short: %v", id, err)
		}
		if _, err := decapsulate(pub, nil, ct); fault.Of(err) != fault.KeyTypeMismatch {
			t.Errorf("set %d: public key: %v", id, err)
		}
	}
}

func TestEachSelfTestCanFail(t *testing.T) {
	for _, s := range selfTests {
		if err := s.Run(false); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err := s.Run(true); fault.Of(err) != fault.SelfTestFailed {
			t.Errorf("%s: broken, and answers %v", s.Name, err)
		}
	}
}

func TestApprovedIsWhatGoDoes(t *testing.T) {
	for _, c := range []struct {
		v        kat
		expanded bool
		want     bool
	}{{kat512, false, false}, {kat768, false, true}, {kat1024, false, true}, {kat768, true, false}} {
		m := c.v.material()
		if c.expanded {
			m.Secret, _ = Expand(m)
		}
		k, err := parse(m, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := approved(mech.Decapsulate, k, nil, 0); got != c.want {
			t.Errorf("set %d, expanded %v: %v", c.v.set, c.expanded, got)
		}
		if got := approvedGen(mech.GenSpec{Params: m.Params}); got != (c.v.set != key.MLKEM512) {
			t.Errorf("set %d: generation %v", c.v.set, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range []kat{kat512, kat768} {
		m := v.material()
		pub, _ := publicOf(m)
		dk, _ := Expand(m)
		f.Add(m.Params, pub.Public, m.Secret, []byte{})
		f.Add(m.Params, []byte{}, dk, mech.Hex(v.cipher))
		f.Add(m.Params, pub.Public, []byte{}, []byte{})
	}
	f.Fuzz(func(t *testing.T, params, public, secret, ct []byte) {
		m := mech.Material{Type: key.TypeMLKEM, Params: params}
		if len(public) > 0 {
			m.Public = public
		}
		if len(secret) > 0 {
			m.Secret = secret
		}
		k, err := parse(m, true)
		if err != nil {
			return
		}
		if k.Private() {
			decapsulate(k, nil, ct)
		} else if _, _, err := encapsulate(k, nil); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkDecapsulate(b *testing.B) {
	for _, v := range []kat{kat512, kat768, kat1024} {
		m, ct := v.material(), mech.Hex(v.cipher)
		name := "ML-KEM-" + strconv.Itoa(256+256*int(v.set))
		b.Run(name+"/fast", func(b *testing.B) {
			k, _ := parse(m, false)
			for b.Loop() {
				decapsulate(k, nil, ct)
			}
		})
		b.Run(name+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() {
					k, _ := parse(m, false)
					decapsulate(k, nil, ct)
				})
			}
		})
	}
}
