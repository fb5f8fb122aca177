// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// One CAST per algorithm (FIPS 140-3 IG 10.3.A), in both directions, through the code that serves the rows.
var selfTests = []mech.SelfTest{
	// FIPS 197 appendix C.3
	{Name: "AES-ECB", Run: castCipher(beginECB, nil, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089")},
	// SP 800-38A appendix F.2.5
	{Name: "AES-CBC", Run: castCipher(beginCBC, bytesParam("000102030405060708090a0b0c0d0e0f"),
		"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
		"f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d")},
	// SP 800-38A appendix F.5.5
	{Name: "AES-CTR", Run: castCipher(beginCTR, ctrParam("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
		"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
		"601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5")},
	// The GCM submission to NIST (McGrew, Viega), test case 16
	{Name: "AES-GCM", Run: castCipher(beginGCM, gcmParam("cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2"),
		"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"+
			"76fc6ece0f4e1768cddf8853bb2d551b")},
	// SP 800-38C appendix C.1
	{Name: "AES-CCM", Run: castCipher(beginCCM, ccmParam(4, "10111213141516", "0001020304050607", 4),
		"404142434445464748494a4b4c4d4e4f", "20212223", "7162015b4dac255d")},
	// RFC 4493 section 4, example 3
	{Name: "AES-CMAC", Run: castMAC(signCMAC, verifyCMAC, nil, "2b7e151628aed2a6abf7158809cf4f3c",
		"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411", "dfa66747de9ae63030ca32611497c827")},
	// NIST CAVP gcmEncryptExtIV128, text length 0, additional data of 128 bits, count 0
	{Name: "AES-GMAC", Run: castMAC(signGMAC, verifyGMAC, gcmParam("e0e00f19fed7ba0136a797f3", ""), "77be63708971c4e240d1cb79e8d77feb",
		"7a43ec1d9c0a5a78a0b16533a6213cab", "209fcc8d3675ed938e9c7166709dd946")},
	// RFC 3394 section 4.6
	{Name: "AES-KW", Run: castCipher(beginKW, nil, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
		"28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21")},
	// RFC 5649 section 6
	{Name: "AES-KWP", Run: castCipher(beginKWP, nil, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
		"c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")},
}

func bytesParam(s string) mech.Params {
	var w wire.Writer
	w.Bytes(mech.Hex(s))
	return w.B
}

func ctrParam(block string) mech.Params {
	var w wire.Writer
	w.U64(128)
	w.Bytes(mech.Hex(block))
	return w.B
}

func gcmParam(iv, aad string) mech.Params {
	var w wire.Writer
	w.Bytes(mech.Hex(iv))
	w.U64(0)
	w.Bytes(mech.Hex(aad))
	w.U64(128)
	return w.B
}

func ccmParam(dataLen uint64, nonce, aad string, macLen uint64) mech.Params {
	var w wire.Writer
	w.U64(dataLen)
	w.Bytes(mech.Hex(nonce))
	w.Bytes(mech.Hex(aad))
	w.U64(macLen)
	return w.B
}

func castCipher(begin beginner, p mech.Params, secret, plain, ct string) func(bool) error {
	return func(broken bool) error {
		k, err := parse(mech.Material{Type: key.TypeAES, Secret: mech.Hex(secret)}, true)
		if err != nil {
			return err
		}
		for _, way := range []struct {
			use      mech.Use
			in, want string
		}{{mech.Encrypt, plain, ct}, {mech.Decrypt, ct, plain}} {
			op, err := begin(way.use, k, p)
			if err != nil {
				return err
			}
			got, err := mech.OneShot(op, nil, mech.Hex(way.in))
			if err != nil {
				return fault.SelfTestFailed.At("run cipher")
			}
			if err := mech.KnownAnswer(broken, got, mech.Hex(way.want)); err != nil {
				return err
			}
		}
		return nil
	}
}

func castMAC(begin beginner, verify func(mech.Key, mech.Params) (mech.Verifier, error), p mech.Params, secret, data, mac string) func(bool) error {
	return func(broken bool) error {
		k, err := parse(mech.Material{Type: key.TypeAES, Secret: mech.Hex(secret)}, true)
		if err != nil {
			return err
		}
		op, err := begin(mech.Sign, k, p)
		if err != nil {
			return err
		}
		got, err := mech.OneShot(op, nil, mech.Hex(data))
		if err != nil {
			return err
		}
		if err := mech.KnownAnswer(broken, got, mech.Hex(mac)); err != nil {
			return err
		}
		v, err := verify(k, p)
		if err != nil {
			return err
		}
		if _, err := v.Update(nil, mech.Hex(data)); err != nil {
			return err
		}
		return v.Verify(got)
	}
}
