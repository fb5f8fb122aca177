// SPDX-License-Identifier: Apache-2.0

package mldsa

import "github.com/genbu-hsm/genbu/key"

// From C2SP/Wycheproof testvectors_v1 (Apache-2.0).
var (
	kat44 = kat{ // mldsa_44_sign_seed_test.json, tcId 3
		set: key.MLDSA44, seed: "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
		msg: "48656c6c6f20776f726c64", context: "436f6e74657874",
		sigDigest: "17749906eeb78bc6c57e549c237b4d2a27a011edac02bd1ad7e6534795e8ceff",
	}
	kat65 = kat{ // mldsa_65_sign_seed_test.json, tcId 3
		set: key.MLDSA65, seed: "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
		msg: "48656c6c6f20776f726c64", context: "436f6e74657874",
		sigDigest: "c32dd9c1fdb53c049ebb75d98604d27593e32f5da2b1201c9289692de6ebea2e",
	}
	kat87 = kat{ // mldsa_87_sign_seed_test.json, tcId 3
		set: key.MLDSA87, seed: "2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
		msg: "48656c6c6f20776f726c64", context: "436f6e74657874",
		sigDigest: "94d379ab53588db6ecd6789dacb30795d1a1e227775f23b4c401149604376ea2",
	}
)

// From post-quantum-cryptography/KAT (MIT), files kat_MLDSA_*_det_hashed.rsp, by Krzysztof Kwiatkowski.
var (
	hashed44 = kat{set: key.MLDSA44, hash: key.MechSHA256, seed: "f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68",
		msg: "6dbbc4375136df3b07f7c70e639e223e", context: "480c658c0cb3e040bde084345cef0df7",
		sigDigest: "d21e1f9b583283dff54edc5726c2ff17236c8aeb336df3e6ba777abd1eca4473"}
	hashed65 = kat{set: key.MLDSA65, hash: key.MechSHA384, seed: "f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68",
		msg: "6dbbc4375136df3b07f7c70e639e223e", context: "480c658c0cb3e040bde084345cef0df7",
		sigDigest: "32f1c9d1c18dec09324b44c29c4b94ea54ef56cf53f9668cdc2d94597a9c37d4"}
	hashed87 = kat{set: key.MLDSA87, hash: key.MechSHA512, seed: "f696484048ec21f96cf50a56d0759c448f3779752f0383d37449690694cf7a68",
		msg: "6dbbc4375136df3b07f7c70e639e223e", context: "480c658c0cb3e040bde084345cef0df7",
		sigDigest: "f7bea6437dfb7ea8fd35e26f541f8f4ca531296adf587d5af8f9efd48875030d"}
)
