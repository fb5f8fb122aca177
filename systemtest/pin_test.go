// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Flags of CK_TOKEN_INFO about the user's PIN.
const (
	pinLow    uint64 = 0x10000
	pinFinal  uint64 = 0x20000
	pinLocked uint64 = 0x40000
	pinFlags         = pinLow | pinFinal | pinLocked
)

func (n *node) pinFlags() uint64 {
	n.t.Helper()
	list, err := n.operational().Slots()
	must(n.t, err)
	for _, token := range list {
		if strings.TrimRight(token.Label, " ") == tokenLabel {
			return token.Flags & pinFlags
		}
	}
	n.t.Fatal("the token is gone")
	return 0
}

// wrongPIN logs in with a wrong PIN and answers how many tries are said to be left.
func (n *node) wrongPIN() int {
	n.t.Helper()
	_, err := n.tryLogin(tokenLabel, client.User, "", "not it")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != fault.PINIncorrect {
		n.t.Fatalf("a wrong PIN is answered %v", err)
	}
	return refused.Left
}

func TestTenWrongPINsLockAcrossRestartsAndTheOfficerUnlocks(t *testing.T) {
	n := ready(t)
	if f := n.pinFlags(); f != 0 {
		t.Errorf("before any login: flags %x", f)
	}
	for left := 9; left >= 0; left-- {
		if got := n.wrongPIN(); got != left {
			t.Errorf("%d tries are said to be left, want %d", got, left)
		}
		want := pinLow
		switch left {
		case 1:
			want |= pinFinal
		case 0:
			want |= pinLocked
		}
		if f := n.pinFlags(); f != want {
			t.Errorf("%d tries left: flags %x, want %x", left, f, want)
		}
		switch left {
		case 7, 1:
			pid := n.corePID()
			n.killCore()
			n.newCore(pid)
		case 4, 0:
			n.restart()
		}
	}
	if f := n.pinFlags(); f&pinLocked == 0 {
		t.Errorf("locked, after a restart: flags %x", f)
	}
	_, err := n.tryLogin(tokenLabel, client.User, "", userPIN)
	wantCode(t, "the right PIN once locked", err, fault.PINLocked)
	_, err = n.tryLogin(tokenLabel, client.User, "user", userPIN)
	wantCode(t, "the same by name", err, fault.PINLocked)

	so := n.login(tokenLabel, client.Officer, "", soPIN) // has tries of its own
	must(t, so.InitPIN([]byte("4321")))
	if f := n.pinFlags(); f != 0 {
		t.Errorf("unlocked: flags %x", f)
	}
	n.login(tokenLabel, client.User, "", "4321")
	_, err = n.tryLogin(tokenLabel, client.User, "", userPIN)
	wantCode(t, "the old PIN", err, fault.PINIncorrect)
	n.restart()
	n.login(tokenLabel, client.User, "", "4321")
}

// A try is charged before it is made, so who kills the core between a try and its answer has spent it.
func TestAKillBetweenTryAndAnswerYieldsNoFreshTry(t *testing.T) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	n := ready(t)
	left := func() int {
		admin := n.admin()
		list, err := admin.Operators(slotOf(t, admin, tokenLabel))
		must(t, err)
		for _, o := range list {
			if o.Name == "user" {
				return int(o.Left)
			}
		}
		t.Fatal("no user")
		return 0
	}
	n.wrongPIN() // after a restart a single charged try may also be what the last right PIN left, and is shown as none
	n.wrongPIN()
	had, answered, cut := left(), 2, 0
	for round := 0; had > 0; round++ {
		if round == 60 {
			t.Fatalf("60 kills, and still %d tries are left", had)
		}
		conn := n.operational()
		s, err := conn.Open(slotOf(t, conn, tokenLabel), true)
		must(t, err)
		told := make(chan error, 1)
		go func() {
			_, err := s.Login(client.User, "", []byte("not it"))
			told <- err
		}()
		time.Sleep(time.Duration(random.IntN(80)) * time.Millisecond) // the hash takes longer
		pid := n.corePID()
		if !n.killCore() {
			t.Fatal("there was no core to kill")
		}
		err = <-told
		n.newCore(pid)
		now := left()
		switch {
		case codeOf(err) == fault.PINIncorrect:
			answered++
			if now != had-1 {
				t.Errorf("a wrong PIN was answered, and %d tries are left of %d", now, had)
			}
		case !dying(err):
			t.Fatalf("a wrong PIN is answered %v", err)
		case now == had-1:
			cut++
		case now != had:
			t.Errorf("one try took %d of %d", had-now, had)
		}
		had = now
	}
	if answered+cut != 10 {
		t.Errorf("%d answered and %d cut off make ten tries", answered, cut)
	}
	if cut == 0 {
		t.Error("no kill came between a try and its answer: the test has shown nothing")
	}
	_, err := n.tryLogin(tokenLabel, client.User, "", userPIN)
	wantCode(t, "the right PIN once locked", err, fault.PINLocked)
	fmt.Printf("%s: locked after %d tries that were answered and %d that a kill cut off\n", t.Name(), answered, cut)
}

// Right PINs between wrong ones keep a PIN from being locked; then time limits the wrong ones. Then the right one is refused like a
// wrong one, or who guesses would go on and tell them apart by that.
func TestWrongPINsBetweenRightOnesAreLimitedByTime(t *testing.T) {
	n := ready(t)
	for i := 0; ; i++ {
		_, right := n.tryLogin(tokenLabel, client.User, "", userPIN)
		_, err := n.tryLogin(tokenLabel, client.User, "", "not it")
		if codeOf(right) != fault.OK && (codeOf(right) != fault.RateLimited || codeOf(err) != fault.RateLimited) {
			t.Fatalf("the right PIN is answered %v, a wrong one %v", right, err)
		}
		if code := codeOf(err); code == fault.RateLimited {
			if i < 20 {
				t.Errorf("limited after %d wrong PINs", i)
			}
			break
		} else if code != fault.PINIncorrect {
			t.Fatalf("a wrong PIN is answered %v", err)
		}
		if i == 40 {
			t.Fatal("40 wrong PINs were taken without a limit")
		}
	}
	_, err := n.tryLogin(tokenLabel, client.User, "", userPIN)
	wantCode(t, "the right PIN while guesses are limited", err, fault.RateLimited)
	n.login(tokenLabel, client.Officer, "", soPIN)
	for i := 0; ; i++ { // a name that does not exist is answered like a wrong PIN
		_, err := n.tryLogin(tokenLabel, client.User, "nobody", "not it")
		if codeOf(err) == fault.RateLimited {
			break
		}
		wantCode(t, "login of a stranger", err, fault.PINIncorrect)
		if i == 40 {
			t.Fatal("40 strangers were taken without a limit")
		}
	}
}
