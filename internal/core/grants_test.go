// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// role makes a role of the HSM with these actions.
func (w *world) role(slot uint64, actions ...string) string {
	w.t.Helper()
	id := uuid(randomID())
	w.must(w.admin.PutRole(slot, client.Role{ID: id, Name: "test", Actions: actions}))
	return id
}

func secret(name, value string) client.Template {
	return client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, true),
		client.Text(key.AttrApplication, key.SecretApplication), client.Text(key.AttrLabel, name), client.Text(key.AttrValue, value)}
}

func TestALimitedIdentityDoesWhatItWasGrantedAndNothingElse(t *testing.T) {
	w := newHSMWorld(t)
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	all := w.session(w.hsm)
	signing, other := w.create(all, ecKey("signing")), w.create(all, ecKey("other"))
	sealing := w.create(all, aes256("signing-not"))
	id, pass := w.identity("signer")
	_, err := w.bearer(w.hsm, w.tokenFor(id, pass, hsmResource))
	w.want("without any role", err, fault.Denied)
	w.assign(w.hsm, "/keys/signing", w.role(w.hsm, managedHSM+"keys/sign/action"), id)
	s := w.as(w.hsm, id, pass)

	_, err = sign(s, signing, key.OpSign, nil)
	w.want("sign with its key", err, fault.OK)
	_, err = s.Sign(client.Mech(key.MechECDSA), signing.Handle, make([]byte, 32))
	w.want("the same over PKCS #11", err, fault.OK)
	n, err := s.Name(key.GroupKeys, "signing", "", false)
	if w.want("find it by name", err, fault.OK); n.Handle != signing.Handle {
		t.Errorf("found %+v", n)
	}
	for name, c := range map[string]struct {
		do   func() error
		want fault.Code
	}{
		"verify with it":    {func() error { _, err := sign(s, signing, key.OpVerify, make([]byte, 64)); return err }, fault.Denied},
		"sign with another": {func() error { _, err := sign(s, other, key.OpSign, nil); return err }, fault.ObjectUnknown},
		"encrypt with a third": {func() error {
			_, err := s.Encrypt(client.Mech(key.MechAESECB), sealing.Handle, make([]byte, 16))
			return err
		}, fault.KeyUnknown},
		"read its attributes":  {func() error { _, err := s.Get(signing.Handle, key.AttrPublicKeyInfo); return err }, fault.Denied},
		"read them by name":    {func() error { _, err := s.Name(key.GroupKeys, "signing", "", false, key.AttrLabel); return err }, fault.Denied},
		"find another by name": {func() error { _, err := s.Name(key.GroupKeys, "other", "", false); return err }, fault.ObjectUnknown},
		"list":                 {func() error { _, _, err := s.Names(client.List{Group: key.GroupKeys, Most: 9}); return err }, fault.Denied},
		"list secrets":         {func() error { _, _, err := s.Names(client.List{Group: key.GroupSecrets, Most: 9}); return err }, fault.Denied},
		"create":               {func() error { _, err := s.CreateKey(ecKey("new")); return err }, fault.Denied},
		"rotate":               {func() error { _, err := s.CreateKey(ecKey("signing")); return err }, fault.Denied},
		"import a secret key": {func() error {
			_, err := s.ImportKey(aes256("new"), client.Template{client.Bytes(key.AttrValue, make([]byte, 32))}, nil)
			return err
		}, fault.Denied},
		"make a secret":      {func() error { _, err := s.Create(secret("new", "x")); return err }, fault.Denied},
		"make a data object": {func() error { _, err := s.Create(secret("new", "x")[:3]); return err }, fault.Denied},
		"change it":          {func() error { return s.Set(signing.Handle, client.Template{client.ULong(key.AttrExpires, uint64(1))}) }, fault.Denied},
		"disable it":         {func() error { return s.KeyState(signing.Handle, key.StateSuspended) }, fault.Denied},
		"copy it": {func() error {
			_, err := s.Copy(signing.Handle, client.Template{client.Text(key.AttrLabel, "copy")})
			return err
		}, fault.Denied},
		"wrap it": {func() error {
			_, err := s.Wrap(client.IV(key.MechAESKeyWrapKWP, nil), sealing.Handle, signing.Handle)
			return err
		}, fault.WrappingKeyUnknown},
		"destroy it":        {func() error { return s.Destroy(signing.Handle) }, fault.Denied},
		"delete it":         {func() error { return s.DeleteName(key.GroupKeys, "signing") }, fault.Denied},
		"recover":           {func() error { return s.RecoverName(key.GroupKeys, "signing") }, fault.Denied},
		"purge":             {func() error { return s.PurgeName(key.GroupKeys, "signing") }, fault.Denied},
		"back it up":        {func() error { _, err := s.BackupName(key.GroupKeys, "signing"); return err }, fault.Denied},
		"replicate it":      {func() error { _, err := s.ReplicaGive(signing.Handle); return err }, fault.Denied},
		"draw random bytes": {func() error { _, err := s.Random(8); return err }, fault.Denied},
		"share it":          {func() error { return s.KeyShare(signing.Handle, "user", true) }, fault.ActionProhibited},
	} {
		w.want(name, c.do(), c.want)
	}
	found, _, err := s.Find(client.Template{client.ULong(key.AttrClass, key.ClassPrivate)}, 10)
	if w.must(err); len(found) != 1 || found[0].Handle != signing.Handle {
		t.Errorf("PKCS #11 shows it %+v", found)
	}
}

