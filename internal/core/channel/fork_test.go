// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// child forks an application as a process does.
func (w *world) child(secret []byte) *client.Conn {
	w.t.Helper()
	c := client.New(w.raw())
	if err := c.HelloFork(secret); err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestAForkedChildHasItsOwnCopy(t *testing.T) {
	w := newWorld(t)
	c := w.dial()
	s := must(c.Open(slotA, true))(t)
	w.login(s, client.User, "")
	k := known(t, s, key.TypeAES, make([]byte, 16))
	h := known(t, s, key.TypeGeneric, make([]byte, 16))
	hm, cbc := client.Mech(key.MechSHA256HMAC), client.IV(key.MechAESCBC, make([]byte, 16))
	ok(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0))
	must(s.Update(client.UseDigest, []byte("before ")))(t)
	ok(t, s.Begin(client.UseSign, hm, h))
	must(s.Update(client.UseSign, []byte("before ")))(t)
	ok(t, s.Begin(client.UseEncrypt, cbc, k))
	for i := range 5 {
		must(s.Create(data(string(rune('a'+i)), true)))(t)
	}
	must(c.Open(slotB, false))(t)
	s.Find(client.Template{client.ULong(key.AttrClass, key.ClassData)}, 2)

	d := w.child(c.Secret)
	if bytes.Equal(d.Secret, c.Secret) {
		t.Fatal("one secret for two applications")
	}
	sd := s.On(d)
	// The same sessions, login, objects, cursor and operations ...
	for _, x := range []*client.Session{sd, s} {
		if sum := must(x.Final(client.UseDigest, []byte("after")))(t); !bytes.Equal(sum, digestOf("before after")) {
			t.Error("the digest is another")
		}
		mac := must(x.Final(client.UseSign, []byte("after")))(t)
		ok(t, x.Verify(hm, h, []byte("before after"), mac))
		if list, _, err := x.FindNext(10); err != nil || len(list) != 3 {
			t.Errorf("the cursor stands at %d, %v", len(list), err)
		}
	}
	_, err := sd.Update(client.UseEncrypt, make([]byte, 16)) // but no second continuation of a cipher
	refused(t, err, fault.OperationNotActive)
	must(s.Update(client.UseEncrypt, make([]byte, 16)))(t)
	// ... and each its own from then on.
	ok(t, sd.Destroy(k))
	must(s.Get(k, key.AttrLabel))(t)
	ok(t, s.Logout())
	must(sd.Get(h, key.AttrLabel))(t)
	ok(t, sd.Logout())
	ok(t, d.CloseAll())
	w.login(s, client.User, "")
}

func digestOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func TestManyChannelsOfOneApplicationWorkAtOnce(t *testing.T) {
	for _, fast := range []bool{false, true} {
		w := newWorld(t)
		w.module.fast.Store(fast)
		c := w.dial()
		s := must(c.Open(slotA, true))(t)
		w.login(s, client.User, "")
		h := known(t, s, key.TypeGeneric, make([]byte, 32), onToken())
		m := client.Mech(key.MechSHA256HMAC)
		want := must(s.Sign(m, h, []byte("text")))(t)
		var wg sync.WaitGroup
		var digests atomic.Int64
		for i := range 12 {
			d := w.join(c.Secret)
			wg.Go(func() {
				mine, err := d.Open(slotA, true)
				if err != nil {
					t.Error(err)
					return
				}
				for n := range 30 {
					if mac, err := mine.Sign(m, h, []byte("text")); err != nil || !bytes.Equal(mac, want) {
						t.Errorf("sign: %v", err)
					}
					o, err := mine.Create(data("x", true))
					if err != nil {
						t.Error(err)
						continue
					}
					if list, err := mine.FindAll(client.Template{client.Text(key.AttrLabel, "x")}); err != nil || len(list) == 0 {
						t.Errorf("find: %d %v", len(list), err)
					}
					mine.Set(o.Handle, client.Template{client.Text(key.AttrLabel, "y")})
					// All of them at one session: exactly one digest is under way at a time.
					shared := s.On(d)
					if shared.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0) == nil {
						shared.Update(client.UseDigest, []byte{byte(i)})
						if _, err := shared.Final(client.UseDigest, nil); err == nil {
							digests.Add(1)
						}
					}
					if err := mine.Destroy(o.Handle); err != nil {
						t.Error(err)
					}
					if n%10 == 0 {
						w.child(c.Secret).Close()
						w.server.Tick(w.module.Now())
					}
				}
				if err := mine.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if digests.Load() == 0 {
			t.Error("no digest was finished")
		}
		refused(t, s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0), fault.OK)
	}
}
