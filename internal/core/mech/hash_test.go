// SPDX-License-Identifier: Apache-2.0

package mech_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Digests of "abc": FIPS 180-4 and FIPS 202 example values published by NIST.
var abc = []struct {
	hash key.Hash
	want string
}{
	{key.MechSHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{key.MechSHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
	{key.MechSHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{key.MechSHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
	{key.MechSHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{key.MechSHA3224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
	{key.MechSHA3256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
	{key.MechSHA3384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"},
	{key.MechSHA3512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
}

func TestEveryNumberNamesItsDigest(t *testing.T) {
	for _, c := range abc {
		newHash, err := mech.NewHash(c.hash)
		if err != nil {
			t.Fatal(err)
		}
		h := newHash()
		h.Write([]byte("abc"))
		if got := hex.EncodeToString(h.Sum(nil)); got != c.want {
			t.Errorf("%#x: got %s", uint64(c.hash), got)
		}
		ch, err := mech.CryptoHash(c.hash)
		if err != nil {
			t.Fatal(err)
		}
		g := ch.New()
		g.Write([]byte("abc"))
		if got := hex.EncodeToString(g.Sum(nil)); got != c.want {
			t.Errorf("crypto.Hash of %#x: got %s", uint64(c.hash), got)
		}
	}
}

func TestEveryMGFNamesItsDigest(t *testing.T) {
	want := map[key.MGF]key.Hash{
		1: 0x220, 2: 0x250, 3: 0x260, 4: 0x270, 5: 0x255, 6: 0x2B5, 7: 0x2B0, 8: 0x2C0, 9: 0x2D0,
	}
	for m := key.MGF(0); m < 20; m++ {
		got, err := mech.MGFHash(m)
		if h, ok := want[m]; ok != (err == nil) || got != h {
			t.Errorf("MGF %d: got %#x, %v", m, uint64(got), err)
		}
	}
}

func TestAnUnknownDigestIsABadParameter(t *testing.T) {
	if _, err := mech.NewHash(0x210); !errors.Is(err, fault.MechanismParamInvalid) { // MD5
		t.Error(err)
	}
	if _, err := mech.CryptoHash(0); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Error(err)
	}
}

func TestARunningDigestCanBeCopiedWhicheverModuleMadeIt(t *testing.T) {
	for _, c := range abc {
		newHash, err := mech.NewHash(c.hash)
		if err != nil {
			t.Fatal(err)
		}
		h := newHash()
		h.Write([]byte("a"))
		d, err := mech.CloneHash(h)
		if err != nil {
			t.Errorf("%#x: %v", uint64(c.hash), err)
			continue
		}
		h.Write([]byte("something else"))
		d.Write([]byte("bc"))
		if got := hex.EncodeToString(d.Sum(nil)); got != c.want {
			t.Errorf("%#x: got %s", uint64(c.hash), got)
		}
	}
}