// A right to one name must not become a right to the key of another.
func TestAKeyCannotBeMovedUnderAnotherName(t *testing.T) {
	w := newHSMWorld(t)
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	k := w.create(w.session(w.hsm), aes256("poor"))
	id, pass := w.identity("mover")
	w.assign(w.hsm, "/keys/poor", w.role(w.hsm, managedHSM+"keys/write/action", managedHSM+"keys/read/action", managedHSM+"keys/backup/action"), id)
	w.assign(w.hsm, "/keys/rich", hsmUser, id)
	s := w.as(w.hsm, id, pass)
	w.want("rename it", s.Set(k.Handle, client.Template{client.Text(key.AttrLabel, "rich")}), fault.Denied)
	_, err := s.Copy(k.Handle, client.Template{client.Text(key.AttrLabel, "rich"), client.Bool(key.AttrToken, true)})
	w.want("copy it", err, fault.Denied)
	_, err = s.Copy(k.Handle, client.Template{client.Bool(key.AttrToken, false)})
	w.want("copy it into the session", err, fault.Denied)
	blob, err := s.BackupName(key.GroupKeys, "poor")
	w.must(err)
	_, err = s.RestoreName(key.GroupKeys, blob)
	w.want("restore it", err, fault.Denied)
	w.want("what it may change", s.Set(k.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpEncrypt)}), fault.OK)
	_, err = s.Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: k.Handle, Data: []byte("x")})
	w.want("which gives no right to use", err, fault.Denied)
}

func TestTheHSMsAdministratorUsesNoKeys(t *testing.T) {
	w := newHSMWorld(t)
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	k := w.create(w.session(w.hsm), ecKey("k"))
	id, pass := w.identity("chief")
	w.assign(w.hsm, "/", hsmAdmin, id)
	s := w.as(w.hsm, id, pass)
	_, err := sign(s, k, key.OpSign, nil)
	w.want("sign", err, fault.ObjectUnknown)
	_, _, err = s.Names(client.List{Group: key.GroupKeys, Most: 9})
	w.want("list keys", err, fault.Denied)
	_, err = s.CreateKey(ecKey("mine"))
	w.want("create", err, fault.Denied)
	w.want("destroy", s.Destroy(k.Handle), fault.ObjectUnknown)

	conn := w.roleConn(w.hsm, id, pass)
	w.must(conn.PutAssignment(w.hsm, client.Assignment{ID: someUUID, Scope: "/keys", Role: hsmUser, Principal: id}))
	_, err = sign(s, k, key.OpSign, nil)
	w.want("sign, once it gave itself that role, for all to see", err, fault.OK)
	w.must(conn.RemoveAssignment(w.hsm, someUUID))
	_, err = sign(s, k, key.OpSign, nil)
	w.want("sign, after it took it back", err, fault.ObjectUnknown)
	w.want("settings of the partition", conn.SetSettings(w.hsm, map[string]string{client.SettingRetention: "7"}), fault.NotLoggedIn)
}

// roleConn is a channel on which an identity is logged in, for the calls about roles.
func (w *world) roleConn(slot uint64, id, pass string) *client.Conn {
	w.t.Helper()
	c := w.node.client()
	s, err := c.Open(slot, true)
	w.must(err)
	w.must(s.LoginBearer([]byte(w.tokenFor(id, pass, hsmResource))))
	return c
}

