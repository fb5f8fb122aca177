// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func aesTemplate(more ...client.Attribute) client.Template {
	return append(client.Template{client.ULong(key.AttrValueLen, uint64(32))}, more...)
}

func onToken() client.Attribute { return client.Bool(key.AttrToken, true) }

// secretValue is a template that brings its value along.
func secretValue(typ key.Type, value []byte, more ...client.Attribute) client.Template {
	return append(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, typ),
		client.Bytes(key.AttrValue, value)}, more...)
}

func data(label string, private bool, more ...client.Attribute) client.Template {
	return append(client.Template{client.ULong(key.AttrClass, key.ClassData), client.Text(key.AttrLabel, label),
		client.Bool(key.AttrPrivate, private), client.Bytes(key.AttrValue, []byte("value"))}, more...)
}

func TestCreatedObjectIsReadCopiedChangedAndDestroyed(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	for _, token := range []bool{false, true} {
		value := bytes.Repeat([]byte{7}, 32)
		o := must(s.Create(secretValue(key.TypeAES, value, client.Bool(key.AttrToken, token), client.Text(key.AttrLabel, "one"),
			client.Bool(key.AttrSensitive, false), client.Bool(key.AttrExtractable, true))))(t)
		if (o.Flags&client.IsToken != 0) != token || o.Type != key.TypeAES || o.Bits != 256 || o.Flags&client.IsExtractable == 0 ||
			(o.Handle&key.SessionHandle == 0) != token {
			t.Errorf("summary %+v", o)
		}
		if again := must(s.Summary(o.Handle))(t); again != o {
			t.Errorf("SUMMARY %+v, CREATE %+v", again, o)
		}
		got := must(s.Get(o.Handle, key.AttrLabel, key.AttrValue, key.AttrModulus, key.AttrUniqueID))(t)
		if string(got[0].Value) != "one" || !bytes.Equal(got[1].Value, value) || got[2].Status != client.NoSuch || len(got[3].Value) != 32 {
			t.Errorf("attributes %+v", got)
		}
		ok(t, s.Set(o.Handle, client.Template{client.Text(key.AttrLabel, "two"), client.Bool(key.AttrSensitive, true)}))
		got = must(s.Get(o.Handle, key.AttrLabel, key.AttrValue))(t)
		if string(got[0].Value) != "two" || got[1].Status != client.Sensitive || len(got[1].Value) != 0 {
			t.Errorf("after SET: %+v", got)
		}
		refused(t, s.Set(o.Handle, client.Template{client.Bool(key.AttrSensitive, false)}), fault.AttributeReadOnly)
		refused(t, s.Set(o.Handle, client.Template{client.Bytes(key.AttrModulus, value)}), fault.TemplateInconsistent)
		c := must(s.Copy(o.Handle, client.Template{client.Bool(key.AttrToken, !token)}))(t)
		if (c.Flags&client.IsToken != 0) == token || c.Handle == o.Handle {
			t.Errorf("copy %+v of %+v", c, o)
		}
		iv := make([]byte, 16)
		a := must(s.Encrypt(client.IV(key.MechAESCBC, iv), o.Handle, value))(t)
		b := must(s.Encrypt(client.IV(key.MechAESCBC, iv), c.Handle, value))(t)
		if !bytes.Equal(a, b) {
			t.Error("the copy is another key")
		}
		if n := must(s.Size(o.Handle))(t); n < 100 {
			t.Errorf("size %d", n)
		}
		ok(t, s.Destroy(o.Handle))
		refused(t, s.Destroy(o.Handle), fault.ObjectUnknown)
		_, err := s.Encrypt(client.IV(key.MechAESCBC, iv), o.Handle, value)
		refused(t, err, fault.KeyUnknown)
		ok(t, s.Destroy(c.Handle))
	}
}

