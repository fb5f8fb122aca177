// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const otherPIN = "another-pin"

// useless holds that a session can do nothing with an object: it neither finds nor uses nor changes it.
func useless(t *testing.T, who string, s *client.Session, x *thing) {
	t.Helper()
	h := x.half[0].handle
	list, err := s.FindAll(client.Template{client.Text(key.AttrLabel, x.label), client.ULong(key.AttrClass, key.ClassPrivate)})
	if err != nil || len(list) != 0 {
		t.Errorf("%s finds %d of it (%v)", who, len(list), err)
	}
	_, get := s.Get(h, key.AttrLabel)
	_, sign := s.Sign(client.Mech(key.MechECDSASHA256), h, probe)
	_, copied := s.Copy(h, nil)
	for what, err := range map[string]error{"get": get, "sign": sign, "copy": copied,
		"begin": s.Begin(client.UseSign, client.Mech(key.MechECDSASHA256), h), "destroy": s.Destroy(h),
		"set": s.Set(h, client.Template{client.Text(key.AttrLabel, "mine")}), "share": s.KeyShare(h, "bob", true),
		"state": s.KeyState(h, key.StateSuspended)} {
		if !absent(err) {
			t.Errorf("%s: %s answers %v", who, what, err)
		}
	}
}

func TestOperatorsSeeAndUseNeitherAnotherPartitionNorAnothersKeys(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	freshToken(t, admin, "there")
	here, there := slotOf(t, admin, tokenLabel), slotOf(t, admin, "there")
	for _, name := range []string{"alice", "bob"} {
		must(t, admin.OperatorCreate(here, name, client.CryptoUser, []byte(otherPIN)))
	}
	must(t, admin.OperatorCreate(here, "eve", client.Auditor, []byte(otherPIN)))
	alice, bob := n.login(tokenLabel, client.User, "alice", otherPIN), n.login(tokenLabel, client.User, "bob", otherPIN)
	x := pair(t, alice, "alice's")

	useless(t, "another user", bob, x)
	useless(t, "the first user", n.userSession(), x)
	useless(t, "a user of another partition", n.login("there", client.User, "", userPIN), x)
	nobody, err := n.operational().Open(here, true)
	must(t, err)
	if _, err := nobody.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); !absent(err) && codeOf(err) != fault.NotLoggedIn {
		t.Errorf("without a login, signing answers %v", err)
	}
	eve, so := n.login(tokenLabel, client.User, "eve", otherPIN), n.login(tokenLabel, client.Officer, "", soPIN)
	for who, s := range map[string]*client.Session{"an auditor": eve, "the officer": so} {
		if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); err == nil {
			t.Errorf("%s signs", who)
		}
	}
	if err := eve.Destroy(x.half[0].handle); codeOf(err) != fault.Denied {
		t.Errorf("an auditor destroys: %v", err)
	}
	for _, name := range []string{"alice", "alice:" + otherPIN} { // a PIN is worth nothing in another partition
		_, err := n.tryLogin("there", client.User, strings.TrimSuffix(name, ":"+otherPIN), otherPIN)
		wantCode(t, "login of alice there", err, fault.PINIncorrect)
	}

	officer := n.operational()
	s, err := officer.Open(here, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(soPIN))
	must(t, err)
	must(t, officer.OperatorSet(here, "bob", client.SetUIDs, nil, 4711))
	for what, err := range map[string]error{
		"create":    officer.OperatorCreate(there, "mallory", client.CryptoUser, []byte(otherPIN)),
		"set":       officer.OperatorSet(there, "user", client.SetPINOf, []byte(otherPIN)),
		"destroy":   officer.OperatorDestroy(there, "user"),
		"partition": officer.PartitionSet(client.SetFlags, client.Partition{ID: n.tokens()["there"].id}),
		"lock":      officer.Lock(), "zeroize": officer.Zeroize(""),
	} {
		if code := codeOf(err); code != fault.NotLoggedIn && code != fault.Denied {
			t.Errorf("an officer of another partition: %s answers %v", what, err)
		}
	}

	h := x.half[0].handle // shared: used, not managed
	must(t, alice.KeyShare(h, "bob", true))
	x.works(t, bob, "shared")
	for what, err := range map[string]error{"destroy": bob.Destroy(h), "share": bob.KeyShare(h, "user", true),
		"set": bob.Set(h, client.Template{client.Text(key.AttrLabel, "mine")}), "state": bob.KeyState(h, key.StateSuspended)} {
		if codeOf(err) != fault.Denied {
			t.Errorf("who a key is shared with: %s answers %v", what, err)
		}
	}
	n.restart()
	alice, bob = n.login(tokenLabel, client.User, "alice", otherPIN), n.login(tokenLabel, client.User, "bob", otherPIN)
	x.works(t, bob, "shared, after a restart")
	wantCode(t, "share with an operator of nowhere", alice.KeyShare(h, "nobody", true), fault.UserUnknown)
	must(t, alice.KeyShare(h, "bob", false))
	useless(t, "who it is not shared with any more", bob, x)
	x.works(t, alice, "its owner")
}