func TestRolesAreWrittenByThoseWhoMay(t *testing.T) {
	w := newHSMWorld(t)
	w.assign(w.hsm, "/", hsmUser, w.client)
	c := w.roleConn(w.hsm, w.client, w.secret)
	roles, err := c.Roles(w.hsm)
	if w.want("read roles", err, fault.OK); len(roles) < 18 || !roles[0].BuiltIn {
		t.Errorf("%d roles", len(roles))
	}
	own := client.Assignment{ID: someUUID, Scope: "/", Role: hsmAdmin, Principal: w.client}
	w.want("give itself a role", c.PutAssignment(w.hsm, own), fault.Denied)
	w.want("write a role", c.PutRole(w.hsm, client.Role{ID: someUUID, Name: "x"}), fault.Denied)
	w.want("take an assignment", c.RemoveAssignment(w.hsm, someUUID), fault.Denied)

	id, pass := w.identity("narrow")
	w.assign(w.hsm, "/keys", hsmAdmin, id)
	w.want("assign roles by a right that holds for keys only", w.roleConn(w.hsm, id, pass).PutAssignment(w.hsm, own), fault.Denied)

	a := w.admin
	w.want("a built-in role", a.PutRole(w.hsm, client.Role{ID: hsmUser, Name: "x", Actions: []string{"*"}}), fault.Denied)
	w.want("remove a built-in role", a.RemoveRole(w.hsm, hsmUser), fault.Denied)
	w.want("an action that is none", a.PutRole(w.hsm, client.Role{ID: someUUID, Name: "x", Actions: []string{"Microsoft.Compute/*"}}), fault.ArgumentsBad)
	w.want("a role that is none", a.PutAssignment(w.hsm, client.Assignment{ID: someUUID, Scope: "/", Role: someUUID, Principal: w.client}), fault.ObjectUnknown)
	w.want("a scope that is none", a.PutAssignment(w.hsm, client.Assignment{ID: someUUID, Scope: "/keys/a/b", Role: hsmUser, Principal: w.client}), fault.ArgumentsBad)
	w.want("a role of partitions in the domain", a.PutAssignment(0, own), fault.ObjectUnknown)
	custom := client.Role{ID: someUUID, Name: "all but delete", Actions: []string{managedHSM + "keys/*"}, NotActions: []string{managedHSM + "keys/delete"}}
	w.must(a.PutRole(w.hsm, custom))
	assigned := w.assign(w.hsm, "/keys", someUUID, id)
	w.want("remove a role that is assigned", a.RemoveRole(w.hsm, someUUID), fault.ActionProhibited)
	s := w.as(w.hsm, id, pass)
	w.create(s, ecKey("k"))
	w.want("what it excepts", s.DeleteName(key.GroupKeys, "k"), fault.Denied)
	w.must(a.RemoveAssignment(w.hsm, assigned))
	w.must(a.RemoveRole(w.hsm, someUUID))
	w.start(wire.Config{})
	list, err := w.node.admin().Assignments(w.hsm)
	if w.must(err); len(list) != 2 {
		t.Errorf("after a restart: %+v", list)
	}
}

func TestAnOperatorOfPKCS11BecomesLimitedByItsFirstGrantAndStaysSo(t *testing.T) {
	w := newWorld(t)
	slot := w.partition("plain", 0)
	w.must(w.admin.OperatorCreate(slot, "clerk", client.CryptoUser, []byte("clerk-pin")))
	open := func() *client.Session {
		s, err := w.node.client().Open(slot, true)
		w.must(err)
		_, err = s.Login(client.User, "clerk", []byte("clerk-pin"))
		w.must(err)
		return s
	}
	k := w.create(w.user(slot), ecKey("shared"))
	free := open()
	_, err := free.Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.must(err)
	role := w.role(slot, keyVaults+"keys/verify/action")
	assigned := w.assign(slot, "/keys/shared", role, w.idOf(slot, "clerk"))
	_, err = free.Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.want("a session from before", err, fault.NotLoggedIn)
	s := open()
	_, err = s.Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.want("sign under a grant to verify", err, fault.Denied)
	w.must(w.admin.RemoveAssignment(slot, assigned))
	_, err = open().Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.want("without any grant left", err, fault.KeyUnknown)
	_, err = w.user(slot).Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.want("an operator that never had one", err, fault.OK)
	w.want("an admin as principal", w.admin.PutAssignment(slot, client.Assignment{ID: someUUID, Scope: "/", Role: role, Principal: w.idOf(slot, "so")}), fault.ArgumentsBad)
}

func TestTheValueOfASecretIsForThoseWhoMayGetIt(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	_, err := s.Create(secret("db", "hunter2"))
	w.must(err)
	value := func(s *client.Session) (client.Value, error) {
		n, err := s.Name(key.GroupSecrets, "db", "", false, key.AttrValue)
		if err != nil {
			return client.Value{}, err
		}
		return n.Values[0], nil
	}
	v, err := value(s)
	if w.must(err); string(v.Value) != "hunter2" {
		t.Errorf("the value is %q", v.Value)
	}
	id, pass := w.identity("reader")
	w.assign(w.vault, "/", "21090545-7ca7-4776-b22c-e363652d74d2", id) // Key Vault Reader
	reader := w.as(w.vault, id, pass)
	v, err = value(reader)
	if w.must(err); v.Status != client.Sensitive || len(v.Value) != 0 {
		t.Errorf("a reader of metadata gets %+v", v)
	}
	list, _, err := reader.Names(client.List{Group: key.GroupSecrets, Most: 9}, key.AttrValue, key.AttrLabel)
	if w.must(err); len(list) != 1 || list[0].Values[0].Status != client.Sensitive {
		t.Errorf("its list: %+v", list)
	}
	n, err := s.Name(key.GroupSecrets, "db", "", false)
	w.must(err)
	w.want("what kind of thing it is", reader.Set(n.Handle, client.Template{client.Text(key.AttrApplication, "")}), fault.Denied)
	w.must(s.Set(n.Handle, client.Template{client.ULong(key.AttrState, uint64(key.StateSuspended))}))
	v, err = value(s)
	if w.must(err); v.Status != client.Sensitive {
		t.Errorf("a secret that is not enabled gives %+v", v)
	}
}
