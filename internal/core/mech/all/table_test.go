// SPDX-License-Identifier: Apache-2.0

package all

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var update = flag.Bool("update", false, "rewrite the table in docs/spec/mechanisms.md")

// TestPageOfMechanismsIsWhole compares docs/spec/mechanisms.md with the rows. Renew with -update. What is approved is not
// copied from anywhere: every row is asked about keys of every kind, under the parameters that a careful caller gives.
func TestPageOfMechanismsIsWhole(t *testing.T) {
	const path, begin, end = "../../../../docs/spec/mechanisms.md", "<!-- mechanisms -->\n", "<!-- /mechanisms -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no block of mechanisms")
	}
	want := head + begin + tables(t) + end + tail
	for _, name := range shapes {
		if !strings.Contains(tail+head, "\n| "+name+" |") {
			t.Errorf("the page says nothing of the shape %s", name)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the rows are: go test ./internal/core/mech/all -run Page -update", path)
	}
}

var shapes = []string{"NONE", "BYTES", "ULONG", "OAEP", "PSS", "CTR", "GCM", "CCM", "CHACHA", "ECDH1", "RSAAES", "HKDF", "KBKDF", "PBKDF2",
	"EDDSA", "SIGNCTX", "HASHCTX", "GCMMSG", "CCMMSG", "CHACHAMSG"}

var uses = []struct {
	flag key.MechFlags
	use  mech.Use
	name string
}{
	{key.CanGenerate, mech.Generate, "generate"}, {key.CanGeneratePair, mech.Generate, "generate pair"}, {key.CanDigest, mech.Digest, "digest"},
	{key.CanEncrypt, mech.Encrypt, "encrypt"}, {key.CanDecrypt, mech.Decrypt, "decrypt"}, {key.CanSign, mech.Sign, "sign"},
	{key.CanVerify, mech.Verify, "verify"}, {key.CanWrap, mech.Wrap, "wrap"}, {key.CanUnwrap, mech.Unwrap, "unwrap"},
	{key.CanDerive, mech.Derive, "derive"}, {key.CanEncapsulate, mech.Encapsulate, "encapsulate"}, {key.CanDecapsulate, mech.Decapsulate, "decapsulate"},
	{key.CanMessageEncrypt, mech.MessageEncrypt, "encrypt messages"}, {key.CanMessageDecrypt, mech.MessageDecrypt, "decrypt messages"},
}

var typeNames = map[key.Type]string{key.TypeRSA: "RSA", key.TypeEC: "EC", key.TypeGeneric: "GENERIC", key.TypeDES3: "DES3", key.TypeAES: "AES",
	key.TypeSHA1HMAC: "SHA_1_HMAC", key.TypeSHA224HMAC: "SHA224_HMAC", key.TypeSHA256HMAC: "SHA256_HMAC", key.TypeSHA384HMAC: "SHA384_HMAC",
	key.TypeSHA512HMAC: "SHA512_HMAC", key.TypeSHA3224HMAC: "SHA3_224_HMAC", key.TypeSHA3256HMAC: "SHA3_256_HMAC", key.TypeSHA3384HMAC: "SHA3_384_HMAC",
	key.TypeSHA3512HMAC: "SHA3_512_HMAC", key.TypeChaCha20: "CHACHA20", key.TypeEdwards: "EC_EDWARDS", key.TypeMontgomery: "EC_MONTGOMERY",
	key.TypeHKDF: "HKDF", key.TypeMLKEM: "ML_KEM", key.TypeMLDSA: "ML_DSA", key.TypeSLHDSA: "SLH_DSA"}

func tables(t *testing.T) string {
	t.Helper()
	all := samples(t)
	var b strings.Builder
	b.WriteString("| number | CKM_ | keys | sizes | uses | parameter | approved | self-tests |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range Rows() {
		var names []string
		for _, typ := range r.KeyTypes {
			if typeNames[typ] == "" {
				t.Errorf("%s: key type %#x has no name here", r.Name, uint64(typ))
			}
			names = append(names, typeNames[typ])
		}
		sizes := "-"
		if r.Max > 0 {
			sizes = fmt.Sprintf("%d-%d", r.Min, r.Max)
		}
		shape := shapes[r.Shape]
		if m := messageShape(r); m != mech.ShapeNone {
			shape += ", messages " + shapes[m]
		}
		fmt.Fprintf(&b, "| 0x%04X | %s | %s | %s | %s | %s | %s | %s |\n", uint64(r.ID), r.Name, orDash(names), sizes, usesOf(r), shape, approvedFor(r, all), r.Family)
	}
	b.WriteString("\n| self-tests of | which run before the module serves |\n|---|---|\n")
	for _, f := range families {
		var names []string
		for _, s := range f.SelfTests {
			names = append(names, s.Name)
		}
		pairwise := ""
		if f.Pairwise != nil {
			pairwise = "; each new pair is tested before it is kept"
		}
		fmt.Fprintf(&b, "| %s | %s%s |\n", f.Name, strings.Join(names, "; "), pairwise)
	}
	return b.String()
}

