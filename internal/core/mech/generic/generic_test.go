// SPDX-License-Identifier: Apache-2.0

package generic

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestSecretsHaveTheLengthAskedFor(t *testing.T) {
	for _, r := range Family.Rows {
		for n, want := range map[int]fault.Code{0: fault.TemplateIncomplete, 1: fault.OK, 33: fault.OK, MaxSize: fault.OK,
			MaxSize + 1: fault.KeySize, -1: fault.KeySize} {
			m, err := r.Generate(mech.GenSpec{Type: r.KeyTypes[0], Bits: n})
			if fault.Of(err) != want || err == nil && (len(m.Secret) != n || m.Type != r.KeyTypes[0]) {
				t.Errorf("%s of %d bytes: %d, %v", r.Name, n, len(m.Secret), err)
			}
			if err != nil {
				continue
			}
			if k, err := parse(m, true); err != nil || k.Type() != m.Type || k.Bits() != n {
				t.Errorf("%s of %d bytes is not read: %v", r.Name, n, err)
			}
		}
	}
}

func TestOnlySecretsAreRead(t *testing.T) {
	for n, want := range map[int]fault.Code{0: fault.KeySize, 1: fault.OK, MaxSize: fault.OK, MaxSize + 1: fault.KeySize} {
		if _, err := parse(mech.Material{Type: key.TypeGeneric, Secret: make([]byte, n)}, true); fault.Of(err) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := parse(mech.Material{Type: key.TypeAES, Secret: make([]byte, 16)}, true); !errors.Is(err, fault.KeyTypeMismatch) {
		t.Error(err)
	}
}

func TestAKeyKeepsNoReferenceToItsMaterial(t *testing.T) {
	value := []byte("a secret value")
	k, err := parse(mech.Material{Type: key.TypeGeneric, Secret: value}, true)
	if err != nil {
		t.Fatal(err)
	}
	clear(value)
	if string(k.(mech.SecretKey).Value()) != "a secret value" {
		t.Error("clearing the material changed the key")
	}
}

func TestManyCallersShareAKey(t *testing.T) {
	k, err := parse(mech.Material{Type: key.TypeGeneric, Secret: []byte("shared")}, true)
	if err != nil {
		t.Fatal(err)
	}
	s := k.(mech.SecretKey)
	var wg sync.WaitGroup
	for i := range 2 * maxFree {
		wg.Go(func() {
			msg := []byte{byte(i)}
			h := hmac.New(sha256.New, []byte("shared"))
			h.Write(msg)
			want := h.Sum(nil)
			for range 200 {
				state, err := s.TakeHMAC(key.MechSHA256)
				if err != nil {
					t.Error(err)
					return
				}
				state.Write(msg)
				if got := state.Sum(nil); !bytes.Equal(got, want) {
					t.Errorf("caller %d: %x", i, got)
				}
				s.GiveHMAC(key.MechSHA256, state)
			}
		})
	}
	wg.Wait()
	if n := len(k.(*secret).free[key.MechSHA256]); n < 1 || n > maxFree {
		t.Errorf("%d idle states are kept", n)
	}
}

func TestAStateGivenBackInTheMiddleStartsAgain(t *testing.T) {
	k, _ := parse(mech.Material{Type: key.TypeGeneric, Secret: []byte("shared")}, true)
	s := k.(mech.SecretKey)
	first, err := s.TakeHMAC(key.MechSHA3256)
	if err != nil {
		t.Fatal(err)
	}
	want := first.Sum(nil)
	first.Write([]byte("unfinished"))
	s.GiveHMAC(key.MechSHA3256, first)
	second, err := s.TakeHMAC(key.MechSHA3256)
	if err != nil || !bytes.Equal(second.Sum(nil), want) {
		t.Errorf("the next caller sees what was left, %v", err)
	}
	if _, err := s.TakeHMAC(0x210); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Errorf("HMAC-MD5: %v", err)
	}
}

func TestShortSecretsAreNotApproved(t *testing.T) {
	r := Family.Rows[0]
	if r.Approved(mech.Generate, nil, nil, 13) || !r.Approved(mech.Generate, nil, nil, 14) {
		t.Error("the line is not at 112 bits")
	}
}

// BenchmarkHMAC1K is an HMAC with a key that is kept parsed, as fast mode does; New is the same without kept states.
func BenchmarkHMAC1K(b *testing.B) {
	k, _ := parse(mech.Material{Type: key.TypeGeneric, Secret: make([]byte, 32)}, true)
	s, in, out := k.(mech.SecretKey), make([]byte, 1024), make([]byte, 0, 64)
	b.SetBytes(1024)
	for b.Loop() {
		state, _ := s.TakeHMAC(key.MechSHA256)
		state.Write(in)
		state.Sum(out)
		s.GiveHMAC(key.MechSHA256, state)
	}
}

func BenchmarkHMAC1KNew(b *testing.B) {
	in, out := make([]byte, 1024), make([]byte, 0, 64)
	b.SetBytes(1024)
	for b.Loop() {
		state := hmac.New(sha256.New, make([]byte, 32))
		state.Write(in)
		state.Sum(out)
	}
}
