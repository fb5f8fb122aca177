// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestHelloTellsSecretEpochAndClock(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	if len(c.Secret) != 32 || c.Epoch != w.module.epoch || c.Now != uint64(w.module.Now()) {
		t.Errorf("hello answered %x %x %d", c.Secret, c.Epoch, c.Now)
	}
	refused(t, c.Hello(), fault.ArgumentsBad)
	raw := w.raw()
	var apart wire.Writer
	for _, v := range []uint64{1, 4, 1} {
		apart.U64(v)
	}
	apart.Bytes(nil)
	raw.Write(frame(wire.CallHello, 0, 1, apart.B))
	if a, ok := readAnswer(raw); !ok || a.code != fault.ArgumentsBad {
		t.Errorf("answers through a pipe that there is not: %+v", a)
	}
	d := w.dial()
	if bytes.Equal(c.Secret, d.Secret) {
		t.Error("two applications have one secret")
	}
}

func TestWithoutHelloOnlyOpenCallsAnswer(t *testing.T) {
	w := newWorld(t)
	c := client.New(w.raw())
	_, err := c.Open(slotA, true)
	refused(t, err, fault.AppUnknown)
	if _, err := c.Slots(); err != nil {
		t.Error(err)
	}
	if v, err := c.Status(); err != nil || v.State != wire.StateOperational || string(v.AuditKey) != "key" {
		t.Errorf("%+v %v", v, err)
	}
}

func TestSlotsAndMechanisms(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	list := must(c.Slots())(t)
	if len(list) != 2 || list[0].Label != "first" || list[1].Slot != slotB || list[0].MaxPIN != 255 {
		t.Errorf("%+v", list)
	}
	mechs := must(c.Mechanisms(slotA))(t)
	if len(mechs) != len(all.Rows()) || len(mechs) == 0 {
		t.Errorf("%d mechanisms, the table has %d", len(mechs), len(all.Rows()))
	}
	at := slices.IndexFunc(mechs, func(m client.MechanismInfo) bool { return m.ID == key.MechAESGCM })
	if at < 0 || mechs[at].Flags&key.CanMessageEncrypt == 0 || !slices.Contains(mechs[at].Keys, key.TypeAES) {
		t.Errorf("AES_GCM is not described: %+v", mechs)
	}
	_, err := c.Mechanisms(99)
	refused(t, err, fault.PartitionUnknown)
}

func TestJoinSharesLoginAndSessions(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.Open(slotA, true))(t)
	w.login(s, client.User, "")
	d := w.join(c.Secret)
	_, err := s.On(d).Login(client.User, "", []byte("user-pin"))
	refused(t, err, fault.AlreadyLoggedIn)
	ok(t, s.On(d).Close())
	refused(t, s.Logout(), fault.SessionUnknown)
}

func TestJoinFromAnotherUIDIsRefusedUnlessForked(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	w.peer.UID = 33
	d := client.New(w.raw())
	refused(t, d.HelloJoin(c.Secret), fault.Denied)
	ok(t, d.HelloFork(c.Secret))
	w.peer.UID = 34
	e := client.New(w.raw())
	ok(t, e.HelloJoin(d.Secret))
	refused(t, client.New(w.raw()).HelloJoin(make([]byte, 32)), fault.AppUnknown)
	refused(t, client.New(w.raw()).HelloFork(nil), fault.AppUnknown)
}

func TestApplicationOutlivesItsChannelsByTheGraceTime(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.Open(slotA, true))(t)
	w.login(s, client.User, "")
	c.Close()
	until(t, func() bool { return w.server.Count() == 0 })
	w.module.now.Add(59)
	w.server.Tick(w.module.Now())
	d := w.join(c.Secret)
	ok(t, s.On(d).Logout())
	d.Close()
	until(t, func() bool { return w.server.Count() == 0 })
	w.module.now.Add(60)
	w.server.Tick(w.module.Now())
	refused(t, client.New(w.raw()).HelloJoin(c.Secret), fault.AppUnknown)
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it did not come to pass")
}

func TestSessionsAreOpenedOnceAndClosed(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.OpenAs(slotA, 7, true))(t)
	must(c.OpenAs(slotA, 7, true))(t) // asked again, since the answer may be lost with a channel
	_, err := c.OpenAs(slotA, 7, false)
	refused(t, err, fault.SessionExists)
	_, err = c.OpenAs(slotA, 0, false)
	refused(t, err, fault.ArgumentsBad)
	_, err = c.OpenAs(99, 8, false)
	refused(t, err, fault.PartitionUnknown)
	ok(t, s.Close())
	refused(t, s.Close(), fault.SessionUnknown)
	must(c.OpenAs(slotA, 8, true))(t)
	must(c.OpenAs(slotB, 9, true))(t)
	ok(t, c.CloseAll())
	must(c.OpenAs(slotB, 8, true))(t)
}

