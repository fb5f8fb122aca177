// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	hsmBackup  = "7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8"
	hsmRestore = "6efe6056-5259-49d2-8b3d-d3d73544b20b"
)

// hsmNode is a managed HSM with an identity that makes its keys and one that is its administrator.
type hsmNode struct {
	*world
	keys  *client.Session
	chief *client.Conn
}

func newHSM(t *testing.T) *hsmNode { return hsmOf(newHSMWorld(t)) }

func hsmOf(w *world) *hsmNode {
	w.assign(w.hsm, "/keys", hsmUser, w.client)
	w.assign(w.hsm, "/keys", "515eb02d-2335-4d2d-92f2-b1cbdf9c3778", w.client) // deleted keys
	id, pass := w.identity("chief")
	w.assign(w.hsm, "/", hsmAdmin, id)
	return &hsmNode{w, w.session(w.hsm), w.roleConn(w.hsm, id, pass)}
}

func (h *hsmNode) partitionID(slot uint64) key.ID {
	t, err := h.core.tenant(slot)
	h.must(err)
	return t.id
}

// of are the records of one HSM, as a host lists them.
func (h *hsmNode) of(slot uint64) []wire.Record {
	prefix := "r/" + h.partitionID(slot).String() + "/"
	return slices.DeleteFunc(records(h.t, h.store), func(r wire.Record) bool { return !strings.HasPrefix(r.Path, prefix) })
}

// saveHSM makes a backup of list, with so many records in a request.
func (h *hsmNode) saveHSM(list []wire.Record, size int) (*saved, error) {
	h.t.Helper()
	run, err := h.chief.PartitionBackup(h.hsm)
	if err != nil {
		return nil, err
	}
	begun, err := h.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupBegin, Backup: run})
	if err != nil {
		return nil, err
	}
	s := &saved{id: begun.Backup}
	for at := 0; at < len(list); at += size {
		end := min(at+size, len(list))
		r, err := h.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: run, Records: list[at:end], Last: end == len(list)})
		if err != nil {
			h.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupDrop, Backup: run})
			return nil, err
		}
		if len(r.Bytes) > 0 {
			s.chunks = append(s.chunks, r.Bytes)
		}
	}
	r, err := h.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: run, Revision: 7})
	if err == nil {
		s.head = r.Bytes
	}
	return s, err
}

func (h *hsmNode) mustSaveHSM() *saved {
	h.t.Helper()
	s, err := h.saveHSM(h.of(h.hsm), 3)
	h.must(err)
	return s
}

// restoreHSM passes the backup through as often as it takes.
func (h *hsmNode) restoreHSM(slot uint64, s *saved, look bool, name string) ([]wire.Undone, error) {
	h.t.Helper()
	run, err := h.chief.PartitionRestore(slot, look, name)
	if err != nil {
		return nil, err
	}
	return h.carryOut(run, s, look)
}

func (h *hsmNode) carryOut(run key.ID, s *saved, look bool) (undone []wire.Undone, err error) {
	h.t.Helper()
	ask := func(r wire.BackupRequest) (*wire.BackupReply, error) {
		r.Backup = run
		return h.ask(wire.OpPartitionRestore, &r)
	}
	if _, err := ask(wire.BackupRequest{Verb: wire.BackupBegin, Bytes: s.head}); err != nil {
		return nil, err
	}
	for pass := range 2 {
		for i, c := range s.chunks {
			if _, err := ask(wire.BackupRequest{Verb: wire.BackupChunk, Number: uint64(i), Last: i == len(s.chunks)-1, Bytes: c}); err != nil {
				return nil, err
			}
		}
		if look && pass == 1 {
			h.t.Fatal("a look went on to a restore")
		}
		r, err := ask(wire.BackupRequest{Verb: wire.BackupEnd})
		if err != nil {
			return nil, err
		}
		undone = r.Undone
		if look {
			_, err := ask(wire.BackupRequest{Verb: wire.BackupDrop})
			return nil, err
		}
	}
	return undone, nil
}

// digests is the HSM's content: what its records say, whatever their versions.
func (h *hsmNode) digests(slot uint64) map[string][32]byte {
	h.t.Helper()
	all, err := h.admin.RecordDigests(h.partitionID(slot))
	h.must(err)
	for path, d := range all {
		if d == [32]byte{} { // the change log
			delete(all, path)
		}
	}
	return all
}