func orDash(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}

func usesOf(r *mech.Row) string {
	var list []string
	for _, u := range uses {
		if r.Flags&u.flag != 0 {
			list = append(list, u.name)
		}
	}
	return orDash(list)
}

// messageShape is the form of the parameter of message-based encryption (aead.go).
func messageShape(r *mech.Row) mech.Shape {
	if r.Flags&(key.CanMessageEncrypt|key.CanMessageDecrypt) == 0 {
		return mech.ShapeNone
	}
	return map[mech.Shape]mech.Shape{mech.ShapeGCM: mech.ShapeGCMMsg, mech.ShapeCCM: mech.ShapeCCMMsg, mech.ShapeChaCha: mech.ShapeChaChaMsg}[r.Shape]
}

// sample is a key, or what one is asked for.
type sample struct {
	name string
	key  mech.Key
	spec mech.GenSpec
}

// samples are keys of every kind, with those that differ in whether they are approved.
func samples(t *testing.T) (list []sample) {
	t.Helper()
	add := func(name string, id key.Mechanism, spec mech.GenSpec) {
		m, err := Row(id).Generate(spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		k, err := Family(m.Type).Parse(m, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, sample{name, k, spec})
	}
	add("RSA-2048", key.MechRSAKeyPairGen, mech.GenSpec{Type: key.TypeRSA, Bits: 2048})
	for name, oid := range map[string]string{"P-224": "06052b81040021", "P-256": "06082a8648ce3d030107", "P-384": "06052b81040022", "P-521": "06052b81040023", "secp256k1": "06052b8104000a"} {
		add(name, key.MechECKeyPairGen, mech.GenSpec{Type: key.TypeEC, Params: fromHex(t, oid)})
	}
	add("Ed25519", key.MechEdwardsKeyPairGen, mech.GenSpec{Type: key.TypeEdwards, Params: fromHex(t, "06032b6570")})
	add("Ed448", key.MechEdwardsKeyPairGen, mech.GenSpec{Type: key.TypeEdwards, Params: fromHex(t, "06032b6571")})
	add("X25519", key.MechMontgomeryPairGen, mech.GenSpec{Type: key.TypeMontgomery, Params: fromHex(t, "06032b656e")})
	add("X448", key.MechMontgomeryPairGen, mech.GenSpec{Type: key.TypeMontgomery, Params: fromHex(t, "06032b656f")})
	set := func(n key.ParamSet) []byte { return number(uint64(n)) }
	for name, n := range map[string]key.ParamSet{"ML-KEM-512": key.MLKEM512, "ML-KEM-768": key.MLKEM768, "ML-KEM-1024": key.MLKEM1024} {
		add(name, key.MechMLKEMKeyPairGen, mech.GenSpec{Type: key.TypeMLKEM, Params: set(n)})
	}
	add("ML-DSA", key.MechMLDSAKeyPairGen, mech.GenSpec{Type: key.TypeMLDSA, Params: set(key.MLDSA65)})
	add("SLH-DSA", key.MechSLHDSAKeyPairGen, mech.GenSpec{Type: key.TypeSLHDSA, Params: set(key.SLHDSASHA2128f)})
	add("AES", key.MechAESKeyGen, mech.GenSpec{Type: key.TypeAES, Bits: 32})
	add("CHACHA20", key.MechChaCha20KeyGen, mech.GenSpec{Type: key.TypeChaCha20, Bits: 32})
	for _, typ := range families[1].Types { // the family of secrets without an algorithm of their own
		k, err := Family(typ).Parse(mech.Material{Type: typ, Secret: make([]byte, 32)}, false)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sample{typeNames[typ], k, mech.GenSpec{Type: typ, Bits: 32}})
	}
	des, err := Family(key.TypeDES3).Parse(mech.Material{Type: key.TypeDES3, Secret: []byte("0123456789abcdefghijklmn")}, false)
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, sample{"DES3", des, mech.GenSpec{}})
	slices.SortStableFunc(list, func(a, b sample) int { return strings.Compare(a.name, b.name) })
	return list
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// number is fields u, bytes a field b of a parameter.
func number(list ...uint64) []byte {
	var w wire.Writer
	for _, n := range list {
		w.U64(n)
	}
	return w.B
}

func bytesField(b []byte) []byte {
	var w wire.Writer
	w.Bytes(b)
	return w.B
}