func TestAnApplicationHasAtMost65536Sessions(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	for id := range uint64(65536) {
		if _, err := c.OpenAs(slotA, id+1, false); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.OpenAs(slotA, 70000, false)
	refused(t, err, fault.QuotaExceeded)
	must(w.dial().OpenAs(slotA, 1, false))(t)
}

func TestReadOnlySessionsAndTheOfficerExcludeEachOther(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.Open(slotA, true))(t)
	ro := must(c.Open(slotA, false))(t)
	_, err := s.Login(client.Officer, "", []byte("so-pin"))
	refused(t, err, fault.ReadOnlyExists)
	ok(t, ro.Close())
	w.login(s, client.Officer, "")
	_, err = c.Open(slotA, false)
	refused(t, err, fault.OfficerExists)
	must(c.Open(slotB, false))(t)
}

func TestLoginRules(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	refused(t, s.Logout(), fault.NotLoggedIn)
	_, err := s.Login(7, "", []byte("user-pin"))
	refused(t, err, fault.UserTypeInvalid)
	_, err = s.Login(client.User, "", []byte("wrong"))
	refused(t, err, fault.PINIncorrect)
	if e, is := err.(*client.Error); !is || e.Left != 2 || e.Request == 0 || e.Reason == "" {
		t.Errorf("the refusal carries %+v", err)
	}
	_, err = s.Login(client.User, "", make([]byte, 5000))
	refused(t, err, fault.PINLength)
	_, err = s.Login(client.User, "nobody", []byte("x"))
	refused(t, err, fault.UserUnknown)
	pin := []byte("alice:alice-pin")
	must(s.Login(client.User, "", pin))(t)
	if !bytes.Equal(pin, make([]byte, len(pin))) {
		t.Error("the client kept the PIN")
	}
	_, err = s.Login(client.User, "", []byte("user-pin"))
	refused(t, err, fault.AlreadyLoggedIn)
	_, err = s.Login(client.Officer, "", []byte("so-pin"))
	refused(t, err, fault.OtherLoggedIn)
	_, err = s.Login(client.Context, "", []byte("alice-pin"))
	refused(t, err, fault.OperationNotActive)
	ok(t, s.Logout())
	for range 3 {
		s.Login(client.User, "", []byte("wrong"))
	}
	_, err = s.Login(client.User, "", []byte("user-pin"))
	refused(t, err, fault.PINLocked)
}

func TestLoginEndsWithTheLastSessionOfItsSlot(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s, other := must(c.Open(slotA, true))(t), must(c.Open(slotB, true))(t)
	w.login(s, client.User, "")
	second := must(c.Open(slotA, false))(t)
	ok(t, s.Close())
	_, err := second.Login(client.User, "", []byte("user-pin"))
	refused(t, err, fault.AlreadyLoggedIn)
	ok(t, second.Close())
	third := must(c.Open(slotA, true))(t)
	w.login(third, client.User, "")
	ok(t, other.Close())
}

func TestTicketResumesALogin(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	user, officer := w.login(s, client.User, ""), []byte(nil)
	ok(t, s.Logout())
	officer = w.login(s, client.Officer, "")
	c := w.dial()
	if u := must(c.Resume(slotA, user))(t); u != client.User {
		t.Errorf("resumed as %d", u)
	}
	_, err := c.Resume(slotA, officer)
	refused(t, err, fault.OtherLoggedIn)
	_, err = c.Resume(slotB, user)
	refused(t, err, fault.TicketInvalid)
	_, err = c.Resume(99, user)
	refused(t, err, fault.PartitionUnknown)
	if u := must(w.dial().Resume(slotA, officer))(t); u != client.Officer {
		t.Errorf("resumed as %d", u)
	}
}

func TestPINsAreSetByTheOfficerAndChangedByTheirOwner(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	refused(t, s.InitPIN([]byte("new-pin")), fault.NotLoggedIn)
	w.login(s, client.Officer, "")
	ok(t, s.InitPIN([]byte("new-pin")))
	ok(t, s.SetPIN([]byte("so-pin"), []byte("so-pin2")))
	ok(t, s.Logout())
	must(s.Login(client.User, "", []byte("new-pin")))(t)
	refused(t, s.InitPIN([]byte("x")), fault.NotLoggedIn)
	refused(t, s.SetPIN([]byte("wrong"), []byte("x")), fault.PINIncorrect)
	ro := must(w.dial().Open(slotA, false))(t)
	refused(t, ro.SetPIN([]byte("new-pin"), []byte("x")), fault.SessionReadOnly)
}

