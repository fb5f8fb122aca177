// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// custodians is a node whose root key three people hold, and their shares.
func custodians(t *testing.T) (*node, []string) {
	t.Helper()
	n := newNode(t)
	n.serve()
	out, err := n.try(adminPIN, "init", "--keeper", "custodians:2of3", "--pin-file", "-", "--json")
	must(t, err)
	var answer struct{ Shares []string }
	must(t, json.Unmarshal([]byte(out), &answer))
	if len(answer.Shares) != 3 {
		t.Fatalf("%d shares of 3", len(answer.Shares))
	}
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	freshToken(t, conn, tokenLabel)
	return n, answer.Shares
}

// unlock gives a share and answers how many are missing then.
func (n *node) unlock(share string) (uint64, error) {
	n.t.Helper()
	conn := n.dial()
	defer conn.Close()
	return conn.Unlock([]byte(share))
}

func TestAnyTwoOfThreeCustodiansUnlock(t *testing.T) {
	n, shares := custodians(t)
	x := pair(t, n.userSession(), "x")
	for _, two := range [][2]int{{0, 1}, {2, 0}, {1, 2}} {
		n.restart()
		n.wantState(wire.StateLocked)
		n.closed(fault.Locked)
		if out, err := n.try(shares[two[0]], "unlock", "--share-file", "-"); err != nil || !strings.Contains(out, "1 more") {
			t.Errorf("first share: %q, %v", out, err)
		}
		if s := n.wantState(wire.StateLocked); s.Shares != 1 || s.Threshold != 2 || s.Keeper != "custodians" {
			t.Errorf("status: %d shares of %d, keeper %q", s.Shares, s.Threshold, s.Keeper)
		}
		if out, err := n.try(shares[two[1]], "unlock", "--share-file", "-"); err != nil || !strings.Contains(out, "unlocked") {
			t.Errorf("second share: %q, %v", out, err)
		}
		x.works(t, n.userSession(), fmt.Sprint("unlocked by shares ", two))
	}
}

func TestAWrongDamagedOrRepeatedShareChangesNothing(t *testing.T) {
	n, shares := custodians(t)
	x := pair(t, n.userSession(), "x")
	_, others := custodians(t)
	n.restart()
	given := func(want uint32) {
		t.Helper()
		if s := n.wantState(wire.StateLocked); s.Shares != want {
			t.Errorf("%d shares count as given, want %d", s.Shares, want)
		}
	}
	bad := func(what, share string) {
		t.Helper()
		_, err := n.unlock(share)
		wantCode(t, what, err, fault.ShareBad)
	}
	damaged := []byte(shares[0])
	damaged[len(damaged)-4] ^= 1
	for range 2 { // before a share was given, and after
		bad("a damaged share", string(damaged))
		bad("a share cut short", shares[0][:len(shares[0])-2])
		bad("no share at all", "open sesame")
		bad("a share of another node", others[1])
		if _, err := n.unlock(""); err == nil {
			t.Error("custodians' root was unlocked without a share")
		}
		missing, err := n.unlock(shares[0])
		if missing != 1 && codeOf(err) != fault.ShareBad {
			t.Errorf("the first share: %d missing, %v", missing, err)
		}
		given(1)
		bad("the same share again", strings.ToUpper(shares[0]))
		given(1)
	}
	missing, err := n.unlock(shares[2])
	if missing != 0 || err != nil {
		t.Errorf("the second share: %d missing, %v", missing, err)
	}
	x.works(t, n.userSession(), "unlocked")

	n.restart() // shares given are forgotten with the core
	if missing, err := n.unlock(shares[1]); missing != 1 || err != nil {
		t.Errorf("first share: %d missing, %v", missing, err)
	}
	pid := n.corePID()
	n.killCore()
	n.newCore(pid)
	given(0)
	if missing, err := n.unlock(shares[2]); missing != 1 || err != nil {
		t.Errorf("first share of another core: %d missing, %v", missing, err)
	}
}

// After the keeper was changed the old shares are worth nothing.
func TestNewSharesReplaceTheOld(t *testing.T) {
	n, old := custodians(t)
	x := pair(t, n.userSession(), "x")
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	fresh, err := conn.Rekeep("custodians", 2, 2)
	must(t, err)
	n.restart()
	for _, share := range old {
		_, err := n.unlock(share)
		wantCode(t, "an old share", err, fault.ShareBad)
	}
	for _, share := range fresh {
		_, err := n.unlock(string(share))
		must(t, err)
	}
	x.works(t, n.userSession(), "unlocked by new shares")
}