func (h *hsmNode) delete(name string, purge bool) {
	h.t.Helper()
	h.must(h.keys.DeleteName(key.GroupKeys, name))
	if purge {
		h.must(h.keys.PurgeName(key.GroupKeys, name))
	}
}

// filledHSM has two versions of one key, one that is deleted, and others.
func filledHSM(t *testing.T) (h *hsmNode, first client.Named) {
	h = newHSM(t)
	first = h.create(h.keys, ecKey("doomed"))
	h.create(h.keys, ecKey("doomed"))
	h.create(h.keys, aes256("changed"))
	h.create(h.keys, ecKey("deleted"))
	h.create(h.keys, ecKey("same"))
	h.delete("deleted", false)
	return h, first
}

// upset does everything to the HSM that a restore takes back.
func (h *hsmNode) upset() {
	h.t.Helper()
	h.delete("doomed", true)
	n, err := h.keys.Name(key.GroupKeys, "changed", "", false)
	h.must(err)
	h.must(h.keys.Set(n.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpEncrypt)}))
	h.must(h.keys.RecoverName(key.GroupKeys, "deleted"))
	h.create(h.keys, ecKey("late"))
	h.create(h.keys, ecKey("same")) // a later version
	h.must(h.chief.PutRole(h.hsm, client.Role{ID: someUUID, Name: "late role", Actions: []string{managedHSM + "keys/read/action"}}))
}

func TestARestoredHSMIsAsInItsBackup(t *testing.T) {
	h, first := filledHSM(t)
	signed, err := sign(h.keys, first, key.OpSign, nil)
	h.must(err)
	before := h.digests(h.hsm)
	backup := h.mustSaveHSM()
	h.upset()
	undone, err := h.restoreHSM(h.hsm, backup, false, "")
	h.must(err)
	sameContent(t, "restored", before, h.digests(h.hsm))
	told := map[string]bool{}
	for _, u := range undone {
		told[[]string{"", "back ", "as it was ", "gone "}[u.What]+string(u.Name)] = true
	}
	for _, want := range []string{"back doomed", "as it was changed", "as it was deleted", "gone late", "gone same"} {
		if !told[want] {
			t.Errorf("the answer does not tell: %s; it tells %v", want, told)
		}
	}
	_, err = sign(h.keys, first, key.OpVerify, signed) // the destroyed key, by the version it had
	h.want("verify what the first version signed before", err, fault.OK)
	_, err = h.keys.Name(key.GroupKeys, "late", "", false)
	h.want("a key made since the backup", err, fault.ObjectUnknown)

	// What was brought back lasts, can be destroyed again, and come back again: each time in a version that it never had.
	h.start(wire.Config{})
	h.keys, h.admin = h.session(h.hsm), h.node.admin()
	sameContent(t, "after a restart", before, h.digests(h.hsm))
	h.delete("doomed", true)
	h.chief = h.roleConn(h.hsm, h.chiefID(), h.chiefSecret())
	_, err = h.restoreHSM(h.hsm, backup, false, "")
	h.must(err)
	h.keys, h.admin = h.session(h.hsm), h.node.admin()
	sameContent(t, "a second time", before, h.digests(h.hsm))
}

// chiefID and chiefSecret sign in as a new administrator: what the first one's secret was nobody keeps.
func (h *hsmNode) chiefID() string { return h.idOf(0, "chief") }

func (h *hsmNode) chiefSecret() string {
	_, b, err := h.admin.AddSecret(0, "chief", 0)
	h.must(err)
	return string(b)
}

// TestTheHostCannotPutTheDestroyedRecordBackAfterARevival: the record that was destroyed is of an older version than the one that was
// restored, whatever the host still has.
func TestTheHostCannotPutTheDestroyedRecordBackAfterARevival(t *testing.T) {
	h, first := filledHSM(t)
	n := h.create(h.keys, aes256("steps"))
	path := func() (list []wire.Record) {
		for _, r := range h.of(h.hsm) {
			if strings.Contains(r.Path, "/o/") {
				list = append(list, r)
			}
		}
		return list
	}
	backup := h.mustSaveHSM()
	var kept [][]wire.Record
	for range 3 {
		h.must(h.keys.Set(n.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpEncrypt)}))
		kept = append(kept, path())
		h.must(h.keys.Set(n.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpDecrypt)}))
		kept = append(kept, path())
	}
	h.delete("steps", true)
	_, err := h.restoreHSM(h.hsm, backup, false, "")
	h.must(err)
	_ = first
	now := records(t, h.store)
	for _, old := range kept {
		h.exchange(replaced(now, old))
		h.start(wire.Config{})
		_, err := h.session(h.hsm).Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: n.Handle, Data: []byte("x")})
		if fault.Of(err) == fault.OK {
			t.Fatal("a record from before the destruction serves")
		}
	}
	h.exchange(now)
	h.start(wire.Config{})
	_, err = h.session(h.hsm).Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: n.Handle, Data: []byte("x")})
	h.want("the one that was restored", err, fault.OK)
}

