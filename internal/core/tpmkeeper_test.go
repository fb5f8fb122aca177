// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/tpm"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/tpmtest"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// socket is where a machine's TPM is plugged in. Its host keeps what passes.
type socket struct {
	mu    sync.Mutex
	tpm   *tpmtest.TPM // guarded by mu: nil: there is none
	heard []byte       // guarded by mu
	asked int          // guarded by mu
}

func (s *socket) plug(m *tpmtest.TPM) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tpm = m
}

func (s *socket) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// answer is the host's part, before what else it answers.
func (s *socket) answer(before func(op uint16, body []byte) ([]byte, error, bool)) func(op uint16, body []byte) ([]byte, error, bool) {
	return func(op uint16, body []byte) ([]byte, error, bool) {
		if op != wire.OpTPM {
			if before == nil {
				return nil, nil, false
			}
			return before(op, body)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		var ask wire.TPMRequest
		r := wire.NewReader(body)
		ask.Decode(&r)
		var reply wire.TPMReply
		var err error
		switch {
		case len(ask.Command) == 0:
		case s.tpm == nil:
			err = fault.TPMMissing.At("use /dev/tpmrm0")
		default:
			s.asked++
			s.heard = append(s.heard, ask.Command...)
			if reply.Answer, err = s.tpm.Exchange(ask.Command); err != nil {
				err = fault.TPMMissing
			}
			s.heard = append(s.heard, reply.Answer...)
		}
		var w wire.Writer
		reply.Encode(&w)
		return w.B, err, true
	}
}

// withTPM plugs one into a node.
func (n *node) withTPM(m *tpmtest.TPM) *socket {
	s := &socket{tpm: m}
	n.outside = s.answer(n.outside)
	return s
}

func TestATPMUnlocksItsOwnMachineOnly(t *testing.T) {
	m, stranger := tpmtest.Start(t), tpmtest.Start(t)
	n := newNode(t)
	at := n.withTPM(nil)
	_, err := n.client().Init("tpm", 0, 0, []byte("admin-pin"))
	want(t, "initialize without a TPM", err, fault.TPMMissing)
	if s := n.core.State(); s != wire.StateUninitialized {
		t.Fatalf("after that it is %v", s)
	}
	at.plug(m)
	n.initialize("tpm:7", 0, 0)
	slot := n.partition("p", 0)
	n.start(wire.Config{})
	if s := n.core.Status(); s.State != wire.StateOperational || s.Keeper != "tpm" || s.TPMPCRs != 1<<7 || len(s.TPMRoot) != 34 {
		t.Fatalf("started again: %+v", s)
	}
	if len(n.core.Tokens()) != 1 || n.core.Tokens()[0].Slot != slot {
		t.Error("its partition is not there")
	}
	n.start(wire.Config{Hold: true})
	if s := n.core.State(); s != wire.StateLocked {
		t.Fatalf("a held core is %v", s)
	}
	_, err = n.client().Unlock(nil)
	want(t, "unlock", err, fault.OK)

	refused := func(what string, code fault.Code) {
		t.Helper()
		n.start(wire.Config{})
		if s := n.core.State(); s != wire.StateLocked {
			t.Errorf("%s: it is %v", what, s)
		}
		_, err := n.client().Unlock(nil)
		want(t, what, err, code)
	}
	at.plug(nil)
	refused("no TPM", fault.TPMMissing)
	_, err = n.client().Unlock([]byte("genbu-share"))
	want(t, "a share where nobody has any", err, fault.ArgumentsBad)
	at.plug(stranger)
	refused("a disk in another machine", fault.TPMOther)
	m.Extend(7)
	at.plug(m)
	refused("another boot", fault.TPMChanged)
	m.Reboot()

	sealed, err := n.core.host.Root(wire.RootGet, "tpm", nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := range sealed {
		if at%5 != 0 && at < len(sealed)-80 {
			continue // every byte of what the core sealed, some of what the TPM did: core/tpm has those
		}
		altered := bytes.Clone(sealed)
		altered[at] ^= 2
		s, err := n.core.openByTPM(altered)
		if err == nil {
			_, err = seal.OpenRoot(altered, s)
			s.Free()
		}
		if err == nil {
			t.Errorf("byte %d of the sealed root altered: it opens", at)
		}
	}
	_, err = n.client().Unlock(nil)
	want(t, "unaltered, in its machine, as it was booted", err, fault.OK)

	root, _ := n.core.rootKey()
	root.Use(access.Token{}, func(p []byte) {
		at.mu.Lock()
		defer at.mu.Unlock()
		if bytes.Contains(at.heard, p) {
			t.Error("the root key passed the host")
		}
	})
	n.core.tpm.secret.Use(access.Token{}, func(p []byte) {
		at.mu.Lock()
		defer at.mu.Unlock()
		for i := 0; i+8 <= len(p); i += 8 {
			if bytes.Contains(at.heard, p[i:i+8]) {
				t.Error("the secret in the TPM passed the host in clear")
			}
		}
	})
}

func TestATPMThatComesLateUnlocksByItself(t *testing.T) {
	m := tpmtest.Start(t)
	n := newNode(t)
	at := n.withTPM(m)
	n.initialize("tpm", 0, 0)
	at.plug(nil)
	n.start(wire.Config{})
	n.core.Tick()
	at.plug(m)
	until(t, "the next attempt", func() bool {
		n.core.tpm.next.Store(0)
		n.core.Tick()
		return n.core.State() == wire.StateOperational
	})
}

// TestCustodiansAreTheWayBackFromATPM: firmware changes registers, boards break.
func TestCustodiansAreTheWayBackFromATPM(t *testing.T) {
	m := tpmtest.Start(t)
	n := newNode(t)
	n.withTPM(m)
	shares := n.initialize("custodians", 2, 3)
	_, err := n.admin().Rekeep("tpm:0,7", 0, 0)
	want(t, "to the TPM", err, fault.OK)
	n.start(wire.Config{})
	if s := n.core.State(); s != wire.StateOperational {
		t.Fatalf("with the TPM it is %v", s)
	}
	m.Extend(0)
	n.start(wire.Config{})
	give := func(share int) error {
		_, err := n.client().Unlock(bytes.Clone(shares[share]))
		return err
	}
	want(t, "first share", give(0), fault.OK)
	want(t, "second share", give(2), fault.OK)
	_, err = n.admin().Rekeep("tpm:0,7", 0, 0)
	want(t, "to the TPM as it is now", err, fault.OK)
	n.start(wire.Config{})
	if s := n.core.State(); s != wire.StateOperational {
		t.Errorf("with the TPM again it is %v", s)
	}
	_, err = n.admin().Rekeep("file", 0, 0)
	want(t, "to a file", err, fault.OK)
	for _, gone := range []string{"tpm", "custodians"} {
		if _, err := n.core.host.Root(wire.RootGet, gone, nil); fault.Of(err) != fault.RecordUnknown {
			t.Errorf("root/%s is still there: %v", gone, err)
		}
	}
	for _, bad := range []string{"tpm:24", "tpm:", "tpm:-1", "tpm:7,", "file:7", "TPM", "peers:7"} {
		_, err := n.admin().Rekeep(bad, 0, 0)
		want(t, bad, err, fault.ArgumentsBad)
	}
}

func TestPeersUnlockANodeWhoseIdentityLiesInItsTPM(t *testing.T) {
	m, stranger := tpmtest.Start(t), tpmtest.Start(t)
	w := newTown(t)
	a, _ := first(w)
	b := w.house(false)
	at := b.withTPM(nil)
	token := a.token("b", wire.JoinNode)
	_, err := b.joins(bytes.Clone(token), "peers-tpm")
	want(t, "join without a TPM", err, fault.TPMMissing)
	at.plug(m)
	_, err = b.joins(bytes.Clone(token), "peers-tpm")
	want(t, "join, with the token that was not used by that", err, fault.OK)
	until(t, "a knows", func() bool {
		a.core.refreshNodes()
		n := a.core.members()[b.id]
		return n != nil && n.Keeper == "peers-tpm"
	})
	_, err = a.admin().Rekeep("peers", 0, 0)
	want(t, "both wait for each other", err, fault.ArgumentsBad)
	want(t, "policy", a.admin().ClusterSet(client.SetAutoUnlock, client.ClusterPolicy{AutoUnlock: true}), fault.OK)

	asked := at.count()
	b.core.refreshPeers()
	if at.count() != asked {
		t.Error("new addresses of the others took the TPM")
	}
	b.start(wire.Config{})
	until(t, "a unlocks b", func() bool { b.core.Tick(); return b.core.State() == wire.StateOperational })

	at.plug(stranger)
	b.start(wire.Config{})
	_, err = b.client().Unlock(nil)
	want(t, "b's disk in another machine", err, fault.TPMOther)
	if s := b.core.State(); s != wire.StateLocked {
		t.Errorf("it is %v", s)
	}
	at.plug(m)
	_, err = b.client().Unlock(nil)
	want(t, "in its own", err, fault.OK)
	_, err = b.admin().Rekeep("file", 0, 0)
	want(t, "to a file", err, fault.OK)
	if _, err := b.core.host.Root(wire.RootGet, "peers-tpm", nil); fault.Of(err) != fault.RecordUnknown {
		t.Errorf("the identity is still there: %v", err)
	}
}

// TestACapturedHostOnItsOwnMachineOpensWhatTheTPMKeeps is the claim of SECURITY.md that says what a TPM does not do: who has the
// machine and the directory asks the TPM as the core does.
func TestACapturedHostOnItsOwnMachineOpensWhatTheTPMKeeps(t *testing.T) {
	m := tpmtest.Start(t)
	n := newNode(t)
	n.withTPM(m)
	n.initialize("tpm", 0, 0)
	stolen, err := n.core.host.Root(wire.RootGet, "tpm", nil)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := seal.Bound(stolen)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tpm.Decode(bound)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := s.Unseal(m.Exchange)
	if err != nil {
		t.Fatal(err)
	}
	root, err := seal.OpenRoot(stolen, secret)
	if err != nil {
		t.Fatal(err)
	}
	if ours, _ := n.core.rootKey(); !ours.Equal(root) {
		t.Error("it is another root key")
	}
}
