// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func sign(s *client.Session, k client.Named, op key.Ops, sig []byte) ([]byte, error) {
	sum := sha256.Sum256([]byte("message"))
	r, err := s.Operate(client.Operation{Op: op, Mech: client.Mech(key.MechECDSA), Key: k.Handle, Name: k.Name, Data: sum[:], Tag: sig})
	return r.Out, err
}

func TestAKeyLivesByNameAndVersion(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	one := w.create(s, ecKey("k"))
	two := w.create(s, ecKey("k"))
	if one.Version == two.Version || len(one.Version) != 32 {
		t.Fatalf("versions %q and %q", one.Version, two.Version)
	}
	current, err := s.Name(key.GroupKeys, "k", "", false, key.AttrKeyOps, key.AttrCreated)
	w.must(err)
	if current.Version != two.Version || current.Value(key.AttrKeyOps).ULong() != uint64(key.OpSign|key.OpVerify) || current.Value(key.AttrCreated).ULong() == 0 {
		t.Errorf("current is %+v, want %s", current, two.Version)
	}
	old, err := s.Name(key.GroupKeys, "k", one.Version, false)
	w.must(err)
	sig, err := sign(s, old, key.OpSign, nil)
	w.must(err)
	if _, err := sign(s, old, key.OpVerify, sig); err != nil {
		t.Errorf("its own signature: %v", err)
	}
	_, err = sign(s, two, key.OpVerify, sig)
	w.want("another version's signature", err, fault.SignatureInvalid)
	versions, after, err := s.Names(client.List{Group: key.GroupKeys, Name: "k", Most: 25})
	w.must(err)
	if len(versions) != 2 || versions[0].Version != two.Version || after != nil {
		t.Errorf("versions: %+v, %x", versions, after)
	}
	_, err = s.Name(key.GroupKeys, "k", "00000000000000000000000000000000", false)
	w.want("a version that is not there", err, fault.ObjectUnknown)
	_, err = s.Name(key.GroupSecrets, "k", "", false)
	w.want("a secret of that name", err, fault.ObjectUnknown)
}

func TestOneKeyHasManyDoors(t *testing.T) {
	w := newWorld(t)
	s, user := w.session(w.vault), w.user(w.vault)
	made := w.create(s, ecKey("web"))
	found, _, err := user.Find(client.Template{client.Text(key.AttrLabel, "web")}, 10)
	w.must(err)
	if len(found) != 2 {
		t.Fatalf("a pair made by name is %d objects to PKCS #11", len(found))
	}
	_, err = user.Sign(client.Mech(key.MechECDSA), made.Handle, make([]byte, 32))
	w.must(err)
	_, private, err := user.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, p256), client.Bool(key.AttrToken, true)},
		client.Template{client.Text(key.AttrLabel, "p11"), client.Bool(key.AttrToken, true)})
	w.must(err)
	n, err := s.Name(key.GroupKeys, "p11", "", false, key.AttrKeyOps)
	w.must(err)
	if n.Handle != private.Handle || n.Value(key.AttrKeyOps).ULong() != uint64(key.OpSign|key.OpVerify) {
		t.Errorf("a pair made over PKCS #11 is %+v by name", n)
	}
	_, err = sign(s, n, key.OpSign, nil)
	w.must(err)
}

