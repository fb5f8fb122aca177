// SPDX-License-Identifier: Apache-2.0

package kdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"hash"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// secret and aesKey are the least that the rows ask of their keys.
type secret struct {
	typ   key.Type
	value []byte
}

func (s secret) Type() key.Type { return s.typ }
func (s secret) Bits() int      { return len(s.value) }
func (s secret) Private() bool  { return true }
func (s secret) Value() []byte  { return s.value }

func (s secret) TakeHMAC(h key.Hash) (hash.Hash, error) {
	newHash, err := mech.NewHash(h)
	if err != nil {
		return nil, err
	}
	return hmac.New(newHash, s.value), nil
}

func (s secret) GiveHMAC(key.Hash, hash.Hash) {}

type aesKey struct{ b cipher.Block }

func (a aesKey) Type() key.Type      { return key.TypeAES }
func (a aesKey) Bits() int           { return 32 }
func (a aesKey) Private() bool       { return true }
func (a aesKey) Block() cipher.Block { return a.b }

func newAES(t testing.TB, value []byte) mech.Key {
	t.Helper()
	b, err := aes.NewCipher(value)
	if err != nil {
		t.Fatal(err)
	}
	return aesKey{b}
}

func hkdfParam(extract, expand bool, prf key.Hash, saltType uint64, salt, info []byte) mech.Params {
	var w wire.Writer
	w.U64(map[bool]uint64{true: 1}[extract])
	w.U64(map[bool]uint64{true: 1}[expand])
	w.U64(uint64(prf))
	w.U64(saltType)
	w.Bytes(salt)
	w.U64(0)
	w.Bytes(info)
	return w.B
}

