// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func testPrivate(t testing.TB) *rsaKey {
	t.Helper()
	k, _, err := katKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The decoys were computed by OpenSSL 4.0 for the key of the self-test and the ciphertext 00 | 255 times one byte.
func TestDecoysAreTheOnesOfOpenSSL(t *testing.T) {
	k := testPrivate(t)
	for _, want := range []struct {
		fill   byte
		length int
		digest string
	}{
		{0x1, 138, "0097039b5a99e2cc040be38ea3833f26538573c2db0a508c583458c108a70e9b"},
		{0x2, 242, "acf7bbe750172291e7153b774f1a0f3fd151bd7a262eb3b8cd80fe090d6f302c"},
		{0x3, 226, "91bd48290abf21393a3d7d6ae21a57bce8d4baa3ec1750e6918399a933d303bf"},
		{0x4, 135, "54abfb58f4c8573520b85671307416bd94fc6791f67ca93bb82161d6aef6b447"},
		{0x5, 127, "aec326d68a42c1b4bfe6359e2449269d24ae5cccd59a39c7bff0ccbb001bbb5c"},
		{0x42, 180, "7f857120b29fcff53cf1ce3404b2937252c3a486b5171726a09edf10ad83286a"},
	} {
		c := bytes.Repeat([]byte{want.fill}, k.size())
		c[0] = 0
		m, err := once(row(t, key.MechRSAPKCS), mech.Decrypt, k, nil, c)
		if err != nil {
			t.Fatal(err)
		}
		if d := sha256.Sum256(m); len(m) != want.length || hex.EncodeToString(d[:]) != want.digest {
			t.Errorf("fill %#x: decoy of %d bytes, digest %x", want.fill, len(m), d)
		}
	}
}

func TestEncryptedMessagesComeBack(t *testing.T) {
	k := testPrivate(t)
	for name, c := range map[string]struct {
		id  key.Mechanism
		p   mech.Params
		max int
	}{
		"RSA_PKCS":                 {key.MechRSAPKCS, nil, 245},
		"OAEP SHA-1":               {key.MechRSAOAEP, oaepParam(key.MechSHA1, key.MGF1SHA1, nil), 214},
		"OAEP SHA-256 with label":  {key.MechRSAOAEP, oaepParam(key.MechSHA256, key.MGF1SHA256, []byte("label")), 190},
		"OAEP SHA-512 MGF SHA3":    {key.MechRSAOAEP, oaepParam(key.MechSHA512, key.MGF1SHA3256, nil), 126},
		"OAEP SHA3-384 MGF SHA224": {key.MechRSAOAEP, oaepParam(key.MechSHA3384, key.MGF1SHA224, nil), 158},
	} {
		for _, n := range []int{0, 1, c.max} {
			m := bytes.Repeat([]byte{0xA5}, n)
			ct, err := once(row(t, c.id), mech.Encrypt, k, c.p, m)
			if err != nil {
				t.Fatalf("%s: encrypt %d bytes: %v", name, n, err)
			}
			got, err := once(row(t, c.id), mech.Decrypt, k, c.p, ct)
			if err != nil || !bytes.Equal(got, m) {
				t.Errorf("%s: %d bytes came back as %d, %v", name, n, len(got), err)
			}
		}
		if _, err := once(row(t, c.id), mech.Encrypt, k, c.p, make([]byte, c.max+1)); fault.Of(err) != fault.DataLength {
			t.Errorf("%s: %d bytes: %v", name, c.max+1, err)
		}
	}
}

