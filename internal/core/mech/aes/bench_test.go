// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func bench(b *testing.B, begin beginner, use mech.Use, p mech.Params, n int) {
	k := load(b, make([]byte, 32))
	in, out := make([]byte, n), make([]byte, 0, n+64)
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		op, err := begin(use, k, p)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mech.OneShot(op, out, in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawGCM1K is Go's GCM alone, the mark for BenchmarkGCM1K.
func BenchmarkRawGCM1K(b *testing.B) {
	block, _ := aes.NewCipher(make([]byte, 32))
	g, _ := cipher.NewGCM(block)
	in, out, nonce := make([]byte, 1024), make([]byte, 0, 1100), make([]byte, 12)
	b.SetBytes(1024)
	for b.Loop() {
		g.Seal(out, nonce, in, nil)
	}
}

func BenchmarkGCM1K(b *testing.B) {
	bench(b, beginGCM, mech.Encrypt, gcm(make([]byte, 12), nil, 128), 1024)
}
func BenchmarkCTR1K(b *testing.B) {
	bench(b, beginCTR, mech.Encrypt, ctr(128, make([]byte, 16)), 1024)
}
func BenchmarkCBC1K(b *testing.B)     { bench(b, beginCBC, mech.Encrypt, iv(make([]byte, 16)), 1024) }
func BenchmarkCBCOpen1K(b *testing.B) { bench(b, beginCBC, mech.Decrypt, iv(make([]byte, 16)), 1024) }
func BenchmarkECB1K(b *testing.B)     { bench(b, beginECB, mech.Encrypt, nil, 1024) }
func BenchmarkCMAC1K(b *testing.B)    { bench(b, signCMAC, mech.Sign, nil, 1024) }
func BenchmarkGMAC1K(b *testing.B) {
	bench(b, signGMAC, mech.Sign, gcm(make([]byte, 12), nil, 128), 1024)
}
func BenchmarkKWP32(b *testing.B) { bench(b, beginKWP, mech.Encrypt, nil, 32) }

func BenchmarkCCM1K(b *testing.B) {
	p := encode(func(w *wire.Writer) { w.U64(1024); w.Bytes(make([]byte, 12)); w.Bytes(nil); w.U64(16) })
	bench(b, beginCCM, mech.Encrypt, p, 1024)
}

func BenchmarkMessageGCM1K(b *testing.B) {
	k, row, p := load(b, make([]byte, 32)).(mech.AEAD), rowOf(b, key.MechAESGCM), gcmMsg(make([]byte, 12), 0, random, 128)
	in := make([]byte, 1024)
	b.SetBytes(1024)
	for b.Loop() {
		if _, _, _, err := k.SealMessage(row, p, nil, in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is what a key costs in strict mode before it is used; with GCM its tables come on top.
func BenchmarkParse(b *testing.B) {
	m := mech.Material{Type: key.TypeAES, Secret: make([]byte, 32)}
	for b.Loop() {
		parse(m, false)
	}
}