func TestWhatIsDeletedCanBeRecoveredUntilItIsPurged(t *testing.T) {
	w := newWorld(t)
	s, user := w.session(w.vault), w.user(w.vault)
	k := w.create(s, ecKey("k"))
	w.create(s, ecKey("k"))
	w.must(s.DeleteName(key.GroupKeys, "k"))
	_, err := s.Name(key.GroupKeys, "k", "", false)
	w.want("find what was deleted", err, fault.ObjectUnknown)
	_, err = sign(s, k, key.OpSign, nil)
	w.want("use what was deleted", err, fault.ObjectUnknown)
	_, err = user.Sign(client.Mech(key.MechECDSA), k.Handle, make([]byte, 32))
	w.want("use it over PKCS #11", err, fault.KeyUnknown)
	found, _, err := user.Find(client.Template{client.Text(key.AttrLabel, "k")}, 10)
	if w.must(err); len(found) != 0 {
		t.Errorf("PKCS #11 finds %d objects of what was deleted", len(found))
	}
	_, err = s.CreateKey(ecKey("k"))
	w.want("make the name anew", err, fault.NameDeleted)
	gone, err := s.Name(key.GroupKeys, "k", "", true, key.AttrDeleted, key.AttrPurge)
	w.must(err)
	if d, p := gone.Value(key.AttrDeleted).ULong(), gone.Value(key.AttrPurge).ULong(); p-d != 90*86400 {
		t.Errorf("deleted %d, to be purged %d", d, p)
	}
	list, _, err := s.Names(client.List{Group: key.GroupKeys, Deleted: true, Most: 25})
	if w.must(err); len(list) != 1 {
		t.Errorf("deleted: %+v", list)
	}
	w.must(s.RecoverName(key.GroupKeys, "k"))
	_, err = sign(s, k, key.OpSign, nil)
	w.must(err)
	if found, _, err = user.Find(client.Template{client.Text(key.AttrLabel, "k")}, 10); err != nil || len(found) != 4 {
		t.Errorf("recovered: %d objects, %v", len(found), err)
	}
	w.must(s.DeleteName(key.GroupKeys, "k"))
	w.must(s.PurgeName(key.GroupKeys, "k"))
	_, err = s.Name(key.GroupKeys, "k", "", true)
	w.want("find what was purged", err, fault.ObjectUnknown)
	w.create(s, ecKey("k"))
}

func TestDestroyingOverPKCS11InAVaultIsADeletionToo(t *testing.T) {
	w := newWorld(t)
	s, user := w.session(w.vault), w.user(w.vault)
	k := w.create(s, ecKey("k"))
	w.must(user.Destroy(k.Handle))
	_, err := s.Name(key.GroupKeys, "k", "", true)
	w.must(err)
	w.must(s.RecoverName(key.GroupKeys, "k"))
	_, err = sign(s, k, key.OpSign, nil)
	w.must(err)
}

func TestPurgeProtectionHoldsForEveryDoor(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	k := w.create(s, ecKey("k"))
	w.must(w.admin.SetSettings(w.vault, map[string]string{client.SettingPurgeProtection: "true", client.SettingRetention: "90"}))
	w.want("take it back", w.admin.SetSettings(w.vault, map[string]string{client.SettingPurgeProtection: "false"}), fault.ActionProhibited)
	w.want("shorten the time", w.admin.SetSettings(w.vault, map[string]string{client.SettingRetention: "7"}), fault.ActionProhibited)
	w.must(s.DeleteName(key.GroupKeys, "k"))
	w.want("purge", s.PurgeName(key.GroupKeys, "k"), fault.ActionProhibited)
	w.want("destroy over PKCS #11", w.user(w.vault).Destroy(k.Handle), fault.ObjectUnknown)
	partitions, err := w.admin.Partitions()
	w.must(err)
	for _, p := range partitions {
		if p.Slot == w.vault {
			w.want("destroy the partition", w.admin.PartitionDestroy(p.ID, p.Label), fault.ActionProhibited)
		}
	}
	w.later(91 * 24 * time.Hour)
	s = w.session(w.vault)
	w.must(s.PurgeName(key.GroupKeys, "k"))
}

