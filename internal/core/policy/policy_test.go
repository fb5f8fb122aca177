// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var (
	first   = &Identity{Operator: key.ID{1}, Name: "user", Role: RoleUser}
	alice   = &Identity{Operator: key.ID{2}, Name: "alice", Role: RoleUser}
	bob     = &Identity{Operator: key.ID{3}, Name: "bob", Role: RoleUser}
	so      = &Identity{Operator: key.ID{4}, Name: "so", Role: RoleAdmin}
	auditor = &Identity{Operator: key.ID{5}, Name: "eve", Role: RoleAuditor}
	stray   = &Identity{Operator: key.ID{6}, Name: "x"} // a role nobody set
	people  = []*Identity{nil, first, alice, bob, so, auditor, stray}
)

func ulong(v uint64) []byte {
	var w wire.Writer
	w.U64(v)
	return w.B
}

func yes(t key.Attr) object.Attribute { return object.Attribute{Type: t, Value: []byte{1}} }
func no(t key.Attr) object.Attribute  { return object.Attribute{Type: t, Value: []byte{0}} }

func text(t key.Attr, v string) object.Attribute { return object.Attribute{Type: t, Value: []byte(v)} }

// aesKey makes an AES key of an identity; the admin makes it where it is trusted.
func aesKey(t testing.TB, owner *Identity, attrs ...object.Attribute) *object.Object {
	t.Helper()
	n := byte(0)
	o, _, err := object.Create(append(object.Template{
		{Type: key.AttrClass, Value: ulong(uint64(key.ClassSecret))}, {Type: key.AttrKeyType, Value: ulong(uint64(key.TypeAES))},
		{Type: key.AttrValue, Value: make([]byte, 16)},
	}, attrs...), object.Rules{Who: object.ActorAdmin, Owner: Owner(owner), Family: all.Family, NewID: func() key.ID { n++; return key.ID{9, n} }})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func shared(t testing.TB, o *object.Object, with *Identity) *object.Object {
	t.Helper()
	o, err := o.WithShared(with.Operator, true)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWhoMayDoWhatWithWhoseKey(t *testing.T) {
	const ok, hidden, denied, login = fault.OK, fault.ObjectUnknown, fault.Denied, fault.NotLoggedIn
	token := yes(key.AttrToken)
	everybodys, alices := aesKey(t, first, token), aesKey(t, alice, token)
	lent := shared(t, alices, bob)
	public := aesKey(t, first, token, no(key.AttrPrivate))
	alicesPublic := aesKey(t, alice, token, no(key.AttrPrivate))
	session := aesKey(t, nil, no(key.AttrPrivate))
	row := all.Row(key.MechAESGCM)
	use := func(who *Identity, o *object.Object) error { return Use(who, o, row, mech.Encrypt, 0) }
	share := func(who *Identity, o *object.Object) error { return Share(who, o) }
	state := func(who *Identity, o *object.Object) error { return SetState(who, o, key.StateSuspended) }
	for _, c := range []struct {
		name string
		act  func(*Identity, *object.Object) error
		o    *object.Object
		want [7]fault.Code // in the order of people
	}{
		{"use everybody's", use, everybodys, [7]fault.Code{fault.KeyUnknown, ok, ok, ok, denied, denied, fault.KeyUnknown}},
		{"use alice's", use, alices, [7]fault.Code{fault.KeyUnknown, fault.KeyUnknown, ok, fault.KeyUnknown, denied, denied, fault.KeyUnknown}},
		{"use what alice lent bob", use, lent, [7]fault.Code{fault.KeyUnknown, fault.KeyUnknown, ok, ok, denied, denied, fault.KeyUnknown}},
		{"use public", use, public, [7]fault.Code{ok, ok, ok, ok, denied, denied, denied}},
		{"change everybody's", Change, everybodys, [7]fault.Code{hidden, ok, ok, ok, ok, denied, hidden}},
		{"change alice's", Change, alices, [7]fault.Code{hidden, hidden, ok, hidden, ok, denied, hidden}},
		{"change what alice lent bob", Change, lent, [7]fault.Code{hidden, hidden, ok, denied, ok, denied, hidden}},
		{"change public", Change, public, [7]fault.Code{login, ok, ok, ok, ok, denied, denied}},
		{"change alice's public", Change, alicesPublic, [7]fault.Code{login, denied, ok, denied, ok, denied, denied}},
		{"change a public session object", Change, session, [7]fault.Code{ok, ok, ok, ok, ok, ok, ok}},
		{"destroy what alice lent bob", Destroy, lent, [7]fault.Code{hidden, hidden, ok, denied, ok, denied, hidden}},
		{"copy everybody's", Copy, everybodys, [7]fault.Code{hidden, ok, ok, ok, denied, denied, hidden}},
		{"copy what alice lent bob", Copy, lent, [7]fault.Code{hidden, hidden, ok, denied, denied, denied, hidden}},
		{"copy public", Copy, public, [7]fault.Code{ok, ok, ok, ok, ok, ok, ok}},
		{"read everybody's", ReadSecret, everybodys, [7]fault.Code{hidden, ok, ok, ok, fault.AttributeSensitive, fault.AttributeSensitive, hidden}},
		{"read what alice lent bob", ReadSecret, lent, [7]fault.Code{hidden, hidden, ok, fault.AttributeSensitive, fault.AttributeSensitive, fault.AttributeSensitive, hidden}},
		{"share everybody's", share, everybodys, [7]fault.Code{login, fault.ActionProhibited, fault.ActionProhibited, fault.ActionProhibited, fault.ActionProhibited, fault.ActionProhibited, fault.ActionProhibited}},
		{"share alice's", share, alices, [7]fault.Code{login, hidden, ok, hidden, ok, denied, hidden}},
		{"share what alice lent bob", share, lent, [7]fault.Code{login, hidden, ok, denied, ok, denied, hidden}},
		{"suspend alice's", state, alices, [7]fault.Code{login, hidden, ok, hidden, ok, denied, hidden}},
		{"suspend what alice lent bob", state, lent, [7]fault.Code{login, hidden, ok, denied, ok, denied, hidden}},
	} {
		for i, who := range people {
			if got := fault.Of(c.act(who, c.o)); got != c.want[i] {
				name := "nobody"
				if who != nil {
					name = who.Name
				}
				t.Errorf("%s, by %s: %v, want %v", c.name, name, got, c.want[i])
			}
		}
	}
}

func TestWhoMayMakeWhat(t *testing.T) {
	const ok, denied, login = fault.OK, fault.Denied, fault.NotLoggedIn
	for _, c := range []struct {
		name string
		o    *object.Object
		want [7]fault.Code
	}{
		{"public session object", aesKey(t, nil, no(key.AttrPrivate)), [7]fault.Code{ok, ok, ok, ok, ok, denied, denied}},
		{"private session object", aesKey(t, nil), [7]fault.Code{login, ok, ok, ok, denied, denied, denied}},
		{"public token object", aesKey(t, nil, yes(key.AttrToken), no(key.AttrPrivate)), [7]fault.Code{login, ok, ok, ok, ok, denied, denied}},
		{"private token object", aesKey(t, nil, yes(key.AttrToken)), [7]fault.Code{login, ok, ok, ok, denied, denied, denied}},
	} {
		for i, who := range people {
			if got := fault.Of(Create(who, c.o)); got != c.want[i] {
				t.Errorf("%s, by %v: %v, want %v", c.name, who, got, c.want[i])
			}
		}
	}
	for _, c := range []struct {
		rw, token bool
		want      fault.Code
	}{{false, false, ok}, {true, false, ok}, {true, true, ok}, {false, true, fault.SessionReadOnly}} {
		if got := fault.Of(Write(c.rw, c.token)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestOnlyNamedCryptoUsersOwn(t *testing.T) {
	for _, c := range []struct {
		who  *Identity
		want key.ID
	}{{nil, key.ID{}}, {first, key.ID{}}, {so, key.ID{}}, {alice, alice.Operator}, {bob, bob.Operator}} {
		if got := Owner(c.who); got != c.want {
			t.Errorf("%v owns as %s", c.who, got)
		}
	}
	if Actor(so) != object.ActorAdmin || Actor(alice) != object.ActorUser || Actor(nil) != object.ActorUser || Actor(auditor) != object.ActorUser {
		t.Error("another than an admin acts as one")
	}
}

func TestUndestroyableObjectsStay(t *testing.T) {
	o := aesKey(t, first, no(key.AttrDestroyable))
	if err := Destroy(so, o); fault.Of(err) != fault.ActionProhibited {
		t.Errorf("%v", err)
	}
}
