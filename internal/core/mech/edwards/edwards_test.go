// SPDX-License-Identifier: Apache-2.0

package edwards

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

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

func param(prehash bool, context []byte) mech.Params {
	var w wire.Writer
	w.U64(1)
	w.U64(0)
	if prehash {
		w.B[8] = 1
	}
	w.Bytes(context)
	return w.B
}

func sign(t testing.TB, k mech.Key, p mech.Params, parts ...[]byte) ([]byte, error) {
	op, err := row(t, key.MechEDDSA).Begin(mech.Sign, k, p)
	if err != nil {
		return nil, err
	}
	for _, m := range parts {
		if _, err := op.Update(nil, m); err != nil {
			return nil, err
		}
	}
	return op.Final(nil)
}

func verify(t testing.TB, k mech.Key, p mech.Params, msg, sig []byte) error {
	v, err := row(t, key.MechEDDSA).BeginVerify(k, p)
	if err != nil {
		return err
	}
	if _, err := v.Update(nil, msg); err != nil {
		return err
	}
	return v.Verify(sig)
}

func public(m mech.Material) mech.Material {
	m.Secret = nil
	return m
}

func mustParse(t testing.TB, m mech.Material) mech.Key {
	t.Helper()
	k, err := parse(m, false)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRFC8032Vectors(t *testing.T) {
	all := append(append([]vector(nil), katVectors...), rfc8032...)
	for i, v := range all {
		if _, err := parse(v.material(), true); err != nil {
			t.Errorf("vector %d: import: %v", i, err)
			continue
		}
		k := mustParse(t, v.material())
		p := param(v.prehash, mech.Hex(v.context))
		msg := mech.Hex(v.msg)
		sig, err := sign(t, k, p, msg[:len(msg)/2], msg[len(msg)/2:])
		if err != nil || !bytes.Equal(sig, mech.Hex(v.sig)) {
			t.Errorf("vector %d: %x, %v", i, sig, err)
		}
		pub := mustParse(t, public(v.material()))
		if err := verify(t, pub, p, msg, mech.Hex(v.sig)); err != nil {
			t.Errorf("vector %d: verify: %v", i, err)
		}
		for _, other := range []mech.Params{param(!v.prehash, mech.Hex(v.context)), param(v.prehash, append(mech.Hex(v.context), 'x'))} {
			if err := verify(t, pub, other, msg, mech.Hex(v.sig)); fault.Of(err) != fault.SignatureInvalid {
				t.Errorf("vector %d: verify as another variant: %v", i, err)
			}
		}
	}
	t.Logf("%d vectors", len(all))
}

func TestWycheproofEdDSA(t *testing.T) {
	type group struct {
		PublicKey struct{ Pk mechtest.Hex }
		Tests     []struct {
			mechtest.Case
			Msg, Sig mechtest.Hex
		}
	}
	n := 0
	for name, c := range map[string]*curve{"ed25519": edwards25519, "ed448": edwards448} {
		var file mechtest.File[group]
		mechtest.Wycheproof(t, name+"_test.json", &file)
		for _, g := range file.TestGroups {
			k := mustParse(t, mech.Material{Type: key.TypeEdwards, Params: c.oid, Public: g.PublicKey.Pk})
			for _, tc := range g.Tests {
				ok := verify(t, k, nil, tc.Msg, tc.Sig) == nil
				if ok != tc.Valid() {
					t.Errorf("%s: tcId %d: accepted %v: %s", name, tc.TCID, ok, tc.Comment)
				}
				n++
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestBothMechanismsGenerateFromOIDAndName(t *testing.T) {
	for _, id := range []key.Mechanism{key.MechEdwardsKeyPairGen, key.MechEDDSA} {
		for params, want := range map[string]*curve{
			"\x06\x03\x2b\x65\x70": edwards25519, "\x13\x0cedwards25519": edwards25519,
			"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01": edwards25519,
			"\x06\x03\x2b\x65\x71":                         edwards448, "\x13\x0aedwards448": edwards448,
		} {
			m, err := row(t, id).Generate(mech.GenSpec{Type: key.TypeEdwards, Params: []byte(params)})
			if err != nil {
				t.Fatalf("%x: %v", params, err)
			}
			if !bytes.Equal(m.Params, want.oid) || len(m.Secret) != want.size {
				t.Errorf("%x: params %x", params, m.Params)
			}
			if _, err := parse(m, true); err != nil {
				t.Errorf("%x: import: %v", params, err)
			}
			if err := pairwise(m); err != nil {
				t.Errorf("%x: %v", params, err)
			}
			if pub, err := publicOf(m); err != nil || !bytes.Equal(pub.Public, m.Public) {
				t.Errorf("%x: public half: %v", params, err)
			}
			if got := row(t, id).ApprovedGen(mech.GenSpec{Params: []byte(params)}); got != (want == edwards25519) {
				t.Errorf("%x: approved %v", params, got)
			}
		}
	}
	for params, want := range map[string]fault.Code{
		"": fault.DomainParamsInvalid, "\x06\x03\x2b\x65\x6e": fault.CurveUnsupported, "\x13\x0acurve25519": fault.CurveUnsupported,
	} {
		if _, err := row(t, key.MechEDDSA).Generate(mech.GenSpec{Params: []byte(params)}); fault.Of(err) != want {
			t.Errorf("%x: %v", params, err)
		}
	}
}

func TestHalvesOfTwoKeysAreRefused(t *testing.T) {
	for _, c := range curves {
		a, _ := generate(mech.GenSpec{Params: c.oid})
		b, _ := generate(mech.GenSpec{Params: c.oid})
		a.Public = b.Public
		if _, err := parse(a, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("%s: import: %v", c.name, err)
		}
		if err := pairwise(a); fault.Of(err) != fault.PairwiseFailed {
			t.Errorf("%s: pairwise: %v", c.name, err)
		}
	}
}

func TestContextsLongerThan255BytesAreRefused(t *testing.T) {
	for _, v := range []vector{katVectors[0], katVectors[3]} {
		k := mustParse(t, v.material())
		if _, err := sign(t, k, param(false, make([]byte, 255)), nil); err != nil {
			t.Errorf("255 bytes: %v", err)
		}
		if _, err := sign(t, k, param(false, make([]byte, 256)), nil); fault.Of(err) != fault.MechanismParamInvalid {
			t.Errorf("256 bytes: %v", err)
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

func TestApprovedIsEd25519WithoutContext(t *testing.T) {
	k25519, k448 := mustParse(t, katVectors[0].material()), mustParse(t, katVectors[3].material())
	for _, c := range []struct {
		k    mech.Key
		p    mech.Params
		want bool
	}{
		{k25519, nil, true}, {k25519, param(true, []byte("c")), true}, {k25519, param(false, []byte("c")), false},
		{k448, nil, false}, {k25519, mech.Params{1}, false},
	} {
		if got := row(t, key.MechEDDSA).Approved(mech.Sign, c.k, c.p, 0); got != c.want {
			t.Errorf("%v %x: %v", c.k.Bits(), c.p, got)
		}
	}
}

func FuzzSignVerify(f *testing.F) {
	f.Add([]byte(param(true, []byte("c"))), []byte("m"), make([]byte, 64))
	f.Add([]byte{}, []byte("m"), make([]byte, 114))
	k25519, k448 := mustParse(f, katVectors[0].material()), mustParse(f, katVectors[3].material())
	f.Fuzz(func(t *testing.T, p, msg, sig []byte) {
		for _, k := range []mech.Key{k25519, k448} {
			good, err := sign(t, k, p, msg)
			if err != nil {
				continue
			}
			if err := verify(t, k, p, msg, good); err != nil {
				t.Errorf("own signature: %v", err)
			}
			if verify(t, k, p, msg, sig) == nil && !bytes.Equal(sig, good) {
				t.Errorf("forged: %x", sig)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, v := range katVectors {
		m := v.material()
		f.Add(m.Params, m.Public, m.Secret)
	}
	f.Fuzz(func(t *testing.T, params, public, secret []byte) {
		m := mech.Material{Type: key.TypeEdwards, Params: params, Public: public, Secret: secret}
		if _, err := parse(m, true); err == nil {
			if err := pairwise(m); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, v := range []vector{katVectors[0], katVectors[3]} {
		m := v.material()
		name := mustParse(b, m).(*edwardsKey).c.name
		b.Run(name+"/fast", func(b *testing.B) {
			k := mustParse(b, m)
			for b.Loop() {
				sign(b, k, nil, []byte("m"))
			}
		})
		b.Run(name+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() { sign(b, mustParse(b, m), nil, []byte("m")) })
			}
		})
	}
}