func TestSessionsAndLoginsBoundWhatIsMade(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	rw, ro := must(c.Open(slotA, true))(t), must(c.Open(slotA, false))(t)
	pub, priv := data("d", false), data("d", true)
	on := func(t client.Template) client.Template { return append(slices.Clone(t), onToken()) }
	try := func(s *client.Session, tm client.Template, want fault.Code) {
		t.Helper()
		_, err := s.Create(tm)
		refused(t, err, want)
	}
	try(ro, pub, fault.OK) // a public session object needs nothing
	try(ro, on(pub), fault.SessionReadOnly)
	try(rw, on(pub), fault.NotLoggedIn)
	try(rw, priv, fault.NotLoggedIn)
	_, err := rw.Generate(client.Mech(key.MechAESKeyGen), aesTemplate())
	refused(t, err, fault.NotLoggedIn)
	w.login(rw, client.User, "")
	try(rw, on(priv), fault.OK)
	try(ro, priv, fault.OK)
	try(ro, on(priv), fault.SessionReadOnly)
	ok(t, rw.Logout())
	ok(t, ro.Close())
	w.login(rw, client.Officer, "")
	try(rw, on(pub), fault.OK)
	try(rw, on(priv), fault.Denied)
	ok(t, rw.Logout())
	w.login(rw, client.User, "auditor")
	try(rw, on(pub), fault.Denied)
}

func TestTokenObjectsCannotBeChangedFromReadOnlySessions(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	o := must(s.Create(data("d", true, onToken())))(t)
	c := w.dial()
	r := must(c.Open(slotA, false))(t)
	w.login(r, client.User, "")
	refused(t, r.Set(o.Handle, client.Template{client.Text(key.AttrLabel, "x")}), fault.SessionReadOnly)
	refused(t, r.Destroy(o.Handle), fault.SessionReadOnly)
	_, err := r.Copy(o.Handle, client.Template{})
	refused(t, err, fault.SessionReadOnly)
	must(r.Get(o.Handle, key.AttrLabel))(t)
}

func TestPrivateObjectsAreUnknownWithoutLogin(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	o := must(s.Create(data("secret", true, onToken())))(t)
	held := must(s.Create(data("secret", true)))(t)
	open := must(s.Create(data("open", false)))(t)
	stranger := w.open()
	for _, h := range []uint64{o.Handle, held.Handle, 1, key.SessionHandle | 1, ^uint64(0)} {
		_, err := stranger.Get(h, key.AttrLabel)
		refused(t, err, fault.ObjectUnknown)
		refused(t, stranger.Destroy(h), fault.ObjectUnknown)
	}
	if list := must(stranger.FindAll(client.Template{client.Text(key.AttrLabel, "secret")}))(t); len(list) != 0 {
		t.Errorf("found %+v", list)
	}
	ok(t, s.Logout())
	_, err := s.Get(o.Handle, key.AttrLabel)
	refused(t, err, fault.ObjectUnknown)
	w.login(s, client.User, "")
	must(s.Get(o.Handle, key.AttrLabel))(t)
	_, err = s.Get(held.Handle, key.AttrLabel) // logging out destroyed it
	refused(t, err, fault.ObjectUnknown)
	must(s.Get(open.Handle, key.AttrLabel))(t)
}

func TestOneOperatorsOwnKeysAreHiddenFromAnother(t *testing.T) {
	w := newWorld(t)
	alice, user := w.open(), w.user()
	w.login(alice, client.User, "alice")
	k := must(alice.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t)
	_, err := user.Encrypt(client.GCM(make([]byte, 12), nil, 128), k.Handle, []byte("x"))
	refused(t, err, fault.KeyUnknown)
	must(alice.Encrypt(client.GCM(make([]byte, 12), nil, 128), k.Handle, []byte("x")))(t)
	other := must(w.dial().Open(slotB, true))(t)
	w.login(other, client.User, "alice")
	_, err = other.Get(k.Handle, key.AttrLabel)
	refused(t, err, fault.ObjectUnknown)
}

func TestASharedKeyIsUsedButNotReadOrCopied(t *testing.T) {
	w := newWorld(t)
	alice, user := w.open(), w.user()
	w.login(alice, client.User, "alice")
	k := must(alice.Create(secretValue(key.TypeAES, make([]byte, 16), append(readable(), onToken())...)))(t).Handle
	ok(t, alice.KeyShare(k, "user", true))
	must(user.Encrypt(client.GCM(make([]byte, 12), nil, 128), k, []byte("x")))(t)
	if v := must(user.Get(k, key.AttrValue, key.AttrLabel))(t); v[0].Status != client.Sensitive || len(v[0].Value) != 0 || v[1].Status != client.Given {
		t.Errorf("the user reads %+v", v)
	}
	if v := must(alice.Get(k, key.AttrValue))(t); len(v[0].Value) != 16 {
		t.Errorf("alice reads %+v", v)
	}
	_, err := user.Copy(k, nil)
	refused(t, err, fault.Denied)
	refused(t, user.Destroy(k), fault.Denied)
	_, err = user.Wrap(client.Mech(key.MechAESKeyWrap), must(user.Generate(client.Mech(key.MechAESKeyGen), aesTemplate()))(t).Handle, k)
	refused(t, err, fault.Denied)
	ok(t, user.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0))
	refused(t, user.DigestKey(k), fault.KeyNeedsDigest)
}

