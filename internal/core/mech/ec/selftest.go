// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"crypto"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// selfTests are the CASTs of FIPS 140-3 IG 10.3.A.
var selfTests = []mech.SelfTest{
	{Name: "ECDSA sign, P-256, SHA-256", Run: castSign},
	{Name: "ECDSA verify, P-256, SHA-256", Run: castVerify},
	{Name: "ECDSA sign, secp256k1, SHA-256", Run: castKoblitzSign},
	{Name: "ECDSA verify, secp256k1, SHA-256", Run: castKoblitzVerify},
	{Name: "ECDH, P-256", Run: castDH},
	{Name: "ECDH, P-224", Run: castLegacyDH},
	{Name: "ECDH, secp256k1", Run: castKoblitzDH},
	{Name: "X9.63 KDF, SHA-256", Run: castKDF},
}

// RFC 6979 appendix A.2.5: P-256, SHA-256, message "sample".
const (
	katKey    = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
	katPoint  = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
	katSample = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)

// The vector for secp256k1 with the nonce of RFC 6979 that Bitcoin's libraries share: key 1, message "Satoshi Nakamoto".
const (
	katOne     = "0000000000000000000000000000000000000000000000000000000000000001"
	katSatoshi = "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
)

// castSign uses the deterministic nonce of RFC 6979, behind which lies the same signing code as behind a random one.
func castSign(broken bool) error {
	k, err := katParse("P-256", katKey, katPoint)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("sample"))
	nk := k.(*nistKey)
	der, err := nk.priv.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	sig, err := nk.join(der)
	return compare(sig, err, katSample, broken)
}

func castVerify(broken bool) error {
	k, err := katParse("P-256", "", katPoint)
	return verifyKAT(k, err, "sample", katSample, broken)
}

func castKoblitzSign(broken bool) error {
	k, err := katParse("secp256k1", katOne, "")
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("Satoshi Nakamoto"))
	kk := k.(*koblitzKey)
	return compare(kk.signWith(kk.nonce(digest[:], nil), digest[:]), nil, katSatoshi, broken)
}

func castKoblitzVerify(broken bool) error {
	k, err := katParse("secp256k1", katOne, "")
	return verifyKAT(k, err, "Satoshi Nakamoto", katSatoshi, broken)
}

// dhVector is one case of C2SP/Wycheproof testvectors_v1 (Apache-2.0).
type dhVector struct{ private, public, shared string }

var (
	katDH = dhVector{ // ecdh_secp256r1_ecpoint_test.json, tcId 1
		private: "0612465c89a023ab17855b0a6bcebfd3febb53aef84138647b5352e02c10c346",
		public:  "0462d5bd3372af75fe85a040715d0f502428e07046868b0bfdfa61d731afe44f26ac333a93a9e70a81cd5a95b5bf8d13990eb741c8c38872b4a07d275a014e30cf",
		shared:  "53020d908b0219328b658b525f26780e3ae12bcd952bb25a93bc0895e1714285",
	}
	katLegacyDH = dhVector{ // ecdh_secp224r1_ecpoint_test.json, tcId 1
		private: "565577a49415ca761a0322ad54e4ad0ae7625174baf372c2816f5328",
		public:  "047d8ac211e1228eb094e285a957d9912e93deee433ed777440ae9fc719b01d050dfbe653e72f39491be87fb1a2742daa6e0a2aada98bb1aca",
		shared:  "b8ecdb552d39228ee332bafe4886dbff272f7109edf933bc7542bd4f",
	}
	katKoblitzDH = dhVector{ // ecdh_secp256k1_test.json, tcId 1
		private: "f4b7ff7cccc98813a69fae3df222bfe3f4e28f764bf91b4a10d8096ce446b254",
		public:  "04d8096af8a11e0b80037e1ee68246b5dcbb0aeb1cf1244fd767db80f3fa27da2b396812ea1686e7472e9692eaf3e958e50e9500d3b4c77243db1f2acd67ba9cc4",
		shared:  "544dfae22af6af939042b1d85b71a1e49e9a5614123c4d6ad0c8af65baf87d65",
	}
)

func castDH(broken bool) error       { return castAgree("P-256", katDH, broken) }
func castLegacyDH(broken bool) error { return castAgree("P-224", katLegacyDH, broken) }
func castKoblitzDH(broken bool) error {
	return castAgree("secp256k1", katKoblitzDH, broken)
}

func castAgree(curve string, v dhVector, broken bool) error {
	k, err := katParse(curve, v.private, "")
	if err != nil {
		return err
	}
	z, err := k.DH(mech.Hex(v.public))
	return compare(z, err, v.shared, broken)
}

// castKDF is NIST CAVS, component testing of ANS X9.63, SHA-256 without shared data, count 0.
func castKDF(broken bool) error {
	z := mech.Hex("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08")
	out, err := x963(ecdhParams{hash: key.MechSHA256}, z, 16)
	return compare(out, err, "443024c3dae66b95e6f5670601558f71", broken)
}

func katParse(name, secret, public string) (ecKey, error) {
	m := mech.Material{Type: key.TypeEC}
	for _, c := range curves {
		if c.name == name {
			m.Params = c.oid
		}
	}
	if secret != "" {
		m.Secret = mech.Hex(secret)
	}
	if public != "" {
		m.Public = mech.Hex(public)
	}
	k, err := parse(m, false)
	if err != nil {
		return nil, err
	}
	return k.(ecKey), nil
}

func verifyKAT(k ecKey, err error, msg, sig string, broken bool) error {
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(msg))
	if broken {
		digest[31] ^= 1
	}
	if check(k, digest[:], mech.Hex(sig)) != nil {
		return fault.SelfTestFailed.At("ecdsa known answer")
	}
	return nil
}

func compare(got []byte, err error, want string, broken bool) error {
	if err != nil {
		return err
	}
	return mech.KnownAnswer(broken, got, mech.Hex(want))
}
