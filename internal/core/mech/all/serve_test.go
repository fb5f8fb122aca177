// SPDX-License-Identifier: Apache-2.0

package all

import (
	"bytes"
	"encoding/hex"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func load(t testing.TB, typ key.Type, secret []byte) mech.Key {
	t.Helper()
	k, err := Family(typ).Parse(mech.Material{Type: typ, Secret: secret}, true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The way of strict mode: the key is parsed, used and dropped inside ssp.Do. RFC 4231 test case 2.
func TestKeysOfOneFamilyServeTheRowsOfAnother(t *testing.T) {
	var mac []byte
	var err error
	ssp.Do(func() {
		var op mech.Op
		if op, err = Row(key.MechSHA256HMAC).Begin(mech.Sign, load(t, key.TypeGeneric, []byte("Jefe")), nil); err == nil {
			mac, err = mech.OneShot(op, nil, []byte("what do ya want for nothing?"))
		}
	})
	if got := hex.EncodeToString(mac); err != nil || got != "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" {
		t.Errorf("hmac: %s, %v", got, err)
	}

	// NIST CAVP KBKDF, CMAC_AES128, counter of 8 bits before the fixed data, count 0.
	fixed, _ := hex.DecodeString("c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b33fd8c3b01203a7824485bf0a64060c4648b707d2607935699316ea5")
	base, _ := hex.DecodeString("dff1e50ac0b69dc40f1051d46c2b069c")
	var w wire.Writer
	w.U64(uint64(key.MechAESCMAC))
	w.U64(2)
	w.U64(1) // CK_SP800_108_ITERATION_VARIABLE
	w.U32(16)
	w.U64(0)
	w.U64(8)
	w.U64(4) // CK_SP800_108_BYTE_ARRAY
	w.Bytes(fixed)
	w.U64(0)
	var derived []byte
	ssp.Do(func() { derived, err = Row(key.MechSP800108Counter).Derive(load(t, key.TypeAES, base), w.B, 16) })
	if got := hex.EncodeToString(derived); err != nil || got != "8be8f0869b3c0ba97b71863d1b9f7813" {
		t.Errorf("sp800-108: %s, %v", got, err)
	}
}

// The way of fast mode: one parsed key, many callers. Each kind of secret is used for all that its rows can do.
func TestParsedSecretsServeManyCallersAtOnce(t *testing.T) {
	var gcm, chacha wire.Writer
	gcm.Bytes(make([]byte, 12))
	gcm.U64(96)
	gcm.Bytes(nil)
	gcm.U64(128)
	chacha.Bytes(make([]byte, 12))
	chacha.Bytes(nil)
	for _, c := range []struct {
		typ key.Type
		id  key.Mechanism
		use mech.Use
		p   mech.Params
	}{
		{key.TypeAES, key.MechAESGCM, mech.Encrypt, gcm.B},
		{key.TypeAES, key.MechAESCMAC, mech.Sign, nil},
		{key.TypeAES, key.MechAESECB, mech.Encrypt, nil},
		{key.TypeChaCha20, key.MechChaCha20Poly1305, mech.Encrypt, chacha.B},
		{key.TypeSHA384HMAC, key.MechSHA384HMAC, mech.Sign, nil},
		{key.TypeDES3, key.MechDES3ECB, mech.Decrypt, nil},
	} {
		size := map[key.Type]int{key.TypeDES3: 24}[c.typ]
		if size == 0 {
			size = 32
		}
		row, k := Row(c.id), load(t, c.typ, bytes.Repeat([]byte{3}, size))
		in := bytes.Repeat([]byte{9}, 64)
		once := func() []byte {
			op, err := row.Begin(c.use, k, c.p)
			if err != nil {
				t.Error(err)
				return nil
			}
			out, err := mech.OneShot(op, nil, in)
			if err != nil {
				t.Error(err)
			}
			return out
		}
		want := once()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					if got := once(); !bytes.Equal(got, want) {
						t.Errorf("%s: %x, alone %x", row.Name, got, want)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}
