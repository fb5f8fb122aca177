// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var update = flag.Bool("update", false, "write the golden files anew")

var partition, domain = key.ID{0xa0}, key.ID{0xd0}

// fastIterations keeps tests quick; TestPINCostsWhatItShould holds the real number.
const fastIterations = 2

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func withPIN(pin string) *Operator {
	op := must(New(partition, key.ID{7}, "user", CryptoUser))
	op.PIN = must(newVerifier([]byte(pin), fastIterations))
	return op
}

func encoded(o *Operator) []byte {
	var w wire.Writer
	o.Encode(&w)
	return w.B
}

func sample() *Operator {
	op := must(New(partition, key.ID{7}, "backup", Auditor))
	op.PIN = &Verifier{salt: [16]byte{1}, iterations: iterations, hash: [32]byte{2}}
	op.UIDs, op.Disabled, op.Tries, op.Charges, op.Generation = []uint32{0, 1000}, true, 9, 77, 3
	return op
}

func TestOperatorSurvivesItsRecord(t *testing.T) {
	for _, want := range []*Operator{sample(), must(New(partition, key.ID{1}, "a", Admin))} {
		b := encoded(want)
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		for n := range b {
			_, err := Decode(b[:n])
			wantFault(t, "cut", err, fault.RecordInvalid)
		}
	}
}

func TestOperatorOfFormat1StillReads(t *testing.T) {
	const name = "testdata/operator.v1"
	if *update {
		os.MkdirAll("testdata", 0o755)
		os.WriteFile(name, encoded(sample()), 0o644)
	}
	got, err := Decode(must(os.ReadFile(name)))
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzOperator(f *testing.F) {
	f.Add(encoded(sample()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if op, err := Decode(b); err == nil && !bytes.Equal(encoded(op), b) {
			t.Errorf("a second form of the same operator: %x", b)
		}
	})
}

func TestNamesCannotBreakALogin(t *testing.T) {
	for _, name := range []string{"", "a b", "a:b", "a\n", "ä", "\x7f", string(bytes.Repeat([]byte("a"), 65))} {
		_, err := New(partition, key.ID{1}, name, Admin)
		wantFault(t, name, err, fault.ArgumentsBad)
	}
	for _, role := range []Role{RoleUnknown, 4} {
		_, err := New(partition, key.ID{1}, "a", role)
		wantFault(t, "role", err, fault.ArgumentsBad)
	}
}

// TestPINHashIsPBKDF2 uses the two vectors of RFC 7914 section 11, of which the first 32 bytes are the first block.
func TestPINHashIsPBKDF2(t *testing.T) {
	for _, v := range []struct {
		pin, salt  string
		iterations uint32
		want       string
	}{
		{"passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
		{"Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"},
	} {
		got, err := hashPIN([]byte(v.pin), []byte(v.salt), v.iterations)
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("%s: %x, %v", v.pin, got, err)
		}
	}
}

func TestPINCostsWhatItShould(t *testing.T) {
	op := must(New(partition, key.ID{7}, "user", CryptoUser))
	op.Tries = 4
	set := must(op.WithPIN([]byte("1234")))
	if set.PIN.iterations != 600_000 || set.Tries != 0 || set.Generation != op.Generation+1 || op.PIN != nil {
		t.Errorf("%+v", set)
	}
	if right, err := set.PIN.matches([]byte("1234")); !right || err != nil {
		t.Error("the right PIN does not match")
	}
	if right, err := set.PIN.matches([]byte("1235")); right || err != nil {
		t.Error("a wrong PIN matches")
	}
	other := must(op.WithPIN([]byte("1234")))
	if other.PIN.salt == set.PIN.salt || other.PIN.hash == set.PIN.hash {
		t.Error("two operators with one PIN can be seen to have it")
	}
	for _, n := range []int{0, 3, 256} {
		_, err := op.WithPIN(make([]byte, n))
		wantFault(t, "length", err, fault.PINLength)
	}
}

func TestUIDLogsInItsOwnOperatorOnly(t *testing.T) {
	op := must(must(New(partition, key.ID{7}, "app", CryptoUser)).WithUIDs([]uint32{33, 1000}))
	wantFault(t, "its own", op.VerifyUID(33), fault.OK)
	wantFault(t, "another", op.VerifyUID(34), fault.Denied)
	wantFault(t, "root is nobody special", op.VerifyUID(0), fault.Denied)
	wantFault(t, "disabled", op.WithDisabled(true).VerifyUID(33), fault.Denied)
	_, err := op.WithUIDs(make([]uint32, 65))
	wantFault(t, "too many", err, fault.ArgumentsBad)
}

// An operator as version 1 of its record has it: with uids at the end, and without limit and credentials.
func TestOperatorsOfTheFirstFormatAreRead(t *testing.T) {
	o, err := New(key.ID{1}, key.ID{2}, "old", CryptoUser)
	if err != nil {
		t.Fatal(err)
	}
	o.UIDs = []uint32{7}
	var w wire.Writer
	o.Encode(&w)
	old := append([]byte{1}, w.B[1:len(w.B)-5]...)
	got, err := Decode(old)
	if err != nil || got.Limited || len(got.Credentials) != 0 || got.Name != "old" || len(got.UIDs) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Decode(append(old, 0, 0, 0, 0, 0)); err == nil {
		t.Error("the first format with what the second added is taken")
	}
}

func TestCredentialsAreKept(t *testing.T) {
	o, err := New(key.ID{}, key.ID{2}, "svc", Service)
	if err != nil {
		t.Fatal(err)
	}
	c, secret := NewSecret()
	c.ID, c.Created, c.Expires = key.ID{3}, 5, 6
	f, err := NewFederated("https://i", "s", "a", []byte(`{"keys":[{"kty":"EC","kid":"k","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []Credential{c, f} {
		if o, err = o.WithCredential(one); err != nil {
			t.Fatal(err)
		}
	}
	var w wire.Writer
	o.Encode(&w)
	got, err := Decode(w.B)
	if err != nil || !got.Limited || len(got.Credentials) != 2 || got.Credentials[0].Hash != c.Hash || got.Credentials[1].Keys[0].ID != "k" {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := got.Check(Evidence{Kind: ClientSecret, Text: secret, Now: 5}, &Replays{}); err != nil {
		t.Errorf("the secret of what was kept: %v", err)
	}
	if err := got.Check(Evidence{Kind: ClientSecret, Text: secret, Now: 6}, &Replays{}); err == nil {
		t.Error("a secret whose time is over")
	}
	if bytes.Contains(w.B, secret) {
		t.Error("the record holds the secret")
	}
}
