// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"time"
)

// floorLine is what Go's cryptography needs alone, in this process, with a parsed key: no door can be faster.
type floorLine struct {
	Op   string  `json:"op"`
	Best float64 `json:"best_us"`
	P50  float64 `json:"p50_us"`
}

func floor() (all []floorLine) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	pair, _ := rsa.GenerateKey(rand.Reader, 2048)
	secret := make([]byte, 32)
	rand.Read(secret)
	block, _ := aes.NewCipher(secret)
	gcm, _ := cipher.NewGCM(block)
	kib, out := make([]byte, 1024), make([]byte, 0, 2048)
	for _, f := range []struct {
		op string
		do func()
	}{
		{"p256-sign", func() { ecdsa.SignASN1(rand.Reader, p256, secret) }},
		{"p384-sign", func() { ecdsa.SignASN1(rand.Reader, p384, kib[:48]) }},
		{"ed25519-sign", func() { ed25519.Sign(ed, secret) }},
		{"rsa2048-sign", func() { rsa.SignPKCS1v15(nil, pair, crypto.SHA256, secret) }},
		{"aes256-gcm-1k", func() { gcm.Seal(out, secret[:12], kib, nil) }},
		{"hmac-sha256-1k", func() { m := hmac.New(sha256.New, secret); m.Write(kib); m.Sum(out) }},
	} {
		all = append(all, alone(f.op, f.do))
	}
	return all
}

// alone measures batches of about a millisecond for a fifth of a second.
func alone(op string, do func()) floorLine {
	batch := 1
	for {
		start := time.Now()
		for range batch {
			do()
		}
		if time.Since(start) > time.Millisecond {
			break
		}
		batch *= 2
	}
	var took []float64
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		start := time.Now()
		for range batch {
			do()
		}
		took = append(took, float64(time.Since(start).Nanoseconds())/1000/float64(batch))
	}
	return floorLine{op, slices.Min(took), quantile(took, 0.5)}
}
