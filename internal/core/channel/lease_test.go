// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func (m *module) AwaitLease() error { return m.Leased() }

func (m *module) Leased() error {
	if m.unleased.Load() {
		return fault.LeaseExpired
	}
	return nil
}

func TestWithoutALeaseNothingIsUsedAndEverythingCanBeClosed(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	token := client.Bool(key.AttrToken, true)
	k := known(t, s, key.TypeGeneric, bytes.Repeat([]byte{3}, 32), token)
	mac := client.Mech(key.MechSHA256HMAC)
	must(s.Sign(mac, k, []byte("x")))(t)
	refused(t, s.Begin(client.UseSign, mac, k), fault.OK)

	w.module.unleased.Store(true)
	_, err := s.Sign(mac, k, []byte("x"))
	refused(t, err, fault.LeaseExpired)
	_, err = s.Update(client.UseSign, []byte("x"))
	refused(t, err, fault.LeaseExpired)
	_, err = s.Get(k, key.AttrLabel)
	refused(t, err, fault.LeaseExpired)
	_, _, err = s.Find(nil, 10)
	refused(t, err, fault.LeaseExpired)
	_, err = s.Login(client.User, "", []byte("1234"))
	refused(t, err, fault.LeaseExpired)
	refused(t, s.Destroy(k), fault.LeaseExpired)
	_, err = s.Random(8)
	refused(t, err, fault.OK)
	refused(t, s.Cancel(client.UseSign), fault.OK)
	refused(t, s.Logout(), fault.OK)
	refused(t, s.Close(), fault.OK)
}

// A lease that runs out while a key is at work withholds the answer.
func TestAnAnswerDoesNotLeaveAfterTheLease(t *testing.T) {
	w := newWorld(t)
	s := w.user()
	k := known(t, s, key.TypeGeneric, bytes.Repeat([]byte{3}, 32), client.Bool(key.AttrToken, true))
	w.module.afterUse = func() { w.module.unleased.Store(true) }
	out, err := s.Sign(client.Mech(key.MechSHA256HMAC), k, []byte("x"))
	refused(t, err, fault.LeaseExpired)
	if len(out) != 0 {
		t.Error("an answer came along")
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
