// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/tpmtest"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// everywhere is what holds in both modes and at any time: nothing outside the core.
func (s *search) everywhere(when string, n *node, clients []int) {
	s.t.Helper()
	s.nothing("all processes but core and clients, "+when, look{Skip: append(slices.Clone(clients), n.Core)})
}

func TestStrictModeLeavesNoSecretAnywhere(t *testing.T) {
	n := newNode(t)
	n.up()
	p := plantIn(t, n)
	s := newSearch(t, p.Secrets)
	s.gone("use", n, "")
	s.nothing("all processes", look{})

	signed := underLoad(t, n, p, func(clients []int) {
		for range rounds() {
			s.everywhere("under load", n, clients)
		}
	})
	s.gone("load", n, "")
	t.Logf("%d signatures meanwhile", signed)
	if signed < 10 {
		t.Error("there was no load")
	}
	s.nothing("directory", look{Paths: []string{n.dir}})
	theScannerFindsThem(t, s)
	for _, c := range crashes {
		t.Run(c.name, func(t *testing.T) { crashUnderLoad(t, n, p, c) })
	}
	s.nothing("directory, with the last words of crashes", look{Paths: []string{n.dir}})
	if log, err := os.ReadFile(n.path("genbu.log")); err != nil || !strings.Contains(string(log), "SIGABRT") {
		t.Errorf("control: no word of the host's crash is in the log: %v", err)
	}
}

// theScannerFindsThem is the negative control: a plain process that holds the same values in their forms.
func theScannerFindsThem(t *testing.T, s *search) {
	t.Helper()
	h := start(t, "hold")
	h.tell(s.secrets)
	pid := 0
	h.hear(&pid)
	f := s.ask(nil, look{Pids: []int{pid}})
	for _, one := range s.secrets {
		if !slices.Contains(f.Secrets, one.Name) {
			t.Errorf("control: %s is not found in a process that has it", one.Name)
		}
	}
	h.pipe.Close()
	t.Logf("control: %d hits, all %d secrets", f.Total, len(f.Secrets))
}

func TestFastModeLeavesNoSecretAfterLock(t *testing.T) {
	n := newNode(t)
	n.up("--fast")
	p := plantIn(t, n)
	s := newSearch(t, p.Secrets)
	var hot found
	signed := underLoad(t, n, p, func(clients []int) {
		for range rounds() {
			s.everywhere("under load", n, clients)
		}
		hot = s.ask(nil, look{Pids: []int{n.Core}})
	})
	t.Logf("%d signatures meanwhile; the core has %d of %d secrets", signed, len(hot.Secrets), len(p.Secrets))
	for _, typ := range []string{"rsa", "p256", "ed25519", "aes", "hmac", "ml-dsa"} { // the second control: keys that are parsed
		if !slices.ContainsFunc(hot.Secrets, func(name string) bool { return strings.HasPrefix(name, "key ") && strings.Contains(name, typ) }) {
			t.Errorf("control: no %s key is found in a core that keeps them parsed", typ)
		}
	}
	s.gone("logins", n, "pin")
	s.nothing("directory", look{Paths: []string{n.dir}})
	was := n.Core
	n.run("lock")
	n.await(wire.StateLocked, was)
	s.nothing("all processes, after lock", look{})
	s.nothing("directory, after lock", look{Paths: []string{n.dir}})
}

func TestTheKeysAboveTheKeysAreInNoReadableMemory(t *testing.T) {
	n := newNode(t)
	n.up()
	if s := n.status(); s == nil || s.Memory != "memfd_secret" {
		t.Skip("this kernel has no memfd_secret: root reads the memory that takes its place")
	}
	n.run("down")
	r := start(t, "hierarchy")
	r.tell(n.dir)
	var keys []secret
	r.hear(&keys)
	r.end()
	n.up()
	n.run("key", "create", "one", "--type", "ec-p256") // opens the partition's key, writes the audit log
	time.Sleep(2*time.Second + settled)                // whose head is signed within a second or two
	s := newSearch(t, keys)
	s.nothing("all processes", look{})
	s.nothing("directory but the keeper's file", look{Paths: []string{n.dir}, NotPaths: []string{n.path("keeper.key")}})
	if f := s.ask(nil, look{Paths: []string{n.path("keeper.key")}}); f.Total == 0 {
		t.Error("control: the keeper's secret is not found in its file")
	}
	theScannerFindsThem(t, s)
}

// TestWhatATPMKeepsIsInNoReadableMemory: the host has carried every byte between core and TPM, and nobody else has seen any.
func TestWhatATPMKeepsIsInNoReadableMemory(t *testing.T) {
	m := tpmtest.Start(t)
	n := newNode(t)
	n.up("--keeper", "tpm", "--tpm", m.Socket)
	if s := n.status(); s == nil || s.Memory != "memfd_secret" {
		t.Skip("this kernel has no memfd_secret: root reads the memory that takes its place")
	}
	n.run("down")
	r := start(t, "hierarchy")
	r.tell(n.dir)
	var keys []secret
	r.hear(&keys)
	r.end()
	n.up() // opened by the TPM
	n.run("key", "create", "one", "--type", "ec-p256")
	time.Sleep(2*time.Second + settled)
	s := newSearch(t, keys)
	both := look{Pids: []int{n.Host, n.Core}}
	s.nothing("host and core", both)
	s.nothing("directory", look{Paths: []string{n.dir}})
	n.run("rekeep", "--keeper", "tpm") // sealing has another way through memory
	time.Sleep(settled)
	s.nothing("host and core, after it was sealed anew", both)
	theScannerFindsThem(t, s)
}

func TestCustodiansSharesStayWithTheirCustodians(t *testing.T) {
	n := newNode(t)
	n.serve()
	r := start(t, "custodians")
	r.tell(n.dir)
	var shares []secret
	r.hear(&shares)
	r.end()
	n.await(wire.StateOperational, 0)
	time.Sleep(settled)
	s := newSearch(t, shares)
	s.nothing("all processes", look{})
	s.nothing("directory", look{Paths: []string{n.dir}})
	theScannerFindsThem(t, s)
}

func TestAnHonestHostSeesNeitherPINNorDataNorKey(t *testing.T) {
	n := newNode(t)
	n.up()
	r := start(t, "blind")
	r.tell(n.dir)
	var secrets []secret
	r.hear(&secrets)
	s := newSearch(t, secrets)
	host := look{Pids: []int{n.Host}, Not: "label"}
	for range 2 * rounds() {
		s.nothing("host, meanwhile", host)
	}
	r.tell(true)
	turns := 0
	r.hear(&turns)
	r.end()
	t.Logf("%d logins, creates, signatures, encryptions", turns)
	if turns < 2 {
		t.Error("the client did next to nothing")
	}
	s.nothing("host, afterwards", host)
	s.nothing("directory", look{Paths: []string{n.dir}, Not: "label"})
	f := s.ask(nil, look{Pids: []int{n.Host}, Only: "label"})
	if len(f.Secrets) != 2 {
		t.Errorf("control: of label and id the host's index must have both: %v", f.Secrets)
	}
	if f := s.ask(nil, look{Paths: []string{n.dir}, Only: "label"}); f.Total != 0 {
		t.Errorf("labels are legible at rest: %v", f.Hits[0])
	}
}
