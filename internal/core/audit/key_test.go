// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

func TestKeyIsTheOneOfRFC8032(t *testing.T) {
	seed := []byte("\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60")
	public := []byte("\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a")
	var k *Key
	ssp.Do(func() { k = must(KeyFromSeed(seed)) })
	if !bytes.Equal(k.Public(), public) { // section 7.1, test 1
		t.Errorf("public key %x", k.Public())
	}
	if sig := must(k.Sign(nil)); !bytes.HasPrefix(sig, []byte("\xe5\x56\x43\x00\xc3\x60\xac\x72")) || !ed25519.Verify(public, nil, sig) {
		t.Errorf("signature %x", sig)
	}
	sig := must(k.SignHealth([]byte("challenge")))
	if !ed25519.Verify(public, HealthMessage([]byte("challenge")), sig) || ed25519.Verify(public, []byte("challenge"), sig) {
		t.Error("health signature is not over its prefix")
	}
	_, err := KeyFromSeed(seed[:31])
	wantFault(t, "short seed", err, fault.RecordInvalid)
	drawn := must(NewKey())
	if bytes.Equal(drawn.Public(), must(NewKey()).Public()) || drawn.Seed().Len() != 32 {
		t.Error("two keys are one")
	}
}
