// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// FuzzParameters gives any bytes to every row as parameter. What begins must decrypt what it encrypted.
func FuzzParameters(f *testing.F) {
	f.Add([]byte(gcm(make([]byte, 12), []byte("aad"), 128)), []byte("some data"))
	f.Add([]byte(ctr(4, make([]byte, 16))), make([]byte, 100))
	f.Add([]byte(ccmParam(4, "10111213141516", "0001020304050607", 4)), []byte("data"))
	f.Add([]byte(iv(make([]byte, 16))), make([]byte, 32))
	f.Add([]byte(gcmMsg(make([]byte, 12), 32, random, 128)), []byte("message"))
	f.Add([]byte(ccmMsg(7, make([]byte, 12), 8, random, 8)), []byte("message"))
	k := load(f, make([]byte, 32))
	f.Fuzz(func(t *testing.T, p, data []byte) {
		for i := range rows {
			r := &rows[i]
			if r.Flags&key.CanEncrypt != 0 {
				if op, err := r.Begin(mech.Encrypt, k, p); err == nil {
					if ct, err := mech.OneShot(op, nil, data); err == nil {
						op, err := r.Begin(mech.Decrypt, k, p)
						if err != nil {
							t.Fatalf("%s encrypts, but does not decrypt: %v", r.Name, err)
						}
						if back, err := mech.OneShot(op, nil, ct); err != nil || !bytes.Equal(back, data) {
							t.Fatalf("%s: %x comes back as %x, %v", r.Name, data, back, err)
						}
					}
				}
			}
			if r.Flags&key.CanSign != 0 {
				if op, err := r.Begin(mech.Sign, k, p); err == nil {
					if mac, err := mech.OneShot(op, nil, data); err != nil || len(mac) != r.SignLen(k, p) {
						t.Fatalf("%s: %d bytes, %v", r.Name, len(mac), err)
					}
				}
			}
			if r.Flags&key.CanMessageEncrypt != 0 {
				k.(mech.AEAD).SealMessage(r, p, nil, data)
				k.(mech.AEAD).OpenMessage(r, p, nil, data, data)
			}
			r.Approved(mech.MessageEncrypt, k, p, 0)
		}
	})
}