func TestRawOperationsAreInverse(t *testing.T) {
	k := testPrivate(t)
	r := row(t, key.MechRSAX509)
	m := []byte("shorter than the modulus")
	ct, err := once(r, mech.Encrypt, k, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := once(r, mech.Decrypt, k, nil, ct)
	if err != nil || !bytes.Equal(got, leftPad(m, 256)) {
		t.Errorf("decrypt: %x, %v", got, err)
	}
	sig, err := once(r, mech.Sign, k, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(r, k, nil, m, sig); err != nil {
		t.Errorf("verify: %v", err)
	}
	sig[7] ^= 1
	if err := verify(r, k, nil, m, sig); fault.Of(err) != fault.SignatureInvalid {
		t.Errorf("verify a changed signature: %v", err)
	}
	n := k.pub.N.FillBytes(make([]byte, 256))
	if _, err := once(r, mech.Sign, k, nil, n); fault.Of(err) != fault.DataInvalid {
		t.Errorf("sign the modulus: %v", err)
	}
	if _, err := once(r, mech.Decrypt, k, nil, n); fault.Of(err) != fault.EncryptedDataInvalid {
		t.Errorf("decrypt the modulus: %v", err)
	}
}

// The raw engine is compared with plain exponentiation, at the ends of the range as well.
func TestRawEqualsPlainExponentiation(t *testing.T) {
	k := testPrivate(t)
	std := k.priv.(*standard).k
	one := big.NewInt(1)
	for _, c := range []*big.Int{big.NewInt(0), one, big.NewInt(2), std.Primes[0], std.Primes[1],
		new(big.Int).Sub(std.N, one), new(big.Int).SetBytes(mech.Hex(katSignSig))} {
		got, err := k.priv.raw(c.FillBytes(make([]byte, k.size())))
		if err != nil {
			t.Fatal(err)
		}
		if want := new(big.Int).Exp(c, std.D, std.N); new(big.Int).SetBytes(got).Cmp(want) != 0 {
			t.Errorf("raw(%x) is wrong", c)
		}
	}
}

func TestPSSOfEveryShapeVerifies(t *testing.T) {
	k := testPrivate(t)
	for _, c := range []struct {
		hash key.Hash
		mgf  key.MGF
		salt uint64
	}{
		{key.MechSHA256, key.MGF1SHA256, 32}, {key.MechSHA256, key.MGF1SHA256, 0}, {key.MechSHA1, key.MGF1SHA512, 7},
		{key.MechSHA512, key.MGF1SHA1, 190}, {key.MechSHA3256, key.MGF1SHA3256, 1}, {key.MechSHA3512, key.MGF1SHA224, 20},
	} {
		p := pssParam(c.hash, c.mgf, c.salt)
		r := hashedRow(t, c.hash, true)
		sig, err := once(r, mech.Sign, k, p, []byte("message"))
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if err := verify(r, k, p, []byte("message"), sig); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if err := verify(r, k, pssParam(c.hash, c.mgf, c.salt+1), []byte("message"), sig); err == nil {
			t.Errorf("%+v: verified with another salt length", c)
		}
		if err := verify(r, k, p, []byte("massage"), sig); fault.Of(err) != fault.SignatureInvalid {
			t.Errorf("%+v: another message: %v", c, err)
		}
	}
	if _, err := once(row(t, key.MechSHA512RSAPSS), mech.Sign, k, pssParam(key.MechSHA512, key.MGF1SHA1, 191), nil); fault.Of(err) != fault.KeySize {
		t.Errorf("salt longer than the modulus has room: %v", err)
	}
	if _, err := row(t, key.MechSHA256RSAPSS).Begin(mech.Sign, k, pssParam(key.MechSHA512, key.MGF1SHA512, 64)); fault.Of(err) != fault.MechanismParamInvalid {
		t.Errorf("another digest in the parameter: %v", err)
	}
}

func TestRSAAESWrapsKeysOfAnyLength(t *testing.T) {
	k := testPrivate(t)
	r := row(t, key.MechRSAAESKeyWrap)
	for _, bits := range []uint64{128, 192, 256} {
		var w wire.Writer
		w.U64(bits)
		w.Raw(oaepParam(key.MechSHA256, key.MGF1SHA1, []byte("l")))
		for _, n := range []int{1, 8, 16, 33, 1190} {
			plain := bytes.Repeat([]byte{7}, n)
			wrapped, err := r.WrapBytes(k, w.B, plain)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.UnwrapBytes(k, w.B, wrapped)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bits, %d bytes: %v", bits, n, err)
			}
			for _, at := range []int{3, 300, len(wrapped) - 1} {
				if at >= len(wrapped) {
					continue
				}
				bad := bytes.Clone(wrapped)
				bad[at] ^= 1
				if _, err := r.UnwrapBytes(k, w.B, bad); fault.Of(err) != fault.WrappedKeyInvalid {
					t.Errorf("byte %d changed: %v", at, err)
				}
			}
		}
		if _, err := r.UnwrapBytes(k, w.B, make([]byte, 256+15)); fault.Of(err) != fault.WrappedKeyLength {
			t.Errorf("short: %v", err)
		}
	}
}

func TestGeneratedPairsWorkAndPassImport(t *testing.T) {
	r := row(t, key.MechRSAKeyPairGen)
	m, err := r.Generate(mech.GenSpec{Type: key.TypeRSA, Bits: 2048, Exponent: []byte{0, 1, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(m, true); err != nil {
		t.Errorf("import: %v", err)
	}
	if err := pairwise(m); err != nil {
		t.Error(err)
	}
	pub, err := publicOf(m)
	if err != nil || !bytes.Equal(pub.Public, m.Public) {
		t.Errorf("public half: %v", err)
	}
	other := mech.Material{Type: key.TypeRSA, Public: m.Public, Secret: mech.Hex(katSignKey)}
	if _, err := parse(other, true); fault.Of(err) != fault.AttributeValueInvalid {
		t.Errorf("halves of two keys: %v", err)
	}
	if err := pairwise(other); fault.Of(err) != fault.PairwiseFailed {
		t.Errorf("pairwise of halves of two keys: %v", err)
	}
	for _, spec := range []mech.GenSpec{{Bits: 1024}, {Bits: 2047}, {Bits: 2052}, {Bits: 8200}} {
		if _, err := r.Generate(spec); fault.Of(err) != fault.KeySize {
			t.Errorf("%d bits: %v", spec.Bits, err)
		}
	}
	if _, err := r.Generate(mech.GenSpec{Bits: 2048, Exponent: []byte{3}}); fault.Of(err) != fault.AttributeValueInvalid {
		t.Errorf("exponent 3: %v", err)
	}
}

func TestImportRefusesCompositePrimes(t *testing.T) {
	k := testPrivate(t).priv.(*standard).k
	k.Primes[0] = new(big.Int).Mul(big.NewInt(3), big.NewInt(5))
	if err := checkPair(k, nil); fault.Of(err) != fault.AttributeValueInvalid {
		t.Errorf("composite prime: %v", err)
	}
}

func TestEachSelfTestCanFail(t *testing.T) {
	for _, s := range selfTests {
		if err := s.Run(false); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err := s.Run(true); fault.Of(err) != fault.SelfTestFailed {
			t.Errorf("%s: broken, and answers %v", s.Name, err)
		}
	}
}

func TestApprovedIsWhatTheStandardsSay(t *testing.T) {
	k := testPrivate(t)
	for _, c := range []struct {
		id   key.Mechanism
		p    mech.Params
		want bool
	}{
		{key.MechSHA256RSAPKCS, nil, true}, {key.MechSHA1RSAPKCS, nil, false}, {key.MechRSAPKCS, nil, false},
		{key.MechRSAX509, nil, false}, {key.MechSHA3512RSAPKCS, nil, true},
		{key.MechRSAPSS, pssParam(key.MechSHA256, key.MGF1SHA256, 32), true},
		{key.MechRSAPSS, pssParam(key.MechSHA256, key.MGF1SHA256, 33), false},
		{key.MechRSAPSS, pssParam(key.MechSHA256, key.MGF1SHA384, 32), false},
		{key.MechRSAOAEP, oaepParam(key.MechSHA256, key.MGF1SHA256, nil), true},
		{key.MechRSAOAEP, oaepParam(key.MechSHA256, key.MGF1SHA1, nil), false},
	} {
		if got := row(t, c.id).Approved(mech.Sign, k, c.p, 0); got != c.want {
			t.Errorf("%s: approved %v", row(t, c.id).Name, got)
		}
	}
	if gen := row(t, key.MechRSAKeyPairGen); !gen.Approved(mech.Generate, nil, nil, 2048) {
		t.Error("generation of 2048 bits is not approved")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(mech.Hex(katSignKey), true)
	f.Add(mech.Hex(katPSSKey), false)
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00}, true)
	f.Fuzz(func(t *testing.T, der []byte, secret bool) {
		m := mech.Material{Type: key.TypeRSA, Public: der}
		if secret {
			m = mech.Material{Type: key.TypeRSA, Secret: der}
		}
		if k, err := parse(m, false); err == nil && (k.Bits() < minPublicBits || k.Bits() > maxBits) {
			t.Errorf("accepted %d bits", k.Bits())
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add([]byte(pssParam(key.MechSHA256, key.MGF1SHA256, 32)))
	f.Add([]byte(oaepParam(key.MechSHA256, key.MGF1SHA1, []byte("l"))))
	f.Fuzz(func(t *testing.T, p []byte) {
		if o, err := decodeOAEP(p); err == nil && (!o.hash.Available() || !o.mgf.Available()) {
			t.Error("oaep digest without implementation")
		}
		if s, err := decodePSS(p); err == nil && (!s.hash.Available() || s.salt < 0) {
			t.Error("pss digest without implementation")
		}
		decodeWrap(p)
	})
}

func BenchmarkSign(b *testing.B) {
	m := mech.Material{Type: key.TypeRSA, Secret: mech.Hex(katSignKey)}
	r := row(b, key.MechSHA256RSAPKCS)
	b.Run("RSA-2048/fast", func(b *testing.B) {
		k := testPrivate(b)
		for b.Loop() {
			if _, err := once(r, mech.Sign, k, nil, []byte("m")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("RSA-2048/strict", func(b *testing.B) {
		for b.Loop() {
			ssp.Do(func() {
				k, err := parse(m, false)
				if err == nil {
					_, err = once(r, mech.Sign, k, nil, []byte("m"))
				}
				if err != nil {
					b.Fatal(err)
				}
			})
		}
	})
	b.Run("RSA-2048 raw/fast", func(b *testing.B) {
		k := testPrivate(b)
		for b.Loop() {
			if _, err := once(row(b, key.MechRSAX509), mech.Sign, k, nil, []byte("m")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
