// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"net"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// recorder makes seeds: it is a stream that keeps what a client says.
type recorder struct {
	net.Conn
	said []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.said = append(r.said, b...)
	return r.Conn.Write(b)
}

// fuzzHandles are the objects that the fuzzed session has, so that requests get past the look-up of a handle.
type fuzzHandles struct{ aes, generic, data uint64 }

func fuzzWorld(t testing.TB) (*world, *recorder, *client.Conn, *client.Session, fuzzHandles) {
	w := newWorld(t)
	r := &recorder{Conn: w.raw()}
	c := client.New(r)
	if err := c.Hello(); err != nil {
		t.Fatal(err)
	}
	s, err := c.OpenAs(slotA, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	w.login(s, client.User, "")
	var h fuzzHandles
	put := func(tm client.Template) uint64 {
		o, err := s.Create(tm)
		if err != nil {
			t.Fatal(err)
		}
		return o.Handle
	}
	rd := readable()
	h.aes = put(append(secretValue(key.TypeAES, make([]byte, 16)), rd...))
	h.generic = put(append(secretValue(key.TypeGeneric, make([]byte, 16)), rd...))
	h.data = put(data("d", true))
	r.said = nil
	return w, r, c, s, h
}

// FuzzRequests sends any bytes to a session that is logged in and has keys. Every whole frame must be answered, with
// its own call and sequence and a fault that exists, until the channel ends; no handler may panic (Internal), and another
// channel goes on as before.
//
// Handles are random, so seeds carry the marks 0xA1.., 0xA2.., 0xA3.. of eight bytes, which stand for the session's
// objects.
func FuzzRequests(f *testing.F) {
	mark := func(h fuzzHandles) map[uint64]uint64 {
		return map[uint64]uint64{0xA1A1A1A1A1A1A1A1: h.aes, 0xA2A2A2A2A2A2A2A2: h.generic, 0xA3A3A3A3A3A3A3A3: h.data}
	}
	_, r, _, s, h := fuzzWorld(f)
	marks := mark(h)
	seed := func() {
		f.Add(replaceHandles(r.said, marks, false))
		r.said = nil
	}
	gcm, cbc, hm := client.GCM(make([]byte, 12), nil, 128), client.IV(key.MechAESCBCPad, make([]byte, 16)), client.Mech(key.MechSHA256HMAC)
	s.Encrypt(gcm, h.aes, []byte("text"))
	seed()
	s.Sign(hm, h.generic, []byte("text"))
	s.Verify(hm, h.generic, []byte("text"), make([]byte, 32))
	seed()
	s.Begin(client.UseEncrypt, cbc, h.aes)
	s.Update(client.UseEncrypt, make([]byte, 20))
	s.Final(client.UseEncrypt, nil)
	seed()
	s.Begin(client.UseDigest, client.Mech(key.MechSHA256), 0)
	s.DigestKey(h.aes)
	s.Save()
	s.Restore(make([]byte, 60))
	seed()
	s.Create(append(secretValue(key.TypeAES, make([]byte, 16)), readable()...))
	s.Create(data("x", true, onToken()))
	s.Copy(h.aes, client.Template{client.Text(key.AttrLabel, "l")})
	seed()
	s.Get(h.aes, key.AttrValue, key.AttrLabel, key.AttrUniqueID)
	s.Set(h.data, client.Template{client.Text(key.AttrLabel, "l")})
	s.Find(client.Template{client.Text(key.AttrLabel, "d")}, 10)
	s.FindNext(1)
	s.FindEnd()
	seed()
	s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(client.Nested(key.AttrWrapTemplate, data("n", true))))
	s.Wrap(client.Mech(key.MechAESKeyWrap), h.aes, h.generic)
	s.Unwrap(client.Mech(key.MechAESKeyWrap), h.aes, make([]byte, 24), secretValue(key.TypeAES, nil))
	seed()
	s.Derive(client.HKDF(key.MechHKDFDerive, true, true, key.MechSHA256, nil, []byte("i")), h.generic, aesTemplate())
	s.Derive(client.KBKDF(key.MechSHA256HMAC, []client.KBKDFData{{Type: client.KBKDFIteration, Value: client.KBKDFCounter(32)}}, aesTemplate()), h.generic, aesTemplate())
	seed()
	s.SealMessage(client.GCMMessage(make([]byte, 12), 0, 3, 128), h.aes, nil, []byte("m"))
	s.OpenMessage(client.GCMMessage(make([]byte, 12), 0, 0, 128), h.aes, nil, []byte("m"), make([]byte, 16))
	s.Login(client.Context, "", []byte("user-pin"))
	s.SetPIN([]byte("user-pin"), []byte("user-pin"))
	s.Random(8)
	s.KeyState(h.aes, key.StateSuspended)
	s.Logout()
	s.Close()
	seed()
	f.Add(frame(wire.CallHello, 0, 1, []byte("x")))
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})

	f.Fuzz(func(t *testing.T, b []byte) {
		w, r, _, _, h := fuzzWorld(t)
		conn := r.Conn
		b = replaceHandles(b, mark(h), true)
		go func() {
			conn.Write(b)
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		for {
			if len(b) >= 12 {
				rd := wire.NewReader(b)
				if n := rd.U32(); n > 1<<20 || n < 8 {
					break // the rest is one frame that never ends, or none
				}
			}
			a, alive := readAnswer(conn)
			if !alive {
				break
			}
			rd := wire.NewReader(b)
			n := int(rd.U32()) + 4
			if call := wire.Call(rd.U16()); call != a.call || a.code == fault.Internal && call != wire.CallAuditNote || a.code != fault.OK && a.code.String() == "unknown fault" {
				t.Fatalf("request %v answered as %v: %v", call, a.call, a.code)
			}
			b = b[n:]
		}
		conn.Close()
		c := client.New(w.raw())
		if err := c.Hello(); err != nil {
			t.Errorf("another channel: %v", err)
		}
		c.Close()
	})
}

// replaceHandles puts marks in the place of handles, or back.
func replaceHandles(b []byte, marks map[uint64]uint64, back bool) []byte {
	out := append([]byte{}, b...)
	for at := 0; at+8 <= len(out); at++ {
		r := wire.NewReader(out[at:])
		v := r.U64()
		for mark, handle := range marks {
			from, to := handle, mark
			if back {
				from, to = mark, handle
			}
			if v == from {
				w := wire.Writer{B: out[at:at]}
				w.U64(to)
			}
		}
	}
	return out
}