// replaced puts objects of another moment in place of those of now.
func replaced(now, old []wire.Record) (list []wire.Record) {
	was := map[string][]byte{}
	for _, r := range old {
		was[r.Path] = r.Value
	}
	for _, r := range now {
		if v, ok := was[r.Path]; ok {
			r.Value = v
		}
		list = append(list, r)
	}
	return list
}

func TestADamagedOrForeignBackupChangesNothing(t *testing.T) {
	h, _ := filledHSM(t)
	backup := h.mustSaveHSM()
	again := h.mustSaveHSM()
	other := h.partition("other", client.KindManagedHSM)
	h.assign(other, "/", hsmAdmin, h.chiefID())
	h.upset()
	state := h.digests(h.hsm)
	refuse := func(what string, s *saved, code fault.Code) {
		t.Helper()
		_, err := h.restoreHSM(h.hsm, s, false, "")
		h.want(what, err, code)
		sameContent(t, what, state, h.digests(h.hsm))
	}
	for i := range backup.chunks {
		for _, at := range []int{0, 40, len(backup.chunks[i]) - 1} {
			s := backup.clone()
			s.chunks[i][at] ^= 1
			refuse("a bit was flipped", s, fault.BackupInvalid)
		}
	}
	for at := 0; at < len(backup.head); at += 7 {
		s := backup.clone()
		s.head[at] ^= 1
		if _, err := h.restoreHSM(h.hsm, s, false, ""); err == nil {
			t.Errorf("a head with bit %d flipped passes", at)
		}
	}
	s := backup.clone()
	s.chunks = s.chunks[:len(s.chunks)-1]
	refuse("it was cut", s, fault.BackupInvalid)
	s = backup.clone()
	s.chunks[0], s.chunks[1] = s.chunks[1], s.chunks[0]
	refuse("chunks were swapped", s, fault.BackupInvalid)
	s = backup.clone()
	s.chunks = slices.Insert(s.chunks, 1, s.chunks[0])
	refuse("a chunk was doubled", s, fault.BackupInvalid)
	s = backup.clone()
	s.chunks[1] = again.chunks[1]
	refuse("a chunk of another backup", s, fault.BackupInvalid)
	refuse("a backup of the whole domain", h.mustSave(), fault.DomainOther)
	empty := h.digests(other)
	c := h.chief
	h.chief = h.roleConn(other, h.chiefID(), h.chiefSecret())
	_, err := h.restoreHSM(other, backup, false, "")
	h.want("another HSM's backup", err, fault.DomainOther)
	sameContent(t, "the other HSM", empty, h.digests(other))
	h.chief = c
	want := func(what string, list []wire.Record, code fault.Code) {
		t.Helper()
		_, err := h.saveHSM(list, 3)
		h.want(what, err, code)
	}
	list := h.of(h.hsm)
	want("of a change log without its last record", slices.DeleteFunc(slices.Clone(list), func(r wire.Record) bool { return r.Path == lastChange(list) }), fault.BackupUnsound)
	want("of an older moment", h.older(list), fault.BackupUnsound)
	_, err = h.restoreHSM(h.hsm, backup, true, "")
	h.want("a look", err, fault.OK)
	sameContent(t, "after a look", state, h.digests(h.hsm))
}

func lastChange(list []wire.Record) (path string) {
	for _, r := range list {
		if strings.Contains(r.Path, "/c/") {
			path = r.Path
		}
	}
	return path
}

// older is what the host had before one more change was made.
func (h *hsmNode) older(list []wire.Record) []wire.Record {
	h.create(h.keys, ecKey("passing"))
	h.delete("passing", true)
	return list
}

