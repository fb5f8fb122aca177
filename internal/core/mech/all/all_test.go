// SPDX-License-Identifier: Apache-2.0

package all

import (
	"errors"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestNoMechanismNameOrKeyTypeStandsTwice(t *testing.T) {
	ids, names, types := map[key.Mechanism]string{}, map[string]bool{}, map[key.Type]string{}
	for _, f := range families {
		for _, r := range f.Rows {
			if other, ok := ids[r.ID]; ok {
				t.Errorf("mechanism %#x is %s and %s", uint64(r.ID), other, r.Name)
			}
			if names[r.Name] {
				t.Errorf("two mechanisms are named %s", r.Name)
			}
			ids[r.ID], names[r.Name] = r.Name, true
		}
		for _, typ := range f.Types {
			if other, ok := types[typ]; ok {
				t.Errorf("key type %#x is read by %s and %s", uint64(typ), other, f.Name)
			}
			types[typ] = f.Name
		}
	}
	if len(Rows()) != len(ids) {
		t.Errorf("%d rows, %d mechanisms", len(Rows()), len(ids))
	}
	t.Logf("%d mechanisms, %d key types, %d self-tests", len(ids), len(types), len(SelfTests()))
}

func TestEveryMechanismIsCoveredByAFamilyWithASelfTest(t *testing.T) {
	tested := map[string]bool{}
	for _, f := range families {
		tested[f.Name] = len(f.SelfTests) > 0
	}
	for _, r := range Rows() {
		if !tested[r.Family] {
			t.Errorf("%s names family %q, which has no self-test", r.Name, r.Family)
		}
		for _, typ := range r.KeyTypes {
			if Family(typ) == nil {
				t.Errorf("%s works with key type %#x, which no family reads", r.Name, uint64(typ))
			}
		}
		if Row(r.ID) != r {
			t.Errorf("%s is not found by its number", r.Name)
		}
	}
}

func TestEverySelfTestPassesAndCanFail(t *testing.T) {
	names := map[string]bool{}
	for _, s := range SelfTests() {
		if names[s.Name] {
			t.Errorf("two self-tests are named %s", s.Name)
		}
		names[s.Name] = true
		if err := s.Run(false); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err := s.Run(true); !errors.Is(err, fault.SelfTestFailed) {
			t.Errorf("%s, broken: %v", s.Name, err)
		}
	}
}

// A flag promises that the function behind it is there, and no function stands without its flag.
func TestFlagsAndFunctionsAgree(t *testing.T) {
	for _, r := range Rows() {
		for _, c := range []struct {
			what  string
			flags key.MechFlags
			has   bool
		}{
			{"Begin", key.CanEncrypt | key.CanDecrypt | key.CanSign | key.CanDigest, r.Begin != nil},
			{"BeginVerify", key.CanVerify, r.BeginVerify != nil},
			{"Generate", key.CanGenerate | key.CanGeneratePair, r.Generate != nil},
			{"Derive", key.CanDerive, r.Derive != nil},
			{"WrapBytes", key.CanWrap, r.WrapBytes != nil},
			{"UnwrapBytes", key.CanUnwrap, r.UnwrapBytes != nil},
			{"Encapsulate", key.CanEncapsulate, r.Encapsulate != nil},
			{"Decapsulate", key.CanDecapsulate, r.Decapsulate != nil},
		} {
			if (r.Flags&c.flags != 0) != c.has {
				t.Errorf("%s: flags %#x, %s %v", r.Name, uint64(r.Flags), c.what, c.has)
			}
		}
		if r.Approved == nil {
			t.Errorf("%s does not say whether it is approved", r.Name)
		}
		if (r.Further == nil) != (r.DeriveAll == nil) {
			t.Errorf("%s has one of Further and DeriveAll", r.Name)
		}
		if r.Min > r.Max {
			t.Errorf("%s: sizes %d to %d", r.Name, r.Min, r.Max)
		}
	}
}

// Whatever stands in the place of a parameter or a key, a row answers with a fault and goes on.
func TestRowsRefuseStrangeKeysAndParameters(t *testing.T) {
	junk := []mech.Params{nil, {}, {1}, make([]byte, 7), make([]byte, 8), make([]byte, 64), slices.Repeat(mech.Params{0xFF}, 64)}
	for _, r := range Rows() {
		for _, p := range junk {
			r.Approved(mech.Encrypt, nil, p, 0)
			if r.Begin != nil && len(r.KeyTypes) > 0 {
				if _, err := r.Begin(mech.Decrypt, nil, p); err == nil {
					t.Errorf("%s begins without a key", r.Name)
				}
			}
			if r.BeginVerify != nil {
				if _, err := r.BeginVerify(nil, p); err == nil {
					t.Errorf("%s verifies without a key", r.Name)
				}
			}
			if r.Derive != nil {
				if _, err := r.Derive(nil, p, 16); err == nil {
					t.Errorf("%s derives without a key", r.Name)
				}
			}
			if r.UnwrapBytes != nil {
				if _, err := r.UnwrapBytes(nil, p, make([]byte, 48)); err == nil {
					t.Errorf("%s unwraps without a key", r.Name)
				}
			}
			if r.WrapBytes != nil {
				if _, err := r.WrapBytes(nil, p, make([]byte, 48)); err == nil {
					t.Errorf("%s wraps without a key", r.Name)
				}
			}
		}
	}
}
