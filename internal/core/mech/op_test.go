// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
)

func TestCollectedInputIsClearedWhenTheOperationEnds(t *testing.T) {
	var seen []byte
	op := Collect(64, fault.DataLength, func(all []byte) ([]byte, error) {
		seen = all
		return bytes.Clone(all), nil
	})
	for range 8 {
		if _, err := op.Update(nil, []byte("12345678")); err != nil {
			t.Fatal(err)
		}
	}
	out, err := op.Final([]byte("head:"))
	if err != nil || !bytes.HasPrefix(out, []byte("head:12345678")) || len(out) != 69 {
		t.Fatalf("final: %q, %v", out, err)
	}
	if !bytes.Equal(seen, make([]byte, 64)) {
		t.Error("the gathered input outlives the operation")
	}
}

func TestCollectRefusesInputBeyondItsLimit(t *testing.T) {
	op := Collect(10, fault.EncryptedDataLength, nil)
	if _, err := op.Update(nil, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if _, err := op.Update(nil, []byte{1}); fault.Of(err) != fault.EncryptedDataLength {
		t.Errorf("eleventh byte: %v", err)
	}
}

func TestHashSignSeesOneDigestOfAllParts(t *testing.T) {
	want := sha256.Sum256([]byte("two parts"))
	op := HashSign(sha256.New(), func(digest []byte) ([]byte, error) { return digest, nil })
	op.Update(nil, []byte("two "))
	op.Update(nil, []byte("parts"))
	if got, err := op.Final(nil); err != nil || !bytes.Equal(got, want[:]) {
		t.Errorf("digest %x, %v", got, err)
	}
}
