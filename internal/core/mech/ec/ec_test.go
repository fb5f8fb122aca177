// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

func generated(t testing.TB, c *curve) mech.Material {
	t.Helper()
	m, err := row(t, key.MechECKeyPairGen).Generate(mech.GenSpec{Type: key.TypeEC, Params: c.oid})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustParse(t testing.TB, m mech.Material) mech.Key {
	t.Helper()
	k, err := parse(m, false)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestGeneratedPairsSignVerifyAndPassImport(t *testing.T) {
	for _, c := range curves {
		m := generated(t, c)
		if _, err := parse(m, true); err != nil {
			t.Errorf("%s: import: %v", c.name, err)
		}
		if err := pairwise(m); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if pub, err := publicOf(m); err != nil || !bytes.Equal(pub.Public, m.Public) || pub.Secret != nil {
			t.Errorf("%s: public half: %v", c.name, err)
		}
		if len(m.Secret) != c.size || len(m.Public) != 1+2*c.size {
			t.Errorf("%s: lengths %d and %d", c.name, len(m.Secret), len(m.Public))
		}
		k := mustParse(t, m)
		pub := mustParse(t, mech.Material{Type: m.Type, Params: m.Params, Public: m.Public})
		for _, r := range Family.Rows {
			if r.Flags&key.CanSign == 0 {
				continue
			}
			sig, err := once(&r, mech.Sign, k, []byte("message"))
			if err != nil || len(sig) != r.SignLen(k, nil) {
				t.Errorf("%s %s: %d bytes, %v", c.name, r.Name, len(sig), err)
				continue
			}
			if err := verify(&r, pub, []byte("message"), sig); err != nil {
				t.Errorf("%s %s: %v", c.name, r.Name, err)
			}
			sig[3] ^= 1
			if err := verify(&r, pub, []byte("message"), sig); fault.Of(err) != fault.SignatureInvalid {
				t.Errorf("%s %s: changed signature: %v", c.name, r.Name, err)
			}
			if _, err := r.Begin(mech.Sign, pub, nil); fault.Of(err) != fault.KeyTypeMismatch {
				t.Errorf("%s %s: sign with a public key: %v", c.name, r.Name, err)
			}
		}
	}
}

func TestHalvesOfTwoKeysAreRefused(t *testing.T) {
	for _, c := range curves {
		m := generated(t, c)
		m.Public = generated(t, c).Public
		if _, err := parse(m, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("%s: import: %v", c.name, err)
		}
		if err := pairwise(m); fault.Of(err) != fault.PairwiseFailed {
			t.Errorf("%s: pairwise: %v", c.name, err)
		}
	}
}

func TestShortSignaturesVerify(t *testing.T) {
	// Signatures whose r and s both begin with a zero byte are one in 65536; so one is made from RFC 6979's by taking a
	// curve where the leading byte is zero more often: P-521, whose order has one bit in its first byte.
	c := byName(t, "P-521")
	m := generated(t, c)
	k := mustParse(t, m)
	for range 64 {
		sig, err := once(row(t, key.MechECDSASHA512), mech.Sign, k, []byte("m"))
		if err != nil {
			t.Fatal(err)
		}
		if sig[0] != 0 || sig[66] != 0 {
			continue
		}
		short := append(bytes.Clone(sig[1:66]), sig[67:]...)
		if err := verify(row(t, key.MechECDSASHA512), k, []byte("m"), short); err != nil {
			t.Errorf("130 bytes: %v", err)
		}
		for _, bad := range [][]byte{nil, sig[1:], append(bytes.Clone(sig), 0, 0)} {
			if err := verify(row(t, key.MechECDSASHA512), k, []byte("m"), bad); fault.Of(err) != fault.SignatureLength {
				t.Errorf("%d bytes: %v", len(bad), err)
			}
		}
		return
	}
	t.Fatal("no signature with two leading zeroes in 64 tries: the chance of that is 10^-8")
}

func TestImportTakesPrivateValuesOfAnyLength(t *testing.T) {
	for _, c := range curves {
		for _, v := range [][]byte{{7}, append([]byte{0}, bytes.Repeat([]byte{7}, c.size-2)...), append(make([]byte, 3), bytes.Repeat([]byte{0}, c.size-1)...)} {
			v = append(v, 9)
			if _, err := parse(mech.Material{Type: key.TypeEC, Params: c.oid, Secret: v}, true); err != nil {
				t.Errorf("%s: %x: %v", c.name, v, err)
			}
		}
		for _, v := range [][]byte{{}, {0}, make([]byte, c.size), bytes.Repeat([]byte{0xFF}, c.size), bytes.Repeat([]byte{1}, c.size+1)} {
			for _, check := range []bool{true, false} {
				m := mech.Material{Type: key.TypeEC, Params: c.oid, Secret: v, Public: generated(t, c).Public}
				if _, err := parse(m, check); fault.Of(err) != fault.AttributeValueInvalid {
					t.Errorf("%s: %x: %v", c.name, v, err)
				}
			}
		}
	}
}

func TestPointsOffTheCurveAreRefused(t *testing.T) {
	for _, c := range curves {
		m := generated(t, c)
		bad := bytes.Clone(m.Public)
		bad[len(bad)-1] ^= 1
		for _, p := range [][]byte{bad, bad[:20], nil, {0}, append([]byte{2}, bad[1:1+c.size]...)} {
			if _, err := parse(mech.Material{Type: key.TypeEC, Params: c.oid, Public: p}, true); fault.Of(err) != fault.AttributeValueInvalid {
				t.Errorf("%s: public key %x: %v", c.name, p, err)
			}
			if _, err := row(t, key.MechECDH1Derive).Derive(mustParse(t, m), ecdhParam(key.KDFNull, nil, p), 0); fault.Of(err) != fault.MechanismParamInvalid {
				t.Errorf("%s: peer %x: %v", c.name, p, err)
			}
		}
	}
}

func TestBothSidesAgreeOnEveryCurveAndKDF(t *testing.T) {
	for _, c := range curves {
		a, b := generated(t, c), generated(t, c)
		for _, kdf := range []key.KDF{key.KDFNull, key.KDFSHA1, key.KDFSHA224, key.KDFSHA256, key.KDFSHA384, key.KDFSHA512,
			key.KDFSHA3224, key.KDFSHA3256, key.KDFSHA3384, key.KDFSHA3512} {
			var shared []byte
			n := 20
			if kdf != key.KDFNull {
				shared, n = []byte("shared"), 100
			}
			wrapped := append([]byte{4, byte(len(b.Public))}, b.Public...) // DER OCTET STRING
			if len(b.Public) > 127 {
				wrapped = append([]byte{4, 0x81, byte(len(b.Public))}, b.Public...)
			}
			for _, id := range []key.Mechanism{key.MechECDH1Derive, key.MechECDH1Cofactor} {
				x, err1 := row(t, id).Derive(mustParse(t, a), ecdhParam(kdf, shared, wrapped), n)
				y, err2 := row(t, id).Derive(mustParse(t, b), ecdhParam(kdf, shared, a.Public), n)
				if err1 != nil || err2 != nil || !bytes.Equal(x, y) || len(x) != n {
					t.Errorf("%s, kdf %d: %x %x %v %v", c.name, kdf, x, y, err1, err2)
				}
			}
		}
		full, _ := row(t, key.MechECDH1Derive).Derive(mustParse(t, a), ecdhParam(key.KDFNull, nil, b.Public), 0)
		cut, _ := row(t, key.MechECDH1Derive).Derive(mustParse(t, a), ecdhParam(key.KDFNull, nil, b.Public), 16)
		if len(full) != c.size || !bytes.Equal(cut, full[len(full)-16:]) {
			t.Errorf("%s: truncation must take bytes from the leading end", c.name)
		}
		if _, err := row(t, key.MechECDH1Derive).Derive(mustParse(t, a), ecdhParam(key.KDFNull, nil, b.Public), c.size+1); fault.Of(err) != fault.KeySize {
			t.Errorf("%s: more than the secret has: %v", c.name, err)
		}
	}
}

func TestCurvesAreFoundByOIDAndByName(t *testing.T) {
	for _, c := range curves {
		for _, a := range c.aliases {
			if got, err := findCurve(append([]byte{0x13, byte(len(a))}, a...)); err != nil || got != c {
				t.Errorf("%s: %v", a, err)
			}
		}
		if got, err := findCurve(c.oid); err != nil || got != c {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for params, want := range map[string]fault.Code{
		"": fault.DomainParamsInvalid, "\x06": fault.DomainParamsInvalid, "\x06\x03\x2b\x65\x70": fault.CurveUnsupported,
		"\x13\x03abc": fault.CurveUnsupported, "\x30\x00": fault.CurveUnsupported, "\x06\x05\x2b\x81\x04\x00\x21x": fault.DomainParamsInvalid,
	} {
		if _, err := findCurve([]byte(params)); fault.Of(err) != want {
			t.Errorf("%x: %v", params, err)
		}
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

func TestApprovedLeavesOutKoblitzAndSHA1(t *testing.T) {
	for _, c := range curves {
		m := generated(t, c)
		k := mustParse(t, m)
		want := c.name != "secp256k1"
		if got := row(t, key.MechECDSASHA256).Approved(mech.Sign, k, nil, 0); got != want {
			t.Errorf("%s: ECDSA_SHA256 %v", c.name, got)
		}
		if row(t, key.MechECDSASHA1).Approved(mech.Sign, k, nil, 0) {
			t.Errorf("%s: ECDSA_SHA1 is approved", c.name)
		}
		if got := row(t, key.MechECKeyPairGen).ApprovedGen(mech.GenSpec{Params: c.oid}); got != want {
			t.Errorf("%s: generation %v", c.name, got)
		}
		wantDH := want && c.name != "P-224"
		if got := row(t, key.MechECDH1Derive).Approved(mech.Derive, k, ecdhParam(key.KDFNull, nil, m.Public), 0); got != wantDH {
			t.Errorf("%s: ECDH %v", c.name, got)
		}
		if row(t, key.MechECDH1Derive).Approved(mech.Derive, k, ecdhParam(key.KDFSHA256, nil, m.Public), 0) {
			t.Errorf("%s: a derivation of our own is approved", c.name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range curves {
		m := generated(f, c)
		f.Add(m.Params, m.Public, m.Secret)
		f.Add([]byte("\x13\x09secp256k1"), m.Public, []byte{})
	}
	f.Fuzz(func(t *testing.T, params, public, secret []byte) {
		m := mech.Material{Type: key.TypeEC, Params: params, Public: public}
		if len(secret) > 0 {
			m.Secret = secret
		}
		k, err := parse(m, true)
		if err == nil && k.Private() {
			if err := pairwise(m); err != nil {
				t.Errorf("imported key: %v", err)
			}
		}
	})
}

func FuzzDerive(f *testing.F) {
	m := generated(f, curves[1])
	k := mustParse(f, m)
	f.Add([]byte(ecdhParam(key.KDFNull, nil, m.Public)), 32)
	f.Add([]byte(ecdhParam(key.KDFSHA256, []byte("x"), m.Public)), 100)
	f.Fuzz(func(t *testing.T, p []byte, n int) {
		if out, err := derive(k, p, n); err == nil && n != 0 && len(out) != n {
			t.Errorf("%d bytes for %d", len(out), n)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, c := range curves {
		m := generated(b, c)
		r := row(b, key.MechECDSA)
		digest := make([]byte, 32)
		b.Run(c.name+"/fast", func(b *testing.B) {
			k := mustParse(b, m)
			for b.Loop() {
				if _, err := once(r, mech.Sign, k, digest); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() {
					if _, err := once(r, mech.Sign, mustParse(b, m), digest); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}
