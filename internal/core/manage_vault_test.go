// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	armResource      = "https://arm.genbu.localhost:8443"
	owner            = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	reader           = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	vaultContributor = "f25e0fa2-a7c8-4377-a976-54943a77a395"
)

// manager is an identity with a role of the domain, logged in there.
func (w *world) manager(name, role string) (c *client.Conn, id string) {
	w.t.Helper()
	w.must(w.admin.SetSettings(0, map[string]string{client.SettingManagerResource: armResource}))
	id, pass := w.identity(name)
	w.assign(0, "/", role, id)
	c = w.node.client()
	s, err := c.Open(0, true)
	w.must(err)
	w.must(s.LoginBearer([]byte(w.tokenFor(id, pass, armResource))))
	return c, id
}

func named(list []client.VaultInfo, name string) (v client.VaultInfo, ok bool) {
	i := slices.IndexFunc(list, func(v client.VaultInfo) bool { return v.Name == name })
	if i < 0 {
		return v, false
	}
	return list[i], true
}

func TestAnIdentityMakesAndEndsVaultsByItsRoleInTheDomain(t *testing.T) {
	w := newHSMWorld(t)
	c, _ := w.manager("builder", vaultContributor)
	id, slot, err := c.VaultCreate(client.VaultInfo{Name: "shop", Flags: client.KindVault, RetentionDays: 7, Resource: "{}"}, nil)
	w.must(err)
	_, _, err = c.VaultCreate(client.VaultInfo{Name: "SHOP", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.want("a name that differs in case alone", err, fault.PartitionExists)
	_, _, err = c.VaultCreate(client.VaultInfo{Name: "vault2", Flags: client.KindManagedHSM, RetentionDays: 7}, nil)
	w.want("make a managed HSM", err, fault.Denied)
	list, err := c.VaultList()
	w.must(err)
	if _, there := named(list, "hsm"); there {
		t.Error("it sees a managed HSM")
	}
	if v, there := named(list, "shop"); !there || v.Slot != slot || v.RetentionDays != 7 || v.Resource != "{}" || v.Deleted != 0 {
		t.Errorf("made %+v", v)
	}

	w.want("give itself a role in it", c.PutAssignment(slot, client.Assignment{ID: someUUID, Scope: "/", Role: keyVaultAdmin, Principal: w.client}), fault.Denied)
	w.assign(slot, "/", keyVaultAdmin, w.client)
	s := w.session(slot)
	k := w.create(s, ecKey("till"))
	_, err = sign(s, k, key.OpSign, nil)
	w.want("sign", err, fault.OK)

	w.want("purge what lives", c.VaultPurge(id), fault.PartitionUnknown)
	w.must(c.VaultDelete(id))
	_, err = sign(s, k, key.OpSign, nil)
	w.want("sign in a deleted vault, by a login from before", err, fault.SessionUnknown)
	for name, do := range map[string]func() error{
		"list names":     func() error { _, _, err := s.Names(client.List{Group: key.GroupKeys, Most: 9}); return err },
		"get a name":     func() error { _, err := s.Name(key.GroupKeys, "till", "", false); return err },
		"delete a name":  func() error { return s.DeleteName(key.GroupKeys, "till") },
		"recover a name": func() error { return s.RecoverName(key.GroupKeys, "till") },
		"purge a name":   func() error { return s.PurgeName(key.GroupKeys, "till") },
		"back it up":     func() error { _, err := s.BackupName(key.GroupKeys, "till"); return err },
		"restore":        func() error { _, err := s.RestoreName(key.GroupKeys, []byte("x")); return err },
		"make a key":     func() error { _, err := s.CreateKey(ecKey("x")); return err },
		"read":           func() error { _, err := s.Get(k.Handle, key.AttrLabel); return err },
		"destroy":        func() error { return s.Destroy(k.Handle) },
		"random":         func() error { _, err := s.Random(8); return err },
		"find":           func() error { _, _, err := s.Find(nil, 10); return err },
	} {
		w.want(name+" in a deleted vault", do(), fault.SessionUnknown)
	}
	_, err = w.node.client().Open(slot, true)
	w.want("open a session on it", err, fault.PartitionUnknown)
	_, err = w.admin.Assignments(slot)
	w.want("read its roles", err, fault.PartitionUnknown)
	parts, err := w.admin.Partitions()
	if w.must(err); slices.ContainsFunc(parts, func(p client.Partition) bool { return p.Label == "shop" }) {
		t.Error("a deleted vault is a partition still")
	}
	_, _, err = c.VaultCreate(client.VaultInfo{Name: "shop", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.want("its name", err, fault.PartitionExists)
	w.want("delete it again", c.VaultDelete(id), fault.PartitionUnknown)

	w.must(c.VaultRecover(id))
	again, err := sign(w.session(slot), k, key.OpSign, nil)
	if w.must(err); len(again) != 64 {
		t.Errorf("a signature of %d bytes after recovery", len(again))
	}
	w.must(c.VaultSet(client.VaultInfo{ID: id, RetentionDays: 8, PurgeProtection: true, Resource: `{"a":1}`}))
	w.want("take purge protection back", c.VaultSet(client.VaultInfo{ID: id, RetentionDays: 8}), fault.ActionProhibited)
	w.must(c.VaultDelete(id))
	w.want("purge a protected vault", c.VaultPurge(id), fault.ActionProhibited)
	w.must(c.VaultRecover(id))

	other, _, err := c.VaultCreate(client.VaultInfo{Name: "stall", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.must(err)
	w.must(c.VaultDelete(other))
	w.must(c.VaultPurge(other))
	list, err = c.VaultList()
	w.must(err)
	if _, there := named(list, "stall"); there {
		t.Error("a purged vault is listed")
	}
}

func TestRolesOfTheDomainGiveNothingElse(t *testing.T) {
	w := newHSMWorld(t)
	c, self := w.manager("owner", owner)
	looks, _ := w.manager("looks", reader)
	s, err := c.Open(0, true)
	w.must(err)
	part := func(label string) client.Partition {
		list, err := w.admin.Partitions()
		w.must(err)
		return list[slices.IndexFunc(list, func(p client.Partition) bool { return p.Label == label })]
	}
	admins := client.VaultInfo{Name: "hsm2", Flags: client.KindManagedHSM, RetentionDays: 7}
	for name, one := range map[string]struct {
		do   func() error
		want fault.Code
	}{
		"list the domain's operators":  {func() error { _, err := c.Operators(0); return err }, fault.Denied},
		"make an operator":             {func() error { return c.OperatorCreate(0, "x", client.Service, nil) }, fault.Denied},
		"add a credential":             {func() error { _, _, err := c.AddSecret(0, "app", 0); return err }, fault.Denied},
		"make a partition":             {func() error { _, _, err := c.PartitionCreate("x", []byte("1234"), nil, 0); return err }, fault.Denied},
		"destroy one":                  {func() error { return c.PartitionDestroy(part("hsm").ID, "hsm") }, fault.Denied},
		"change the domain's settings": {func() error { return c.SetSettings(0, map[string]string{client.SettingAuthority: "https://x"}) }, fault.Denied},
		"change a vault's settings":    {func() error { return c.SetSettings(w.vault, map[string]string{client.SettingRetention: "9"}) }, fault.Denied},
		"lock the module":              {func() error { return c.Lock() }, fault.Denied},
		"write into the audit log":     {func() error { return c.AuditNote("x") }, fault.Denied},
		"give a role in a managed HSM": {func() error {
			return c.PutAssignment(w.hsm, client.Assignment{ID: someUUID, Scope: "/", Role: hsmAdmin, Principal: self})
		}, fault.Denied},
		"give a data role in the domain": {func() error {
			return c.PutAssignment(0, client.Assignment{ID: someUUID, Scope: "/", Role: keyVaultAdmin, Principal: self})
		}, fault.ObjectUnknown},
		"give a domain role in a vault": {func() error {
			return c.PutAssignment(w.vault, client.Assignment{ID: someUUID, Scope: "/", Role: owner, Principal: self})
		}, fault.ObjectUnknown},
		"name somebody unknown as first administrator": {func() error { _, _, err := c.VaultCreate(admins, []string{someUUID}); return err }, fault.UserUnknown},
		"make a key in the domain":                     {func() error { _, err := s.CreateKey(ecKey("x")); return err }, fault.Denied},
		"make a session object": {func() error {
			_, err := s.Create(client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, false)})
			return err
		}, fault.Denied},
		"draw random bytes": {func() error { _, err := s.Random(8); return err }, fault.Denied},
		"make a vault":      {func() error { _, _, err := looks.VaultCreate(admins, nil); return err }, fault.Denied},
		"give a vault's role": {func() error {
			return looks.PutAssignment(w.vault, client.Assignment{ID: someUUID, Scope: "/", Role: keyVaultAdmin, Principal: self})
		}, fault.Denied},
		"write a role":   {func() error { return looks.PutRole(0, client.Role{ID: someUUID, Name: "x", Actions: []string{"*"}}) }, fault.Denied},
		"delete a vault": {func() error { return looks.VaultDelete(part("vault").ID) }, fault.Denied},
		"delete nothing": {func() error { return looks.VaultDelete(key.ID{1}) }, fault.Denied},
		"delete a partition that is no vault": {func() error {
			w.partition("plain", 0)
			return c.VaultDelete(part("plain").ID)
		}, fault.PartitionUnknown},
	} {
		w.want(name, one.do(), one.want)
	}
	if list, err := looks.VaultList(); err != nil || len(list) != 2 {
		t.Errorf("a reader sees %+v, %v", list, err)
	}

	// What it does give: the first administrators of a managed HSM, and roles in vaults.
	_, slot, err := c.VaultCreate(admins, []string{w.client})
	w.must(err)
	list, err := w.admin.Assignments(slot)
	if w.must(err); len(list) != 1 || list[0].Role != hsmAdmin || list[0].Principal != w.client || list[0].Scope != "/" {
		t.Errorf("a new managed HSM has %+v", list)
	}
	w.must(c.PutAssignment(w.vault, client.Assignment{ID: someUUID, Scope: "/", Role: keyVaultAdmin, Principal: self}))
	w.must(c.RemoveAssignment(w.vault, someUUID))

	// A role that is taken back is gone in the login that is open.
	for _, a := range func() []client.Assignment { l, err := w.admin.Assignments(0); w.must(err); return l }() {
		if a.Principal == self {
			w.must(w.admin.RemoveAssignment(0, a.ID))
		}
	}
	_, _, err = c.VaultCreate(client.VaultInfo{Name: "late", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.want("after that", err, fault.Denied)
}

// TestTokensOpenTheDomainForTheirResourceAlone: a token for vaults is none for the resource manager, and the other way round.
func TestTokensOpenTheDomainForTheirResourceAlone(t *testing.T) {
	w := newHSMWorld(t)
	w.must(w.admin.SetSettings(0, map[string]string{client.SettingManagerResource: armResource}))
	_, err := w.bearer(0, w.token(armResource))
	w.want("without a role in the domain", err, fault.Denied)
	w.assign(0, "/", reader, w.client)
	_, err = w.bearer(0, w.token(armResource))
	w.want("with one", err, fault.OK)
	_, err = w.bearer(0, w.token(vaultResource))
	w.want("by a token for vaults", err, fault.TokenInvalid)
	_, err = w.bearer(w.vault, w.token(armResource))
	w.want("a vault by a token for the resource manager", err, fault.TokenInvalid)
}

// TestADeletedVaultIsDestroyedWhenItsTimeHasCome, and not before; purge protection ends then too.
func TestADeletedVaultIsDestroyedWhenItsTimeHasCome(t *testing.T) {
	w := newHSMWorld(t)
	id, _, err := w.admin.VaultCreate(client.VaultInfo{Name: "shop", Flags: client.KindVault, RetentionDays: 7, PurgeProtection: true}, nil)
	w.must(err)
	_, _, err = w.admin.VaultCreate(client.VaultInfo{Name: "lives", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.must(err)
	w.must(w.admin.VaultDelete(id))
	there := func(name string) bool {
		list, err := w.admin.VaultList()
		w.must(err)
		_, there := named(list, name)
		return there
	}
	purged := func() {
		w.core.purge()
		for deadline := time.Now().Add(30 * time.Second); w.core.purging.Load(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it does not come to an end")
			}
		}
	}
	w.machine.skew.Store(int64(7*24*time.Hour - time.Minute))
	if purged(); !there("shop") {
		t.Error("it is gone a minute early")
	}
	w.machine.skew.Store(int64(7*24*time.Hour + time.Minute))
	if purged(); there("shop") || !there("lives") {
		t.Error("it is there still, or another is not")
	}
	_, _, err = w.admin.VaultCreate(client.VaultInfo{Name: "shop", Flags: client.KindVault, RetentionDays: 7}, nil)
	w.want("its name", err, fault.OK)
}