func TestSessionObjectsEndWithTheirSessionOnly(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	a, b := must(c.Open(slotA, true))(t), must(c.Open(slotA, true))(t)
	o := must(a.Create(data("d", false)))(t)
	must(b.Get(o.Handle, key.AttrLabel))(t) // all sessions of the application see it
	elsewhere := must(c.Open(slotB, true))(t)
	_, err := elsewhere.Get(o.Handle, key.AttrLabel)
	refused(t, err, fault.ObjectUnknown)
	ok(t, a.Close())
	_, err = b.Get(o.Handle, key.AttrLabel)
	refused(t, err, fault.ObjectUnknown)
}

func TestFindGivesEveryMatchOnceInBatches(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	want := map[uint64]bool{}
	for i := range 40 {
		o := must(s.Create(data("batch", i%2 == 0, client.Bool(key.AttrToken, i%4 < 2))))(t)
		want[o.Handle] = true
		must(s.Create(data(fmt.Sprint("other", i), true, onToken())))(t)
	}
	for _, most := range []int{1, 7, 40, 1000} {
		list, more, err := s.Find(client.Template{client.Text(key.AttrLabel, "batch")}, most)
		got := map[uint64]bool{}
		for {
			ok(t, err)
			if len(list) > most {
				t.Fatalf("a batch of %d, asked for %d", len(list), most)
			}
			for _, o := range list {
				if got[o.Handle] {
					t.Fatalf("%x came twice", o.Handle)
				}
				got[o.Handle] = true
			}
			if !more {
				break
			}
			list, more, err = s.FindNext(most)
		}
		if len(got) != len(want) {
			t.Errorf("by %d: found %d of %d", most, len(got), len(want))
		}
		ok(t, s.FindEnd())
	}
	refused(t, s.FindEnd(), fault.OperationNotActive)
	_, _, err := s.FindNext(1)
	refused(t, err, fault.OperationNotActive)
}

func TestFindLooksUpWhatTheTemplateNames(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	o := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken(), client.Text(key.AttrLabel, "k"), client.Bytes(key.AttrID, []byte{1, 2}))))(t)
	must(s.Create(data("k", true, onToken())))(t)
	id := must(s.Get(o.Handle, key.AttrUniqueID))(t)[0].Value
	for name, c := range map[string]struct {
		t client.Template
		n int
	}{
		"label":         {client.Template{client.Text(key.AttrLabel, "k")}, 2},
		"class":         {client.Template{client.ULong(key.AttrClass, key.ClassSecret)}, 1},
		"key type":      {client.Template{client.ULong(key.AttrKeyType, key.TypeAES)}, 1},
		"id":            {client.Template{client.Bytes(key.AttrID, []byte{1, 2})}, 1},
		"unique id":     {client.Template{client.Bytes(key.AttrUniqueID, id)}, 1},
		"no unique id":  {client.Template{client.Text(key.AttrUniqueID, "x")}, 0},
		"session only":  {client.Template{client.Bool(key.AttrToken, false)}, 0},
		"unknown class": {client.Template{client.ULong(key.AttrClass, uint64(0xCE534351))}, 0}, // CKO_NSS_TRUST
		"vendor":        {client.Template{client.ULong(key.AttrVendor|0x1234, uint64(1))}, 0},
		"profiles":      {client.Template{client.ULong(key.AttrClass, key.ClassProfile)}, len(object.Profiles())},
	} {
		if list := must(s.FindAll(c.t))(t); len(list) != c.n {
			t.Errorf("%s: found %d, want %d", name, len(list), c.n)
		}
	}
	p := must(s.FindAll(client.Template{client.ULong(key.AttrClass, key.ClassProfile)}))(t)[0]
	if v := must(s.Get(p.Handle, key.AttrProfileID))(t); v[0].ULong() == 0 {
		t.Errorf("profile %+v", v)
	}
	if err := s.Destroy(p.Handle); err == nil {
		t.Error("a built-in object was destroyed")
	}
}

