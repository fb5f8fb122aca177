// SPDX-License-Identifier: Apache-2.0

package des

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func load(t testing.TB, secret []byte) mech.Key {
	t.Helper()
	k, err := parse(mech.Material{Type: key.TypeDES3, Secret: secret}, true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func iv(b []byte) mech.Params {
	var w wire.Writer
	w.Bytes(b)
	return w.B
}

func TestOldDataOpensAndUnwraps(t *testing.T) {
	k, plain := load(t, mechtest.Bytes(t, exampleKey)), mechtest.Bytes(t, examplePlain)
	for _, c := range []struct {
		row *mech.Row
		p   mech.Params
		ct  string
	}{
		{&Family.Rows[0], nil, exampleECB},
		{&Family.Rows[1], iv(mechtest.Bytes(t, exampleIV)), exampleCBC},
	} {
		op, err := c.row.Begin(mech.Decrypt, k, c.p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := mech.OneShot(op, nil, mechtest.Bytes(t, c.ct)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %x, %v", c.row.Name, got, err)
		}
		if got, err := c.row.UnwrapBytes(k, c.p, mechtest.Bytes(t, c.ct)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s, unwrap: %x, %v", c.row.Name, got, err)
		}
	}
	block, _ := des.NewTripleDESCipher(mechtest.Bytes(t, exampleKey))
	padded := []byte("an old key\x06\x06\x06\x06\x06\x06")
	ct := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, make([]byte, 8)).CryptBlocks(ct, padded)
	pad := &Family.Rows[2]
	if got, err := pad.UnwrapBytes(k, iv(make([]byte, 8)), ct); err != nil || string(got) != "an old key" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := pad.UnwrapBytes(k, iv(make([]byte, 8)), ct[:15]); !errors.Is(err, fault.WrappedKeyLength) {
		t.Errorf("cut: %v", err)
	}
	if _, err := pad.UnwrapBytes(k, iv(make([]byte, 8)), ct[:8]); !errors.Is(err, fault.WrappedKeyInvalid) {
		t.Errorf("without its end: %v", err)
	}
	if _, err := pad.UnwrapBytes(k, iv(make([]byte, 16)), ct); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Errorf("IV of AES: %v", err)
	}
}

func TestNothingNewIsMadeWithDES(t *testing.T) {
	k := load(t, mechtest.Bytes(t, exampleKey))
	for _, r := range Family.Rows {
		if r.Flags != key.CanDecrypt|key.CanUnwrap || r.Generate != nil || r.WrapBytes != nil {
			t.Errorf("%s offers more than opening", r.Name)
		}
		if _, err := r.Begin(mech.Encrypt, k, iv(make([]byte, 8))); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%s encrypts: %v", r.Name, err)
		}
		if r.Approved(mech.Decrypt, k, nil, 0) {
			t.Errorf("%s counts as approved", r.Name)
		}
	}
}

func TestParityIsNotLookedAt(t *testing.T) {
	odd := mechtest.Bytes(t, exampleKey)
	even := bytes.Clone(odd)
	for i := range even {
		even[i] ^= 1
	}
	for _, secret := range [][]byte{odd, even} {
		if got, err := Family.Rows[0].UnwrapBytes(load(t, secret), nil, mechtest.Bytes(t, exampleECB)); err != nil || !bytes.Equal(got, mechtest.Bytes(t, examplePlain)) {
			t.Errorf("%x, %v", got, err)
		}
	}
	for _, n := range []int{0, 8, 16, 23, 25} {
		if _, err := parse(mech.Material{Type: key.TypeDES3, Secret: make([]byte, n)}, true); !errors.Is(err, fault.KeySize) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
}

func BenchmarkOpen1K(b *testing.B) {
	k, in, p := load(b, mechtest.Bytes(b, exampleKey)), make([]byte, 1024), iv(make([]byte, 8))
	b.SetBytes(1024)
	for b.Loop() {
		op, err := beginCBC(mech.Decrypt, k, p)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mech.OneShot(op, nil, in); err != nil {
			b.Fatal(err)
		}
	}
}
