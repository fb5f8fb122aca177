// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

var _ mech.DHKey = (*montgomeryKey)(nil)

func TestWycheproofXDH(t *testing.T) {
	type group struct {
		Tests []struct {
			mechtest.Case
			Public, Private, Shared mechtest.Hex
		}
	}
	n, zero := 0, 0
	for name, c := range map[string]*curve{"x25519": curve25519, "x448": curve448} {
		var file mechtest.File[group]
		mechtest.Wycheproof(t, name+"_test.json", &file)
		for _, g := range file.TestGroups {
			for _, tc := range g.Tests {
				n++
				k, err := parse(mech.Material{Type: key.TypeMontgomery, Params: c.oid, Secret: tc.Private}, true)
				if err != nil {
					t.Fatal(err)
				}
				z, err := k.(mech.DHKey).DH(tc.Public)
				switch {
				case tc.Flagged("ZeroSharedSecret") || bytes.Equal(tc.Shared, make([]byte, c.size)):
					zero++
					if fault.Of(err) != fault.MechanismParamInvalid {
						t.Errorf("%s: tcId %d: a point of small order: %v", name, tc.TCID, err)
					}
				case tc.Invalid():
					if err == nil {
						t.Errorf("%s: tcId %d accepted: %s", name, tc.TCID, tc.Comment)
					}
				case err != nil || !bytes.Equal(z, tc.Shared): // points that are merely odd are accepted as well
					t.Errorf("%s: tcId %d: %v: %s", name, tc.TCID, err, tc.Comment)
				}
			}
		}
	}
	t.Logf("%d cases, %d of them without a secret", n, zero)
}

func TestGeneratedPairsPassImport(t *testing.T) {
	for params, want := range map[string]*curve{
		"\x06\x03\x2b\x65\x6e": curve25519, "\x13\x0acurve25519": curve25519,
		"\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01": curve25519,
		"\x06\x03\x2b\x65\x6f":                             curve448, "\x13\x08curve448": curve448,
	} {
		m, err := generate(mech.GenSpec{Type: key.TypeMontgomery, Params: []byte(params)})
		if err != nil {
			t.Fatalf("%x: %v", params, err)
		}
		if !bytes.Equal(m.Params, want.oid) {
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
		other, _ := generate(mech.GenSpec{Params: m.Params})
		m.Public = other.Public
		if _, err := parse(m, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("%x: halves of two keys: %v", params, err)
		}
		if err := pairwise(m); fault.Of(err) != fault.PairwiseFailed {
			t.Errorf("%x: pairwise of two keys: %v", params, err)
		}
	}
	if _, err := generate(mech.GenSpec{Params: []byte("\x06\x03\x2b\x65\x70")}); fault.Of(err) != fault.CurveUnsupported {
		t.Errorf("an edwards curve: %v", err)
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

func FuzzParse(f *testing.F) {
	for _, c := range curves {
		m, _ := generate(mech.GenSpec{Params: c.oid})
		f.Add(m.Params, m.Public, m.Secret, m.Public)
	}
	f.Fuzz(func(t *testing.T, params, public, secret, peer []byte) {
		k, err := parse(mech.Material{Type: key.TypeMontgomery, Params: params, Public: public, Secret: secret}, true)
		if err != nil {
			return
		}
		if z, err := k.(mech.DHKey).DH(peer); err == nil && bytes.Equal(z, make([]byte, len(z))) {
			t.Error("a secret of zeroes")
		}
	})
}

func BenchmarkDerive(b *testing.B) {
	for _, c := range curves {
		m, _ := generate(mech.GenSpec{Params: c.oid})
		b.Run(c.name+"/fast", func(b *testing.B) {
			k, _ := parse(m, false)
			for b.Loop() {
				k.(mech.DHKey).DH(m.Public)
			}
		})
		b.Run(c.name+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() {
					k, _ := parse(m, false)
					k.(mech.DHKey).DH(m.Public)
				})
			}
		})
	}
}
