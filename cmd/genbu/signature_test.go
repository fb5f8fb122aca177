// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

func TestSignaturesInDERAreThoseOfGo(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := make([]byte, 64)
	for range 50 { // some with leading zeros
		rand.Read(digest)
		der, err := ecdsa.SignASN1(rand.Reader, k, digest)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := rawSignature(der, 66)
		if err != nil {
			t.Fatal(err)
		}
		again, err := derSignature(raw)
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("%x became %x: %v", der, again, err)
		}
	}
}

func TestSignaturesThatAreNotOfTheCurveAreRefused(t *testing.T) {
	for what, text := range map[string]string{
		"empty":              "",
		"trailing byte":      "300602010102010100",
		"negative":           "30060201ff020101",
		"too long for P-256": "3026022101" + hex.EncodeToString(make([]byte, 32)) + "020101",
		"one number":         "3003020101",
		"not minimal":        "300702020001020101",
	} {
		der, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := rawSignature(der, 32); err == nil {
			t.Errorf("%s: taken as %x", what, raw)
		}
	}
}

func FuzzRawSignature(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Add([]byte{0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0xff})
	f.Fuzz(func(t *testing.T, der []byte) {
		raw, err := rawSignature(der, 32)
		if err != nil {
			return
		}
		if again, err := derSignature(raw); err != nil || !bytes.Equal(again, der) {
			t.Errorf("%x was taken, but is %x", der, again)
		}
	})
}

func TestEveryTypeThatSignsHasAMechanismOfItsOwn(t *testing.T) {
	for _, sp := range specs {
		o := client.Summary{Type: sp.typ, Bits: sp.size, Class: key.ClassPrivate}
		if !sp.pair {
			o.Bits = 8 * sp.size
		}
		oid, err := hex.DecodeString(sp.oid)
		if err != nil {
			t.Fatal(err)
		}
		if found := specOf(o, oid); found == nil || found.name != sp.name {
			t.Errorf("%s is not recognized again", sp.name)
			continue
		}
		m, err := (&how{}).mechanism(o, oid)
		if (err == nil) != (sp.sign != 0) || err == nil && m.ID != sp.sign {
			t.Errorf("%s signs with %#x: %v", sp.name, uint64(m.ID), err)
		}
	}
}
