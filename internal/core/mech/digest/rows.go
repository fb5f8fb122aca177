// SPDX-License-Identifier: Apache-2.0

// Package digest is the family of digests without a key: SHA-1, SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202), PKCS #11 3.2
// sections 6.19 to 6.27. A running digest can be saved and restored (C_GetOperationState), and copied for a fork.
//
// SHA-1 is not part of Go's FIPS module and is not approved.
package digest

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/key"
)

// Family is the family of digests. It parses no keys.
var Family = mech.Family{Name: "DIGEST", SelfTests: selfTests(), Rows: rows()}

// digests lists the mechanisms, with the digest of "abc" that NIST publishes beside FIPS 180-4 and FIPS 202.
var digests = []struct {
	id   key.Hash
	name string
	abc  string
}{
	{key.MechSHA1, "SHA_1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{key.MechSHA224, "SHA224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
	{key.MechSHA256, "SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{key.MechSHA384, "SHA384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
	{key.MechSHA512, "SHA512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{key.MechSHA3224, "SHA3_224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
	{key.MechSHA3256, "SHA3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
	{key.MechSHA3384, "SHA3_384", "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25"},
	{key.MechSHA3512, "SHA3_512", "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e" +
		"10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
}

func rows() []mech.Row {
	var all []mech.Row
	for _, d := range digests {
		approved := d.id != key.MechSHA1
		all = append(all, mech.Row{
			ID: d.id, Name: d.name, Flags: key.CanDigest, Family: "DIGEST",
			Approved: func(mech.Use, mech.Key, mech.Params, int) bool { return approved },
			Begin: func(_ mech.Use, _ mech.Key, p mech.Params) (mech.Op, error) {
				if err := mech.NoParams(p); err != nil {
					return nil, err
				}
				return begin(d.id)
			},
		})
	}
	return all
}