func TestWhatIsDueIsDestroyed(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	w.create(s, ecKey("early"))
	w.create(s, ecKey("late"))
	w.must(s.DeleteName(key.GroupKeys, "early"))
	w.later(80 * 24 * time.Hour)
	s = w.session(w.vault)
	w.must(s.DeleteName(key.GroupKeys, "late"))
	w.later(11 * 24 * time.Hour)
	s = w.session(w.vault)
	w.core.purge()
	deadline := time.Now().Add(30 * time.Second)
	for {
		list, _, err := s.Names(client.List{Group: key.GroupKeys, Deleted: true, Most: 25})
		w.must(err)
		if len(list) == 1 && list[0].Name == "late" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %+v", list)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestTimesHoldToTheSecond(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	now := uint64(w.core.Now())
	spec := aes256("k")
	spec.NotBefore, spec.Expires = now+100, now+200
	k := w.create(s, spec)
	values, err := s.Get(k.Handle, key.AttrStartDate, key.AttrEndDate)
	w.must(err)
	if len(values[0].Value) != 8 || len(values[1].Value) != 8 {
		t.Errorf("PKCS #11 sees the days as %q, %q", values[0].Value, values[1].Value)
	}
	encrypt := func() (client.Result, error) {
		return s.Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: k.Handle, Data: []byte("plain")})
	}
	_, err = encrypt()
	w.want("before", err, fault.KeyDisabled)
	w.later(100 * time.Second)
	sealed, err := encrypt()
	w.must(err)
	w.later(100 * time.Second)
	_, err = encrypt()
	w.want("after", err, fault.KeyDisabled)
	_, err = s.Encrypt(client.Mechanism{ID: key.MechAESECB}, k.Handle, make([]byte, 16))
	w.want("after, over PKCS #11", err, fault.KeyDisabled)
	open, err := s.Operate(client.Operation{Op: key.OpDecrypt, Mech: gcmOpen(sealed.IV), Key: k.Handle, Data: sealed.Out, Tag: sealed.Tag})
	if err != nil || !bytes.Equal(open.Out, []byte("plain")) {
		t.Errorf("what it closed, it opens: %q, %v", open.Out, err)
	}
	w.must(s.Set(k.Handle, client.Template{client.ULong(key.AttrExpires, uint64(0)), client.ULong(key.AttrState, uint64(key.StateSuspended))}))
	_, err = encrypt()
	w.want("not enabled", err, fault.KeyDisabled)
	w.must(s.Set(k.Handle, client.Template{client.ULong(key.AttrState, uint64(key.StateActive))}))
	_, err = encrypt()
	w.must(err)
}

func gcmSeal() client.Mechanism          { return client.GCMMessage(make([]byte, 12), 0, 3, 128) }
func gcmOpen(iv []byte) client.Mechanism { return client.GCMMessage(iv, 0, 0, 128) }

func TestABackupIsRestoredInAnotherVaultOfTheDomainAndNowhereElse(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	k := w.create(s, ecKey("k"))
	w.create(s, ecKey("k"))
	sig, err := sign(s, k, key.OpSign, nil)
	w.must(err)
	blob, err := s.BackupName(key.GroupKeys, "k")
	w.must(err)
	_, err = s.RestoreName(key.GroupKeys, blob)
	w.want("restore over what is there", err, fault.NameTaken)
	w.must(s.DeleteName(key.GroupKeys, "k"))
	_, err = s.RestoreName(key.GroupKeys, blob)
	w.want("restore over what was deleted", err, fault.NameTaken)
	w.must(s.PurgeName(key.GroupKeys, "k"))
	for _, i := range []int{0, len(blob) / 2, len(blob) - 1} {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		_, err = s.RestoreName(key.GroupKeys, bad)
		w.want("restore what was altered", err, fault.RecordInvalid)
	}
	name, err := s.RestoreName(key.GroupKeys, blob)
	w.must(err)
	n, err := s.Name(key.GroupKeys, name, k.Version, false)
	w.must(err)
	if _, err := sign(s, n, key.OpVerify, sig); err != nil {
		t.Errorf("the restored version: %v", err)
	}
	found, _, err := w.user(w.vault).Find(client.Template{client.Text(key.AttrLabel, "k")}, 10)
	if w.must(err); len(found) != 4 {
		t.Errorf("%d objects are restored, want two pairs", len(found))
	}

	other := w.partition("other", client.KindVault)
	w.assign(other, "/", keyVaultAdmin, w.client)
	there, err := w.bearer(other, w.token(vaultResource))
	w.must(err)
	_, err = there.RestoreName(key.GroupKeys, blob)
	w.must(err)

	stranger := newWorld(t)
	_, err = stranger.session(stranger.vault).RestoreName(key.GroupKeys, blob)
	w.want("restore in another domain", err, fault.RecordInvalid)
}
