// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/mech/ec"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var uses = []mech.Use{mech.Encrypt, mech.Decrypt, mech.Sign, mech.Verify, mech.Wrap, mech.Unwrap, mech.Derive}

func TestAKeyIsUsedOnlyForWhatItIsFor(t *testing.T) {
	flags := map[mech.Use]key.Attr{mech.Encrypt: key.AttrEncrypt, mech.Decrypt: key.AttrDecrypt, mech.Sign: key.AttrSign,
		mech.Verify: key.AttrVerify, mech.Wrap: key.AttrWrap, mech.Unwrap: key.AttrUnwrap, mech.Derive: key.AttrDerive}
	row := &mech.Row{ID: key.MechAESGCM, KeyTypes: []key.Type{key.TypeAES}}
	for _, allowed := range uses {
		o := aesKey(t, first, yes(flags[allowed]))
		for _, use := range append(uses, mech.Encapsulate, mech.Decapsulate, mech.Digest, mech.Generate, mech.UseUnknown) {
			want := fault.KeyUsageForbidden
			if use == allowed {
				want = fault.OK
			}
			if got := fault.Of(Use(first, o, row, use, 0)); got != want {
				t.Errorf("a key for use %d, used for %d: %v", allowed, use, got)
			}
		}
	}
}

func TestMechanismAndKeyMustFit(t *testing.T) {
	var list wire.Writer
	list.U64(uint64(key.MechAESCBC))
	o := aesKey(t, first)
	bound := aesKey(t, first, object.Attribute{Type: key.AttrAllowedMechs, Value: list.B})
	rsaRow := &mech.Row{ID: key.MechRSAPKCS, KeyTypes: []key.Type{key.TypeRSA}}
	for _, c := range []struct {
		name string
		o    *object.Object
		row  *mech.Row
		use  mech.Use
		want fault.Code
	}{
		{"fits", o, all.Row(key.MechAESCBC), mech.Encrypt, fault.OK},
		{"rsa with an aes key", o, rsaRow, mech.Decrypt, fault.KeyTypeMismatch},
		{"rsa wrap with an aes key", o, rsaRow, mech.Wrap, fault.WrappingKeyMismatch},
		{"rsa unwrap with an aes key", o, rsaRow, mech.Unwrap, fault.UnwrappingKeyMismatch},
		{"on the list", bound, all.Row(key.MechAESCBC), mech.Encrypt, fault.OK},
		{"not on the list", bound, all.Row(key.MechAESGCM), mech.Encrypt, fault.MechanismInvalid},
	} {
		if got := fault.Of(Use(first, c.o, c.row, c.use, 0)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for use, want := range map[mech.Use]fault.Code{mech.Sign: fault.KeyUnknown, mech.Wrap: fault.WrappingKeyUnknown, mech.Unwrap: fault.UnwrappingKeyUnknown} {
		if got := fault.Of(Use(nil, o, all.Row(key.MechAESCBC), use, 0)); got != want {
			t.Errorf("use %d of a hidden key: %v, want %v", use, got, want)
		}
	}
}

func TestStatesAndDatesLeaveTheUsesTheyShould(t *testing.T) {
	row := &mech.Row{ID: key.MechAESGCM, KeyTypes: []key.Type{key.TypeAES}}
	all := map[mech.Use]bool{mech.Encrypt: true, mech.Decrypt: true, mech.Sign: true, mech.Verify: true, mech.Wrap: true, mech.Unwrap: true, mech.Derive: true}
	past := map[mech.Use]bool{mech.Decrypt: true, mech.Verify: true, mech.Unwrap: true}
	opening := map[mech.Use]bool{mech.Decrypt: true, mech.Unwrap: true}
	june := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC).Unix()
	for _, c := range []struct {
		name       string
		state      key.State
		start, end string
		want       map[mech.Use]bool
	}{
		{"active", key.StateActive, "", "", all},
		{"suspended", key.StateSuspended, "", "", nil},
		{"deactivated", key.StateDeactivated, "", "", past},
		{"compromised", key.StateCompromised, "", "", opening},
		{"a state of no name", 77, "", "", nil},
		{"before its time", key.StateActive, "20260616", "", nil},
		{"from today", key.StateActive, "20260615", "", all},
		{"until today", key.StateActive, "", "20260615", all},
		{"until yesterday", key.StateActive, "20260101", "20260614", past},
		{"compromised, and over", key.StateCompromised, "", "20260614", opening},
		{"suspended, and over", key.StateSuspended, "", "20260614", nil},
	} {
		o := aesKey(t, first, yes(key.AttrEncrypt), yes(key.AttrDecrypt), yes(key.AttrSign), yes(key.AttrVerify), yes(key.AttrWrap),
			yes(key.AttrUnwrap), yes(key.AttrDerive), text(key.AttrStartDate, c.start), text(key.AttrEndDate, c.end))
		o, err := o.WithState(c.state, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range uses {
			want := fault.KeyDisabled
			if c.want[use] {
				want = fault.OK
			}
			if got := fault.Of(Use(first, o, row, use, june)); got != want {
				t.Errorf("%s, use %d: %v, want %v", c.name, use, got, want)
			}
		}
	}
}

func TestStatesFollowSP80057(t *testing.T) {
	states := []key.State{key.StateUnknown, key.StateActive, key.StateSuspended, key.StateDeactivated, key.StateCompromised, key.StateDestroyed}
	may := map[[2]key.State]bool{
		{key.StateActive, key.StateSuspended}: true, {key.StateActive, key.StateDeactivated}: true, {key.StateActive, key.StateCompromised}: true,
		{key.StateSuspended, key.StateActive}: true, {key.StateSuspended, key.StateDeactivated}: true, {key.StateSuspended, key.StateCompromised}: true,
		{key.StateDeactivated, key.StateCompromised}: true,
	}
	for _, from := range states {
		for _, to := range states {
			if got := NextState(from, to) == nil; got != (may[[2]key.State{from, to}] || from == to) {
				t.Errorf("from %d to %d: %t", from, to, got)
			}
		}
	}
}

func TestKeysLeaveOnlyUnderTheirOwnersTerms(t *testing.T) {
	var nested wire.Writer
	object.EncodeTemplate(&nested, object.Template{{Type: key.AttrKeyType, Value: ulong(uint64(key.TypeAES))}, yes(key.AttrExtractable), text(key.AttrLabel, "data")})
	plain := aesKey(t, first)
	trusted := aesKey(t, first, yes(key.AttrTrusted))
	choosy := aesKey(t, first, object.Attribute{Type: key.AttrWrapTemplate, Value: nested.B})
	open := aesKey(t, first, yes(key.AttrExtractable))
	careful := aesKey(t, first, yes(key.AttrExtractable), yes(key.AttrWrapWithTrusted))
	labelled := aesKey(t, first, yes(key.AttrExtractable), text(key.AttrLabel, "data"))
	alices := aesKey(t, alice, yes(key.AttrExtractable))
	data, _, err := object.Create(object.Template{{Type: key.AttrClass, Value: ulong(0)}}, object.Rules{NewID: func() key.ID { return key.ID{8} }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		who    *Identity
		by     *object.Object
		target *object.Object
		want   fault.Code
	}{
		{"extractable", first, plain, open, fault.OK},
		{"not extractable", first, plain, plain, fault.KeyUnextractable},
		{"for trusted keys, by one that is not", first, plain, careful, fault.KeyNotWrappable},
		{"for trusted keys, by one that is", first, trusted, careful, fault.OK},
		{"against the wrapping key's template", first, choosy, open, fault.KeyNotWrappable},
		{"by the wrapping key's template", first, choosy, labelled, fault.OK},
		{"another's", bob, plain, alices, fault.KeyUnknown},
		{"one's own", alice, plain, alices, fault.OK},
		{"lent", bob, plain, shared(t, alices, bob), fault.Denied},
		{"by an admin", so, plain, open, fault.Denied},
		{"without login", nil, plain, open, fault.KeyUnknown},
		{"what is no key", first, plain, data, fault.KeyNotWrappable},
	} {
		if got := fault.Of(Wrap(c.who, c.by, c.target)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAFreshLoginIsNeededOnlyWhereTheKeySaysSo(t *testing.T) {
	if FreshLogin(aesKey(t, first), false) != nil {
		t.Error("asked for without need")
	}
	text, err := os.ReadFile("../wrap/testdata/openssl/prime256v1.priv.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	o, _, err := object.Imported(object.Template{yes(key.AttrAlwaysAuth)}, block.Bytes, object.Rules{
		NewID: func() key.ID { return key.ID{7} }, Family: func(key.Type) *mech.Family { return &ec.Family }})
	if err != nil {
		t.Fatal(err)
	}
	if err := FreshLogin(o, false); fault.Of(err) != fault.AuthRequired {
		t.Errorf("not asked for: %v", err)
	}
	if err := FreshLogin(o, true); err != nil {
		t.Errorf("asked for twice: %v", err)
	}
}

func TestDecidingAboutAUseAllocatesNothing(t *testing.T) {
	o, row := aesKey(t, first), all.Row(key.MechAESGCM)
	secret := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		if Use(first, o, row, mech.Encrypt, 1800000000) != nil || len(o.Material(secret).Secret) != 16 || FreshLogin(o, false) != nil {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFIPSModeRefusesWhatIsNotApproved(t *testing.T) {
	approved := &mech.Row{Approved: func(mech.Use, mech.Key, mech.Params, int) bool { return true }}
	for _, c := range []struct {
		fips bool
		row  *mech.Row
		ok   bool
		want fault.Code
	}{{false, approved, true, fault.OK}, {true, approved, true, fault.OK}, {false, &mech.Row{}, false, fault.OK}, {true, &mech.Row{}, false, fault.NotApproved}} {
		ok, err := Approved(c.fips, c.row, mech.Sign, nil, nil, 0)
		if ok != c.ok || fault.Of(err) != c.want {
			t.Errorf("%t: %t, %v", c.fips, ok, err)
		}
	}
}

func TestDatesAreThoseOfTheCalendar(t *testing.T) {
	for unix := time.Date(1969, 12, 20, 5, 0, 0, 0, time.UTC); unix.Year() < 2110; unix = unix.Add(23*time.Hour + 59*time.Minute) {
		if got, want := object.DateOf(unix.Unix()), unix.Format("20060102"); string(got[:]) != want {
			t.Fatalf("%s is %s", want, got)
		}
	}
}