func TestOneKeyOfABackupComesBack(t *testing.T) {
	h, first := filledHSM(t)
	before := h.digests(h.hsm)
	backup := h.mustSaveHSM()
	_, err := h.restoreHSM(h.hsm, backup, false, "doomed")
	h.want("a key that is here", err, fault.NameTaken)
	h.delete("doomed", false)
	_, err = h.restoreHSM(h.hsm, backup, false, "doomed")
	h.want("a key that is deleted", err, fault.NameTaken)
	h.must(h.keys.PurgeName(key.GroupKeys, "doomed"))
	h.create(h.keys, ecKey("late"))
	after := h.digests(h.hsm)
	_, err = h.restoreHSM(h.hsm, backup, false, "never")
	h.want("a key that the backup does not have", err, fault.ObjectUnknown)
	sameContent(t, "after what was refused", after, h.digests(h.hsm))
	_, err = h.restoreHSM(h.hsm, backup, false, "doomed")
	h.must(err)
	now := h.digests(h.hsm)
	for path, d := range before {
		if now[path] != d {
			t.Errorf("%s is another one", path)
		}
	}
	if len(now) != len(before)+2 { // late, and its public half
		t.Errorf("%d records, %d before", len(now), len(before))
	}
	if _, err := sign(h.keys, first, key.OpSign, nil); err != nil {
		t.Errorf("sign by the version it had: %v", err)
	}
}

func TestPurgeProtectionHoldsAgainstARestore(t *testing.T) {
	h, _ := filledHSM(t)
	backup := h.mustSaveHSM()
	h.must(h.admin.SetSettings(h.hsm, map[string]string{client.SettingPurgeProtection: "true"}))
	h.create(h.keys, ecKey("late"))
	_, err := h.restoreHSM(h.hsm, backup, false, "")
	h.must(err)
	_, err = h.keys.Name(key.GroupKeys, "late", "", false)
	h.want("what the backup does not have", err, fault.ObjectUnknown)
	h.want("it can be recovered", h.keys.RecoverName(key.GroupKeys, "late"), fault.OK)
	settings, err := h.admin.Settings(h.hsm)
	if h.must(err); settings[client.SettingPurgeProtection] != "true" {
		t.Error("a restore took purge protection back")
	}
}

func TestWhoBacksUpAndWhoRestores(t *testing.T) {
	h, _ := filledHSM(t)
	backup := h.mustSaveHSM()
	for _, c := range []struct {
		role            string
		backup, restore fault.Code
	}{{hsmBackup, fault.OK, fault.Denied}, {hsmRestore, fault.Denied, fault.OK}, {hsmUser, fault.Denied, fault.Denied}} {
		id, pass := h.identity("of-" + c.role[:8])
		h.assign(h.hsm, "/", c.role, id)
		conn := h.roleConn(h.hsm, id, pass)
		run, err := conn.PartitionBackup(h.hsm)
		h.want("backup", err, c.backup)
		h.want("see backups", conn.PartitionJobs(h.hsm, client.BackupJobs), c.backup)
		if err == nil {
			_, err := conn.PartitionRestore(h.hsm, false, "")
			if c.restore == fault.OK {
				h.want("while another is under way", err, fault.Conflict)
			}
			_, err = h.carryOut(run, backup, false)
			h.want("a run for a backup used for a restore", err, fault.ArgumentsBad)
			_, err = h.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupDrop, Backup: run})
			h.must(err)
		}
		run, err = conn.PartitionRestore(h.hsm, true, "")
		h.want("restore", err, c.restore)
		h.want("see restores", conn.PartitionJobs(h.hsm, client.RestoreJobs), c.restore)
		if err == nil {
			_, err := h.chief.PartitionBackup(h.hsm)
			h.want("a backup meanwhile", err, fault.Conflict)
			state := h.digests(h.hsm)
			h.create(h.keys, ecKey("meanwhile-"+c.role[:8]))
			after := h.digests(h.hsm)
			_, err = h.ask(wire.OpPartitionRestore, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: run, Bytes: backup.chunks[0]})
			h.want("a chunk before the head", err, fault.ArgumentsBad)
			_, err = h.carryOut(run, backup, true)
			h.must(err)
			sameContent(t, "a look", after, h.digests(h.hsm))
			_ = state
		}
	}
	user := h.node.client()
	s, err := user.Open(h.hsm, true)
	h.must(err)
	_, err = s.Login(client.User, "", []byte("user-pin"))
	h.must(err)
	_, err = user.PartitionBackup(h.hsm)
	h.want("a crypto-user of PKCS #11", err, fault.NotLoggedIn)
	_, err = h.admin.PartitionBackup(h.vault)
	h.want("of a vault", err, fault.Unsupported)
	if bytes.Contains(backup.head, []byte("doomed")) {
		t.Error("the head names a key")
	}
}