func TestInitTokenNeedsAllSessionsClosed(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	must(s.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.ULong(key.AttrValueLen, uint64(16)), client.Bool(key.AttrToken, true)}))(t)
	c := w.dial()
	refused(t, c.InitToken(slotA, []byte("so-pin"), "new"), fault.SessionExists)
	ok(t, s.Close())
	refused(t, c.InitToken(slotA, []byte("bad"), "new"), fault.PINIncorrect)
	ok(t, c.InitToken(slotA, []byte("so-pin"), "new"))
	refused(t, c.InitToken(99, []byte("so-pin"), "new"), fault.PartitionUnknown)
	if n := len(w.module.tokens[slotA].objects); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

func TestCallsAreOpenInTheirStatesOnly(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	for state, want := range map[wire.State]fault.Code{
		wire.StateUninitialized: fault.Uninitialized, wire.StateLocked: fault.Locked, wire.StateZeroized: fault.Zeroized,
		wire.StateError: fault.SelfTestFailed, wire.StateUnknown: fault.Unavailable,
	} {
		w.module.state.Store(uint32(state))
		_, err := s.Random(8)
		refused(t, err, want)
		if _, err := w.dial().Slots(); err != nil {
			t.Errorf("in state %v SLOTS answered %v", state, err)
		}
	}
	w.module.state.Store(uint32(wire.StateOperational))
	must(s.Random(8))(t)
}

func TestDropEndsWhatIsHeldOfAPartition(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	a, b := must(c.Open(slotA, true))(t), must(c.Open(slotB, true))(t)
	w.login(a, client.User, "")
	w.login(b, client.User, "")
	w.server.Drop(w.module.tokens[slotA].info.Partition)
	refused(t, a.Logout(), fault.SessionUnknown)
	ok(t, b.Logout())
	w.login(b, client.User, "")
	w.server.DropAll()
	refused(t, b.Logout(), fault.SessionUnknown)
	refused(t, client.New(w.raw()).HelloJoin(c.Secret), fault.AppUnknown)
	_, err := c.Open(slotA, true)
	refused(t, err, fault.AppUnknown)
}

func TestRevokeEndsLoginsOfAnOperator(t *testing.T) {
	w := newWorld(t)
	s, other := w.user(), w.open()
	w.login(other, client.User, "alice")
	w.server.Revoke(operatorID(slotA, "user"))
	refused(t, s.Logout(), fault.NotLoggedIn)
	ok(t, other.Logout())
}

// TestALoginThatTheCoreHasEndedIsMissedAndNotTheKey: the client would take a key for destroyed that is there.
func TestALoginThatTheCoreHasEndedIsMissedAndNotTheKey(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := must(s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken())))(t).Handle
	read := func(handle uint64) error {
		_, err := s.Get(handle, key.AttrLabel)
		return err
	}
	ok(t, read(k))
	refused(t, read(k+2), fault.ObjectUnknown)
	w.server.Revoke(operatorID(slotA, "user"))
	refused(t, read(k), fault.NotLoggedIn)
	refused(t, read(k+2), fault.NotLoggedIn) // all handles alike
	w.login(s, client.User, "")
	ok(t, read(k))
	refused(t, read(k+2), fault.ObjectUnknown)
	ok(t, s.Logout()) // who has left knows it
	refused(t, read(k), fault.ObjectUnknown)
}

func TestManagementCallsReachTheModuleWithTheLogin(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	refused(t, c.Lock(), fault.NotLoggedIn)
	s := must(c.Open(0, true))(t)
	w.login(s, client.Officer, "")
	ok(t, c.Lock())
	_, err := c.AuditHead()
	refused(t, err, fault.Unsupported)
	if !slices.Contains(w.module.managed, uint16(wire.CallAuditHead)) {
		t.Error("the module was not asked")
	}
}

func TestRefusalsAreAuditedWithTheirRequest(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	err := s.Logout()
	refused(t, err, fault.NotLoggedIn)
	last := w.module.audit[len(w.module.audit)-1]
	want := channel.AuditEntry{Request: err.(*client.Error).Request, Call: wire.CallLogout, Peer: w.peer,
		Partition: w.module.tokens[slotA].info.Partition, Refused: fault.NotLoggedIn}
	if last != want {
		t.Errorf("audited %+v, want %+v", last, want)
	}
}