// goodParams are parameters of a shape that nobody need blush for.
func goodParams(shape mech.Shape) (list []mech.Params) {
	iv, none := bytesField(make([]byte, 12)), bytesField(nil)
	join := func(parts ...[]byte) { list = append(list, slices.Concat(parts...)) }
	type hash struct{ hash, mgf, size uint64 }
	hashes := []hash{{0x250, 2, 32}, {0x260, 3, 48}, {0x270, 4, 64}, {0x255, 5, 28}, {0x2B5, 6, 28}, {0x2B0, 7, 32}, {0x2C0, 8, 48}, {0x2D0, 9, 64}, {0x220, 1, 20}}
	switch shape {
	case mech.ShapeNone:
		join()
	case mech.ShapeBytes:
		join(none)
		join(bytesField(make([]byte, 8)))
		join(bytesField(make([]byte, 16)))
	case mech.ShapeULong:
		for n := range uint64(65) {
			join(number(n))
		}
	case mech.ShapeOAEP:
		for _, h := range hashes {
			join(number(h.hash, h.mgf, 0), none)
		}
	case mech.ShapeRSAAES:
		join(number(256, 0x250, 2, 0), none)
	case mech.ShapePSS:
		for _, h := range hashes {
			join(number(h.hash, h.mgf, h.size))
		}
	case mech.ShapeCTR:
		join(number(128), bytesField(make([]byte, 16)))
	case mech.ShapeGCM:
		join(iv, number(96), none, number(128))
	case mech.ShapeCCM:
		join(number(0), iv, none, number(16))
	case mech.ShapeChaCha:
		join(iv, none)
	case mech.ShapeECDH1:
		join(number(uint64(key.KDFNull)), none, none)
	case mech.ShapeHKDF:
		join(number(1, 1, 0x250, 1), none, number(0), none)
	case mech.ShapeKBKDF:
		join(number(0x251, 0, 0))
	case mech.ShapePBKDF2:
		join(number(1), bytesField(make([]byte, 16)), number(100_000, 4), none, bytesField([]byte("a long password")))
	case mech.ShapeEDDSA, mech.ShapeSignCtx:
		join(number(0))
	case mech.ShapeHashCtx:
		join(number(0), none, number(0x250))
	case mech.ShapeGCMMsg:
		join(iv, number(0, 1, 128))
	case mech.ShapeCCMMsg:
		join(number(0), iv, number(0, 1, 16))
	case mech.ShapeChaChaMsg:
		join(iv)
	}
	return list
}

// approvedFor says for which uses and keys a row is an approved service.
func approvedFor(r *mech.Row, all []sample) string {
	byKeys := map[string][]string{} // the keys, and the uses that they are approved for
	var order []string
	whole := true
	for _, u := range uses {
		if r.Flags&u.flag == 0 {
			continue
		}
		shape := r.Shape
		if u.use == mech.MessageEncrypt || u.use == mech.MessageDecrypt {
			shape = messageShape(r)
		}
		var yes []string
		n := 0
		for _, s := range all {
			if len(r.KeyTypes) > 0 && !slices.Contains(r.KeyTypes, s.key.Type()) {
				continue
			}
			n++
			k := s.key
			if u.use == mech.Generate || u.use == mech.Digest {
				k = nil
			}
			if approves(r, u.use, k, s.spec, goodParams(shape)) {
				yes = append(yes, s.name)
			}
		}
		if n == 0 { // a digest has no keys
			n = 1
			if approves(r, u.use, nil, mech.GenSpec{}, goodParams(shape)) {
				yes = []string{""}
			}
		}
		which := strings.Join(yes, ", ")
		if len(yes) == n {
			which = "all"
		}
		whole = whole && which == "all"
		if len(yes) > 0 {
			if byKeys[which] == nil {
				order = append(order, which)
			}
			byKeys[which] = append(byKeys[which], u.name)
		}
	}
	switch {
	case whole:
		return "yes"
	case len(order) == 0:
		return "no"
	}
	var list []string
	for _, which := range order {
		text := strings.Join(byKeys[which], ", ")
		if which != "all" {
			text += ": " + which
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

func approves(r *mech.Row, use mech.Use, k mech.Key, spec mech.GenSpec, params []mech.Params) bool {
	if use == mech.Generate && r.ApprovedGen != nil {
		return r.ApprovedGen(spec)
	}
	return slices.ContainsFunc(params, func(p mech.Params) bool { return taken(r, use, k, p) && r.Approved(use, k, p, spec.Bits) })
}

// taken tells whether a signature would begin at all with this parameter: that of another hash is refused.
func taken(r *mech.Row, use mech.Use, k mech.Key, p mech.Params) bool {
	var err error
	switch use {
	case mech.Sign:
		_, err = r.Begin(use, k, p)
	case mech.Verify:
		_, err = r.BeginVerify(k, p)
	}
	return err == nil
}