func TestHKDFPassesWycheproof(t *testing.T) {
	for name, prf := range map[string]key.Hash{
		"hkdf_sha1_test.json": key.MechSHA1, "hkdf_sha256_test.json": key.MechSHA256,
		"hkdf_sha384_test.json": key.MechSHA384, "hkdf_sha512_test.json": key.MechSHA512,
	} {
		var file mechtest.File[struct {
			Tests []struct {
				mechtest.Case
				IKM, Salt, Info, OKM mechtest.Hex
				Size                 int
			}
		}]
		mechtest.Wycheproof(t, name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				saltType := uint64(saltData)
				if len(c.Salt) == 0 {
					saltType = saltNull
				}
				k := secret{key.TypeHKDF, c.IKM}
				got, err := deriveHKDF(k, hkdfParam(true, true, prf, saltType, c.Salt, c.Info), c.Size)
				if c.Valid() != (err == nil) || c.Valid() && !bytes.Equal(got, c.OKM) {
					t.Errorf("%s %d (%s): %x, %v", name, c.TCID, c.Comment, got, err)
				}
				// The two halves, called one after the other, make the whole.
				prk, err := deriveHKDF(k, hkdfParam(true, false, prf, saltType, c.Salt, nil), 0)
				if err != nil {
					t.Fatal(err)
				}
				got, err = deriveHKDF(secret{key.TypeGeneric, prk}, hkdfParam(false, true, prf, saltKey, nil, c.Info), c.Size)
				if c.Valid() != (err == nil) || c.Valid() && !bytes.Equal(got, c.OKM) {
					t.Errorf("%s %d (%s), in halves: %x, %v", name, c.TCID, c.Comment, got, err)
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", name, count)
	}
}

func TestHKDFNamesWhatIsWrong(t *testing.T) {
	k := secret{key.TypeHKDF, make([]byte, 32)}
	sha := key.Hash(key.MechSHA256)
	for _, c := range []struct {
		what string
		k    mech.Key
		p    mech.Params
		n    int
		want fault.Code
	}{
		{"neither half", k, hkdfParam(false, false, sha, saltNull, nil, nil), 32, fault.MechanismParamInvalid},
		{"a salt that is a key", k, hkdfParam(true, true, sha, saltKey, nil, nil), 32, fault.MechanismParamInvalid},
		{"an unknown salt type", k, hkdfParam(true, true, sha, 3, nil, nil), 32, fault.MechanismParamInvalid},
		{"an unknown digest", k, hkdfParam(true, true, 0x210, saltNull, nil, nil), 32, fault.MechanismParamInvalid},
		{"no length to expand to", k, hkdfParam(true, true, sha, saltNull, nil, nil), 0, fault.TemplateIncomplete},
		{"255 blocks and a byte", k, hkdfParam(true, true, key.MechSHA1, saltNull, nil, nil), 255*20 + 1, fault.KeySize},
		{"extraction to another length", k, hkdfParam(true, false, sha, saltNull, nil, nil), 16, fault.KeySize},
		{"expansion of a short key", secret{key.TypeHKDF, make([]byte, 31)}, hkdfParam(false, true, sha, 0, nil, nil), 16, fault.KeySize},
		{"an AES key", newAES(t, make([]byte, 32)), hkdfParam(true, true, sha, saltNull, nil, nil), 16, fault.KeyTypeMismatch},
		{"no parameter", k, nil, 16, fault.MechanismParamInvalid},
	} {
		if _, err := deriveHKDF(c.k, c.p, c.n); fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// kbkdf writes CK_SP800_108_KDF_PARAMS.
type kbkdf struct {
	prf    key.Mechanism
	fields []func(*wire.Writer)
	more   [][]byte
}

func (b kbkdf) encode() mech.Params {
	var w wire.Writer
	w.U64(uint64(b.prf))
	w.U64(uint64(len(b.fields)))
	for _, f := range b.fields {
		f(&w)
	}
	w.U64(uint64(len(b.more)))
	for _, m := range b.more {
		w.Raw(m)
	}
	return w.B
}

func iteration(little, bits uint64) func(*wire.Writer) {
	return numbers(iterationVariable, little, bits)
}
func length(method, bits uint64) func(*wire.Writer) { return numbers(dkmLength, method, 0, bits) }

func numbers(typ uint64, v ...uint64) func(*wire.Writer) {
	return func(w *wire.Writer) {
		w.U64(typ)
		w.U32(uint32(8 * len(v)))
		for _, n := range v {
			w.U64(n)
		}
	}
}

func raw(b []byte) func(*wire.Writer) {
	return func(w *wire.Writer) { w.U64(byteArray); w.Bytes(b) }
}

// Computed with OpenSSL 3's KBKDF (counter and length of 32 bits, label "label", context "context"), a program that
// shares no code with this one.
func TestCounterModeAgreesWithOpenSSL(t *testing.T) {
	value := mechtest.Bytes(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	for _, c := range []struct {
		prf  key.Mechanism
		k    mech.Key
		want string
	}{
		{key.MechSHA512HMAC, secret{key.TypeGeneric, value}, "eaafe0ba51282679fb2db5fd4a892caa37bcaf2503fb9f0879d8008853cbcb9415e1605485b9db2fc57e950d3973c7b3ef2c4a23937714645d8f1936becfd85883a2b38728b96cb14d37eb3034c44acb4f12c1c5c4901fafdafe6babee4ad80ccf290aa4"},
		{key.MechSHA512HMAC, secret{key.TypeSHA512HMAC, value}, "eaafe0ba51282679fb2db5fd4a892caa37bcaf2503fb9f0879d8008853cbcb9415e1605485b9db2fc57e950d3973c7b3ef2c4a23937714645d8f1936becfd85883a2b38728b96cb14d37eb3034c44acb4f12c1c5c4901fafdafe6babee4ad80ccf290aa4"},
		{key.MechAESCMAC, newAES(t, value), "ae08254b3cbbf0a8694337728296792ee289cac8f9cd0a0ee175962b0681960e5d2d9f5c58a1e1da40a4d935f89a95c7ed8b41ab62d8734e3c80cf98b5422eb02c27c9c23b40dca557615f89a2833385afcc08dce11539e1b69a0255e7c3289aa99832a5"},
		{key.MechSHA3256HMAC, secret{key.TypeGeneric, value}, "21a7df0faa8d205b1aadba7b6fc459208beff72cd598121c2f499b7e243940b926b2258affa9f2f7"},
	} {
		p := kbkdf{prf: c.prf, fields: []func(*wire.Writer){
			iteration(0, 32), raw([]byte("label")), raw([]byte{0}), raw([]byte("context")), length(sumOfKeys, 32),
		}}.encode()
		want := mechtest.Bytes(t, c.want)
		got, err := deriveCounter(c.k, p, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%#x: got %x, %v", uint64(c.prf), got, err)
		}
	}
}

// The example of "Deriving Additional Keys": keys of 48 and 16 bytes by HMAC-SHA-256 take three blocks, and the length
// is 512 bits by keys and 768 by segments.
func TestEachKeyBeginsWithABlockOfItsOwn(t *testing.T) {
	k := secret{key.TypeGeneric, []byte("a base key of some length")}
	block := func(i byte, l []byte) []byte {
		h, _ := k.TakeHMAC(key.MechSHA256)
		h.Write(append([]byte{0, i, 'L'}, l...))
		return h.Sum(nil)
	}
	template := func() []byte {
		var w wire.Writer
		w.U32(1)
		w.U64(uint64(key.AttrValueLen))
		w.Bytes(make([]byte, 8))
		return w.B
	}()
	for method, l := range map[uint64][]byte{sumOfKeys: {0x02, 0x00}, sumOfSegments: {0x03, 0x00}} {
		p := kbkdf{prf: key.MechSHA256HMAC, more: [][]byte{template}, fields: []func(*wire.Writer){
			iteration(0, 16), raw([]byte("L")), length(method, 16),
		}}.encode()
		got, err := deriveCounterAll(k, p, []int{48, 16})
		if err != nil {
			t.Fatal(err)
		}
		if want := append(block(1, l), block(2, l)[:16]...); !bytes.Equal(got[0], want) {
			t.Errorf("first key %x, want %x", got[0], want)
		}
		if want := block(3, l)[:16]; !bytes.Equal(got[1], want) {
			t.Errorf("second key %x, want %x", got[1], want)
		}
		further, err := furtherKeys(p)
		if err != nil || len(further) != 1 || !bytes.Equal(further[0], template) {
			t.Errorf("templates %x, %v", further, err)
		}
		if _, err := deriveCounter(k, p, 48); fault.Of(err) != fault.MechanismParamInvalid {
			t.Errorf("one key where two were asked for: %v", err)
		}
	}
}

func TestNumbersStandInBothByteOrders(t *testing.T) {
	k := secret{key.TypeGeneric, []byte("key")}
	p := kbkdf{prf: key.MechSHA256HMAC, fields: []func(*wire.Writer){raw([]byte("x")), iteration(0xAB01, 24)}}.encode()
	got, err := deriveCounter(k, p, 32)
	h, _ := k.TakeHMAC(key.MechSHA256)
	h.Write([]byte{'x', 1, 0, 0})
	if err != nil || !bytes.Equal(got, h.Sum(nil)) {
		t.Errorf("got %x, %v", got, err)
	}
}

func TestCounterModeNamesWhatIsWrong(t *testing.T) {
	generic := secret{key.TypeGeneric, make([]byte, 32)}
	one := func(f ...func(*wire.Writer)) mech.Params { return kbkdf{prf: key.MechSHA256HMAC, fields: f}.encode() }
	for _, c := range []struct {
		what string
		k    mech.Key
		p    mech.Params
		n    int
		want fault.Code
	}{
		{"no iteration variable", generic, one(raw([]byte("x"))), 16, fault.MechanismParamInvalid},
		{"two iteration variables", generic, one(iteration(0, 8), iteration(0, 8)), 16, fault.MechanismParamInvalid},
		{"two lengths", generic, one(iteration(0, 8), length(1, 8), length(1, 8)), 16, fault.MechanismParamInvalid},
		{"a counter of 12 bits", generic, one(iteration(0, 12)), 16, fault.MechanismParamInvalid},
		{"a counter of 40 bits", generic, one(iteration(0, 40)), 16, fault.MechanismParamInvalid},
		{"a length of unknown method", generic, one(iteration(0, 8), length(3, 8)), 16, fault.MechanismParamInvalid},
		{"a length that does not fit", generic, one(iteration(0, 8), length(1, 8)), 32, fault.MechanismParamInvalid},
		{"the counter field", generic, one(iteration(0, 8), numbers(counterField, 0, 8)), 16, fault.MechanismParamInvalid},
		{"a second key as a field", generic, one(iteration(0, 8), numbers(keyHandle, 5)), 16, fault.MechanismParamInvalid},
		{"an empty field", generic, one(iteration(0, 8), raw(nil)), 16, fault.MechanismParamInvalid},
		{"an unknown prf", generic, kbkdf{prf: key.MechSHA256, fields: []func(*wire.Writer){iteration(0, 8)}}.encode(), 16, fault.MechanismParamInvalid},
		{"too much for its counter", generic, one(iteration(0, 8)), 255*32 + 1, fault.KeySize},
		{"no length", generic, one(iteration(0, 8)), 0, fault.TemplateIncomplete},
		{"cmac with a generic secret", generic, kbkdf{prf: key.MechAESCMAC, fields: []func(*wire.Writer){iteration(0, 8)}}.encode(), 16, fault.KeyTypeMismatch},
		{"hmac with an aes key", newAES(t, make([]byte, 16)), one(iteration(0, 8)), 16, fault.KeyTypeMismatch},
	} {
		if _, err := deriveCounter(c.k, c.p, c.n); fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func pbkdf2Param(salt []byte, iterations, prf uint64, password []byte) mech.Params {
	var w wire.Writer
	w.U64(saltSpecified)
	w.Bytes(salt)
	w.U64(iterations)
	w.U64(prf)
	w.Bytes(nil)
	w.Bytes(password)
	return w.B
}

func TestPBKDF2PassesWycheproof(t *testing.T) {
	for name, prf := range map[string]uint64{
		"pbkdf2_hmacsha1_test.json": 1, "pbkdf2_hmacsha224_test.json": 3, "pbkdf2_hmacsha256_test.json": 4,
		"pbkdf2_hmacsha384_test.json": 5, "pbkdf2_hmacsha512_test.json": 6,
	} {
		var file mechtest.File[struct {
			Tests []struct {
				mechtest.Case
				Password, Salt, DK mechtest.Hex
				IterationCount     uint64
				DKLen              int
			}
		}]
		mechtest.Wycheproof(t, name, &file)
		count, slow := 0, 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				if c.IterationCount > 1_000_000 && testing.Short() {
					slow++
					continue
				}
				got, err := generatePBKDF2(mech.GenSpec{Type: key.TypeGeneric, Bits: c.DKLen,
					Param: pbkdf2Param(c.Salt, c.IterationCount, prf, c.Password)})
				if c.Valid() != (err == nil) || c.Valid() && !bytes.Equal(got.Secret, c.DK) {
					t.Errorf("%s %d (%s): %x, %v", name, c.TCID, c.Comment, got.Secret, err)
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases, %d left out as slow", name, count, slow)
	}
}

func TestPBKDF2NamesWhatIsWrong(t *testing.T) {
	good := pbkdf2Param([]byte("salt"), 1, 4, []byte("password"))
	for _, c := range []struct {
		what string
		spec mech.GenSpec
		want fault.Code
	}{
		{"a key", mech.GenSpec{Type: key.TypeAES, Bits: 16, Param: good}, fault.OK},
		{"a ChaCha20 key without length", mech.GenSpec{Type: key.TypeChaCha20, Param: good}, fault.OK},
		{"an AES key of 17 bytes", mech.GenSpec{Type: key.TypeAES, Bits: 17, Param: good}, fault.KeySize},
		{"no length", mech.GenSpec{Type: key.TypeGeneric, Param: good}, fault.TemplateIncomplete},
		{"a long secret", mech.GenSpec{Type: key.TypeGeneric, Bits: 16385, Param: good}, fault.KeySize},
		{"no iterations", mech.GenSpec{Type: key.TypeAES, Bits: 16, Param: pbkdf2Param(nil, 0, 4, nil)}, fault.MechanismParamInvalid},
		{"endless iterations", mech.GenSpec{Type: key.TypeAES, Bits: 16, Param: pbkdf2Param(nil, 1<<40, 4, nil)}, fault.MechanismParamInvalid},
		{"GOST", mech.GenSpec{Type: key.TypeAES, Bits: 16, Param: pbkdf2Param(nil, 1, 2, nil)}, fault.MechanismParamInvalid},
		{"no parameter", mech.GenSpec{Type: key.TypeAES, Bits: 16}, fault.MechanismParamInvalid},
	} {
		if _, err := generatePBKDF2(c.spec); fault.Of(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestOnlyStrongDerivationsAreApproved(t *testing.T) {
	long, short := secret{key.TypeHKDF, make([]byte, 14)}, secret{key.TypeHKDF, make([]byte, 13)}
	sha256, sha1 := hkdfParam(true, true, key.MechSHA256, saltNull, nil, nil), hkdfParam(true, true, key.MechSHA1, saltNull, nil, nil)
	salt := make([]byte, 16)
	for _, c := range []struct {
		what      string
		got, want bool
	}{
		{"HKDF", hkdfApproved(mech.Derive, long, sha256, 0), true},
		{"HKDF from 104 bits", hkdfApproved(mech.Derive, short, sha256, 0), false},
		{"HKDF with SHA-1", hkdfApproved(mech.Derive, long, sha1, 0), false},
		{"PBKDF2", pbkdf2Approved(mech.Generate, nil, pbkdf2Param(salt, 1000, 4, nil), 16), true},
		{"PBKDF2 with little salt", pbkdf2Approved(mech.Generate, nil, pbkdf2Param(salt[:15], 1000, 4, nil), 16), false},
		{"PBKDF2 with few rounds", pbkdf2Approved(mech.Generate, nil, pbkdf2Param(salt, 999, 4, nil), 16), false},
		{"PBKDF2 with SHA-1", pbkdf2Approved(mech.Generate, nil, pbkdf2Param(salt, 1000, 1, nil), 16), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.what, c.got)
		}
	}
}

func FuzzParameters(f *testing.F) {
	f.Add([]byte(hkdfParam(true, true, key.MechSHA256, saltData, []byte("salt"), []byte("info"))))
	f.Add([]byte(pbkdf2Param([]byte("salt"), 1, 4, []byte("password"))))
	f.Add([]byte(kbkdf{prf: key.MechSHA256HMAC, more: [][]byte{make([]byte, 4)}, fields: []func(*wire.Writer){iteration(0, 16), raw([]byte("L")), length(1, 16)}}.encode()))
	k := secret{key.TypeGeneric, make([]byte, 32)}
	f.Fuzz(func(t *testing.T, p []byte) {
		if out, err := deriveHKDF(k, p, 40); err == nil && len(out) != 40 {
			t.Errorf("hkdf answers %d bytes", len(out))
		}
		if c, err := decodeCounter(p); err == nil {
			lens := make([]int, 1+len(c.further))
			for i := range lens {
				lens[i] = 20
			}
			if out, err := deriveCounterAll(k, p, lens); err == nil && len(out) != len(lens) {
				t.Errorf("%d keys for %d lengths", len(out), len(lens))
			}
		}
		if q, err := decodePBKDF2(p); err == nil && (q.iterations < 1 || q.iterations > maxIterations) {
			t.Errorf("%d iterations", q.iterations)
		}
	})
}

func BenchmarkHKDF(b *testing.B) {
	k, p := secret{key.TypeHKDF, make([]byte, 32)}, hkdfParam(true, true, key.MechSHA256, saltData, make([]byte, 32), []byte("info"))
	for b.Loop() {
		if _, err := deriveHKDF(k, p, 32); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCounterMode(b *testing.B) {
	k := newAES(b, make([]byte, 32))
	p := kbkdf{prf: key.MechAESCMAC, fields: []func(*wire.Writer){iteration(0, 32), raw([]byte("label"))}}.encode()
	for b.Loop() {
		if _, err := deriveCounter(k, p, 32); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPBKDF2Of1000(b *testing.B) {
	spec := mech.GenSpec{Type: key.TypeAES, Bits: 32, Param: pbkdf2Param(make([]byte, 16), 1000, 4, []byte("password"))}
	for b.Loop() {
		if _, err := generatePBKDF2(spec); err != nil {
			b.Fatal(err)
		}
	}
}