func TestBadTemplatesGetTheirOwnFault(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	for name, c := range map[string]struct {
		t    client.Template
		want fault.Code
	}{
		"empty":          {nil, fault.TemplateIncomplete},
		"no length":      {client.Template{client.ULong(key.AttrKeyType, key.TypeAES)}, fault.TemplateIncomplete},
		"short bool":     {aesTemplate(client.Bytes(key.AttrToken, []byte{1, 1})), fault.AttributeValueInvalid},
		"other length":   {client.Template{client.ULong(key.AttrValueLen, uint64(17))}, fault.AttributeValueInvalid},
		"read-only":      {aesTemplate(client.Bool(key.AttrLocal, true)), fault.AttributeReadOnly},
		"unknown":        {aesTemplate(client.ULong(0x9999, uint64(1))), fault.AttributeUnknown},
		"value given":    {aesTemplate(client.Bytes(key.AttrValue, make([]byte, 32))), fault.TemplateInconsistent},
		"other type":     {aesTemplate(client.ULong(key.AttrKeyType, key.TypeDES3)), fault.TemplateInconsistent},
		"trusted":        {aesTemplate(client.Bool(key.AttrTrusted, true)), fault.AttributeReadOnly},
		"modulus of AES": {aesTemplate(client.Bytes(key.AttrModulus, []byte{1})), fault.TemplateInconsistent},
	} {
		_, err := s.Generate(client.Mech(key.MechAESKeyGen), c.t)
		if fault.Of(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_, err := s.Create(client.Template{})
	refused(t, err, fault.TemplateIncomplete)
	_, err = s.Generate(client.Mech(key.MechAESGCM), aesTemplate())
	refused(t, err, fault.MechanismInvalid)
	_, err = s.Generate(client.Mech(0xFFFF), aesTemplate())
	refused(t, err, fault.MechanismInvalid)
	_, _, err = s.GeneratePair(client.Mech(key.MechAESKeyGen), nil, nil)
	refused(t, err, fault.MechanismInvalid)
}

// The client hears of no such object, the auditor of who tried to get at which.
func TestAskingForAnothersObjectIsAuditedAsARefusal(t *testing.T) {
	w := newWorld(t)
	alice, user := w.open(), w.user()
	w.login(alice, client.User, "alice")
	k := must(alice.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t)
	id := must(alice.Get(k.Handle, key.AttrUniqueID))(t)[0].Value
	for call, ask := range map[wire.Call]func() error{
		wire.CallDestroy: func() error { return user.Destroy(k.Handle) },
		wire.CallGet:     func() error { _, err := user.Get(k.Handle, key.AttrLabel); return err },
		wire.CallEncrypt: func() error {
			_, err := user.Encrypt(client.GCM(make([]byte, 12), nil, 128), k.Handle, []byte("x"))
			return err
		},
	} {
		before := len(w.module.audit)
		if ask() == nil {
			t.Fatalf("%v is allowed", call)
		}
		if len(w.module.audit) != before+1 {
			t.Fatalf("%v: %d entries", call, len(w.module.audit)-before)
		}
		e := w.module.audit[before]
		if e.Call != call || e.Refused != fault.Denied || e.Object.String() != string(id) && string(e.Object[:]) != string(id) || e.Operator.IsZero() {
			t.Errorf("%v: audited %+v, want a refusal about %q", call, e, id)
		}
	}
	before := len(w.module.audit)
	user.Destroy(k.Handle + 1) // nobody's
	if len(w.module.audit) != before {
		t.Error("asking for what is not there is audited")
	}
}

func TestAChangeOfATokenObjectIsAudited(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	o := must(s.Create(data("d", true, onToken())))(t)
	ok(t, s.Set(o.Handle, client.Template{client.Text(key.AttrLabel, "e")}))
	ok(t, s.Destroy(o.Handle))
	must(s.Create(data("d", true)))(t) // a session object is nobody's business
	var acts []string
	for _, e := range w.module.audit {
		if e.Object.IsZero() || e.Operator != operatorID(slotA, "user") || e.Refused != fault.OK || e.Request == 0 {
			t.Errorf("entry %+v", e)
		}
		acts = append(acts, e.Call.String())
	}
	if !slices.Equal(acts, []string{wire.CallCreate.String(), wire.CallSet.String(), wire.CallDestroy.String()}) {
		t.Errorf("audited %v", acts)
	}
	w.module.tokens[slotA].full = true
	_, err := s.Create(data("d", true, onToken()))
	refused(t, err, fault.QuotaExceeded)
}
