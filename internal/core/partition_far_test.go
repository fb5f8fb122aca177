// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// An HSM is lost with its whole Genbu. Its backup, and two of three holders of its security domain, bring it back in another one.
func TestAnHSMComesBackInAnotherGenbuByItsDomainAndItsBackup(t *testing.T) {
	h, first := filledHSM(t)
	signed, err := sign(h.keys, first, key.OpSign, nil)
	h.must(err)
	backup := h.mustSaveHSM()
	file := h.hsmFile(h.chief, h.hsm)

	far := newHSM(t)
	far.create(far.keys, ecKey("not"))
	_, err = far.restoreHSM(far.hsm, backup, false, "")
	far.want("without the domain", err, fault.DomainOther)
	far.delete("not", true)
	transfer, _, err := far.chief.HSMDomainTransfer(far.hsm)
	far.must(err)
	_, err = far.chief.HSMDomainUpload(far.hsm, far.wrapped(file, transfer, threeHolders()[0], threeHolders()[2]))
	far.must(err)
	own, err := far.admin.Assignments(far.hsm)
	far.must(err)
	undone, err := far.restoreHSM(far.hsm, backup, false, "")
	far.must(err)
	for _, u := range undone {
		t.Errorf("undone in an empty HSM: %+v", u)
	}
	// The assignments are those of the backup: to identities that are unknown here, which stay as they are.
	now, err := far.admin.Assignments(far.hsm)
	far.must(err)
	was, err := h.admin.Assignments(h.hsm)
	if h.must(err); len(now) != len(was) || now[0] != was[0] || len(own) == 0 {
		t.Errorf("%d assignments, %d in the backup", len(now), len(was))
	}
	far.assign(far.hsm, "/keys", hsmUser, far.client)
	_, err = sign(far.session(far.hsm), first, key.OpVerify, signed) // by the version id that it had there
	far.want("verify what was signed there", err, fault.OK)
	far.assign(far.hsm, "/", hsmAdmin, far.chiefID())

	// The root of that Genbu was not given away: another HSM's backup of it opens nowhere here.
	other := h.partition("other", client.KindManagedHSM)
	h.hsm, h.chief = other, h.chiefOf(other)
	foreign := h.mustSaveHSM()
	_, err = far.restoreHSM(far.hsm, foreign, false, "")
	far.want("another HSM's backup", err, fault.DomainOther)
	far.start(wire.Config{})
	_, err = sign(far.session(far.hsm), first, key.OpVerify, signed)
	far.want("after a restart", err, fault.OK)
}

// chiefOf makes the administrator one of another HSM too.
func (h *hsmNode) chiefOf(slot uint64) *client.Conn {
	h.t.Helper()
	h.assign(slot, "/", hsmAdmin, h.chiefID())
	return h.roleConn(slot, h.chiefID(), h.chiefSecret())
}

// What a restore changes at one node every node knows when it is answered: keys that are back, keys that are gone, and roles.
func TestARestoreHoldsOnEveryNode(t *testing.T) {
	herding(t, 3, func(g *herd) {
		n := g.nodes[0].node
		w := &world{node: n, hsm: n.partition("hsm", client.KindManagedHSM), admin: n.admin()}
		w.must(w.admin.SetSettings(0, map[string]string{client.SettingAuthority: issuerURL, client.SettingManagedResource: hsmResource}))
		w.client, w.secret = w.identity("app")
		h := hsmOf(w)
		doomed, changed := h.create(h.keys, ecKey("doomed")), h.create(h.keys, ecKey("changed"))
		backup := h.mustSaveHSM()
		var there []*client.Session
		for _, node := range g.nodes {
			s, err := node.client().Open(h.hsm, true)
			h.must(err)
			h.must(s.LoginBearer([]byte(h.token(hsmResource))))
			there = append(there, s)
		}
		h.delete("doomed", true)
		h.must(h.keys.Set(changed.Handle, client.Template{client.ULong(key.AttrState, uint64(key.StateSuspended))}))
		late := h.create(h.keys, ecKey("late"))
		each := func(what string, k client.Named, code fault.Code) {
			t.Helper()
			for _, s := range there {
				_, err := sign(s, k, key.OpSign, nil)
				h.want(what, err, code)
			}
		}
		each("the key that was destroyed", doomed, fault.ObjectUnknown)
		each("the key that was suspended", changed, fault.KeyDisabled)
		each("the key that is new", late, fault.OK)
		_, err := h.restoreHSM(h.hsm, backup, false, "")
		h.must(err)
		each("the key that was destroyed, restored", doomed, fault.OK)
		each("the key that was suspended, restored", changed, fault.OK)
		each("the key that was new, restored", late, fault.ObjectUnknown)
	})
}

// TestARestoreThatWasCutOffIsCompletedByAnother: the host ends in the middle of the changes. Nothing is destroyed by then, and the same
// restore again makes it whole.
func TestARestoreThatWasCutOffIsCompletedByAnother(t *testing.T) {
	h, _ := filledHSM(t)
	before := h.digests(h.hsm)
	backup := h.mustSaveHSM()
	h.upset()
	upset := h.digests(h.hsm)
	run, err := h.chief.PartitionRestore(h.hsm, false, "")
	h.must(err)
	ask := func(r wire.BackupRequest) {
		t.Helper()
		r.Backup = run
		_, err := h.ask(wire.OpPartitionRestore, &r)
		h.must(err)
	}
	ask(wire.BackupRequest{Verb: wire.BackupBegin, Bytes: backup.head})
	for pass := range 2 {
		for i, c := range backup.chunks {
			if pass == 0 || i < len(backup.chunks)/2 {
				ask(wire.BackupRequest{Verb: wire.BackupChunk, Number: uint64(i), Last: i == len(backup.chunks)-1, Bytes: c})
			}
		}
		if pass == 0 {
			ask(wire.BackupRequest{Verb: wire.BackupEnd})
			sameContent(t, "all was checked", upset, h.digests(h.hsm))
		}
	}
	halfway := h.digests(h.hsm)
	for path := range upset {
		if _, ok := halfway[path]; !ok {
			t.Errorf("%s is gone halfway", path)
		}
	}
	h.start(wire.Config{})
	h.admin = h.node.admin()
	h.chief = h.roleConn(h.hsm, h.chiefID(), h.chiefSecret())
	sameContent(t, "after a restart", halfway, h.digests(h.hsm))
	_, err = h.restoreHSM(h.hsm, backup, false, "")
	h.must(err)
	sameContent(t, "restored", before, h.digests(h.hsm))
}