func TestADisabledOperatorsSessionsEnd(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	slot := slotOf(t, admin, tokenLabel)
	for name, end := range map[string]func() error{
		"disabled":  func() error { return admin.OperatorSet(slot, "disabled", client.Disable, nil) },
		"destroyed": func() error { return admin.OperatorDestroy(slot, "destroyed") },
	} {
		must(t, admin.OperatorCreate(slot, name, client.CryptoUser, []byte(otherPIN)))
		conn := n.operational()
		s, err := conn.Open(slot, true)
		must(t, err)
		ticket, err := s.Login(client.User, name, []byte(otherPIN))
		must(t, err)
		x := pair(t, s, name)
		must(t, end())
		if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); err == nil {
			t.Errorf("%s: it still signs", name)
		}
		_, err = s.Generate(client.Mech(key.MechAESKeyGen), secretTemplate("x", nil))
		wantCode(t, name+": create", err, fault.NotLoggedIn)
		_, err = n.operational().Resume(slot, ticket)
		wantCode(t, name+": resume", err, fault.TicketInvalid)
		_, err = n.tryLogin(tokenLabel, client.User, name, otherPIN)
		wantCode(t, name+": login", err, fault.PINIncorrect)
		if name == "disabled" {
			n.restart()
			admin = n.admin()
			_, err = n.tryLogin(tokenLabel, client.User, name, otherPIN)
			wantCode(t, name+": login after a restart", err, fault.PINIncorrect)
			must(t, admin.OperatorSet(slot, name, client.Enable, nil))
			x.works(t, n.login(tokenLabel, client.User, name, otherPIN), "enabled again")
		}
	}
}

func TestQuotasHold(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	p := client.Partition{ID: n.tokens()[tokenLabel].id, MaxObjects: 4, MaxOperators: 3}
	must(t, admin.PartitionSet(client.SetQuotas, p))
	s := n.userSession()
	pair(t, s, "one")
	two := pair(t, s, "two")
	_, err := s.Generate(client.Mech(key.MechAESKeyGen), secretTemplate("x", nil))
	wantCode(t, "a fifth object", err, fault.QuotaExceeded)
	n.restart()
	s, admin = n.userSession(), n.admin()
	_, err = s.Generate(client.Mech(key.MechAESKeyGen), secretTemplate("x", nil))
	wantCode(t, "a fifth object, after a restart", err, fault.QuotaExceeded)
	must(t, s.Destroy(two.half[0].handle))
	_, err = s.Generate(client.Mech(key.MechAESKeyGen), secretTemplate("x", nil))
	must(t, err)
	slot := slotOf(t, admin, tokenLabel)
	must(t, admin.OperatorCreate(slot, "third", client.CryptoUser, []byte(otherPIN)))
	wantCode(t, "a fourth operator", admin.OperatorCreate(slot, "fourth", client.CryptoUser, []byte(otherPIN)), fault.QuotaExceeded)
}

// The uid of a unix peer is evidence where the partition says so, and only for the operator who has it.
func TestLoginByUID(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: cannot become another user")
	}
	n := ready(t)
	must(t, os.Chmod(n.dir, 0o711))
	admin := n.admin()
	slot := slotOf(t, admin, tokenLabel)
	must(t, admin.OperatorCreate(slot, "service", client.CryptoUser, nil, 4711))
	as := func(uid uint32) string {
		cmd := n.client(tokenLabel, "uid")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := cmd.Run(); err != nil {
			return fmt.Sprint(cmd.Stderr)
		}
		return "in"
	}
	for _, c := range []struct {
		flags uint64
		uid   uint32
		want  string
	}{{client.UIDLogin, 4711, "in"}, {client.UIDLogin, 4712, "not allowed"}, {0, 4711, "not allowed"}} {
		must(t, admin.PartitionSet(client.SetFlags, client.Partition{ID: n.tokens()[tokenLabel].id, Flags: c.flags}))
		if got := as(c.uid); !strings.Contains(got, c.want) {
			t.Errorf("flags %d, uid %d: %s, want %s", c.flags, c.uid, got, c.want)
		}
	}
}
