// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func readPEM(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s holds no PEM", path)
	}
	return block.Bytes
}

// vectors are all keys that OpenSSL and the RFCs wrote and that we must read.
var vectors = []struct {
	name string
	typ  key.Type
	set  string // suffix of the private file's name
}{
	{"openssl/rsa2048", key.TypeRSA, ""}, {"openssl/rsa3072", key.TypeRSA, ""}, {"openssl/rsa2048-e3", key.TypeRSA, ""},
	{"openssl/secp224r1", key.TypeEC, ""}, {"openssl/prime256v1", key.TypeEC, ""}, {"openssl/secp384r1", key.TypeEC, ""},
	{"openssl/secp521r1", key.TypeEC, ""}, {"openssl/secp256k1", key.TypeEC, ""},
	{"openssl/ed25519", key.TypeEdwards, ""}, {"openssl/ed448", key.TypeEdwards, ""},
	{"openssl/x25519", key.TypeMontgomery, ""}, {"openssl/x448", key.TypeMontgomery, ""},
	{"lamps/ML-KEM-512", key.TypeMLKEM, "-seed"}, {"lamps/ML-KEM-512", key.TypeMLKEM, "-expanded"},
	{"lamps/ML-KEM-768", key.TypeMLKEM, "-seed"}, {"lamps/ML-KEM-768", key.TypeMLKEM, "-expanded"},
	{"lamps/ML-KEM-1024", key.TypeMLKEM, "-seed"}, {"lamps/ML-KEM-1024", key.TypeMLKEM, "-expanded"},
	{"lamps/ML-DSA-44", key.TypeMLDSA, "-seed"}, {"lamps/ML-DSA-44", key.TypeMLDSA, "-expanded"},
	{"lamps/ML-DSA-65", key.TypeMLDSA, "-seed"}, {"lamps/ML-DSA-65", key.TypeMLDSA, "-expanded"},
	{"lamps/ML-DSA-87", key.TypeMLDSA, "-seed"}, {"lamps/ML-DSA-87", key.TypeMLDSA, "-expanded"},
	{"lamps/SLH-DSA-SHA2-128s", key.TypeSLHDSA, ""},
}

func TestForeignKeysAreReadAndWrittenBackByteForByte(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name+v.set, func(t *testing.T) {
			priv, pub := readPEM(t, v.name+v.set+".priv.pem"), readPEM(t, v.name+".pub.pem")
			p, err := ParsePKCS8(priv)
			if err != nil {
				t.Fatal(err)
			}
			if p.Type != v.typ || len(p.Rest) != 0 || p.Expanded != nil {
				t.Errorf("type %#x, %d bytes left, expanded %t", p.Type, len(p.Rest), p.Expanded != nil)
			}
			again, err := PKCS8(p.Material)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, priv) {
				t.Errorf("PKCS #8 differs:\n%x\n%x", again, priv)
			}
			m, err := ParseSPKI(pub)
			if err != nil {
				t.Fatal(err)
			}
			if m.Type != v.typ || !bytes.Equal(m.Params, p.Params) {
				t.Errorf("public key has type %#x and params %x, private %#x and %x", m.Type, m.Params, p.Type, p.Params)
			}
			if again, err = SPKI(m); err != nil || !bytes.Equal(again, pub) {
				t.Errorf("SPKI differs (%v):\n%x\n%x", err, again, pub)
			}
			if p.Public != nil && !bytes.Equal(p.Public, m.Public) {
				t.Errorf("public halves differ")
			}
		})
	}
}

func TestBothFormGivesSeedAndExpandedKey(t *testing.T) {
	for _, name := range []string{"ML-KEM-512", "ML-KEM-768", "ML-KEM-1024", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"} {
		both, err := ParsePKCS8(readPEM(t, "lamps/"+name+"-both.priv.pem"))
		if err != nil {
			t.Fatal(err)
		}
		seed, err := ParsePKCS8(readPEM(t, "lamps/"+name+"-seed.priv.pem"))
		if err != nil {
			t.Fatal(err)
		}
		expanded, err := ParsePKCS8(readPEM(t, "lamps/"+name+"-expanded.priv.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(both.Secret, seed.Secret) || !bytes.Equal(both.Expanded, expanded.Secret) {
			t.Errorf("%s: the parts of both are not those of seed and expanded", name)
		}
	}
}

func TestGoReadsWhatWeWrite(t *testing.T) {
	p, err := ParsePKCS8(readPEM(t, "openssl/rsa2048.priv.pem"))
	if err != nil {
		t.Fatal(err)
	}
	der, _ := PKCS8(p.Material)
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	parts, ok := ParseRSAPrivate(p.Secret)
	if !ok || !bytes.Equal(parts.D, k.(*rsa.PrivateKey).D.Bytes()) || !bytes.Equal(parts.QInv, k.(*rsa.PrivateKey).Precomputed.Qinv.Bytes()) {
		t.Error("RSA parts differ from Go's")
	}
	if again, err := EncodeRSAPrivate(parts); err != nil || !bytes.Equal(again, p.Secret) {
		t.Errorf("RSAPrivateKey differs (%v)", err)
	}
	p, err = ParsePKCS8(readPEM(t, "openssl/secp521r1.priv.pem"))
	if err != nil {
		t.Fatal(err)
	}
	p.Public = nil // as from a sender who leaves it out
	der, _ = PKCS8(p.Material)
	ec, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := ec.(*ecdsa.PrivateKey).Bytes(); !bytes.Equal(d, p.Secret) {
		t.Error("EC scalar differs from Go's")
	}
}

func TestKeysOfOtherFormsAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		file string
		want fault.Code
	}{
		{"openssl/explicit-p256.priv.pem", fault.CurveUnsupported},
		{"openssl/brainpool.priv.pem", fault.CurveUnsupported},
		{"openssl/rsa3primes.priv.pem", fault.WrappedKeyInvalid},
	} {
		if _, err := ParsePKCS8(readPEM(t, c.file)); fault.Of(err) != c.want {
			t.Errorf("%s: %v, want %v", c.file, err, c.want)
		}
	}
	for _, c := range []struct {
		file string
		want fault.Code
	}{
		{"openssl/explicit-p256.pub.pem", fault.CurveUnsupported},
		{"openssl/brainpool.pub.pem", fault.CurveUnsupported},
		{"openssl/p256-compressed.pub.pem", fault.PublicKeyInvalid},
	} {
		if _, err := ParseSPKI(readPEM(t, c.file)); fault.Of(err) != c.want {
			t.Errorf("%s: %v, want %v", c.file, err, c.want)
		}
	}
}

func TestRSAPSSKeysAreRSAKeys(t *testing.T) {
	p, err := ParsePKCS8(readPEM(t, "openssl/rsapss2048.priv.pem"))
	if err != nil || p.Type != key.TypeRSA {
		t.Errorf("%v, type %#x", err, p.Type)
	}
}

func TestACompressedPointIsLeftToBeComputed(t *testing.T) {
	p, err := ParsePKCS8(readPEM(t, "openssl/p256-compressed.priv.pem"))
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := ParsePKCS8(readPEM(t, "openssl/prime256v1.priv.pem"))
	if p.Public != nil || !bytes.Equal(p.Secret, whole.Secret) {
		t.Errorf("public %x, secret equal %t", p.Public, bytes.Equal(p.Secret, whole.Secret))
	}
}

func TestShortScalarsAreBroughtToFullLength(t *testing.T) {
	for _, c := range []struct {
		in   []byte
		want []byte
	}{
		{[]byte{1}, []byte{0, 0, 0, 1}}, {[]byte{0, 0, 0, 0, 9, 8, 7, 6}, []byte{9, 8, 7, 6}},
		{[]byte{1, 2, 3, 4, 5}, nil}, {nil, nil}, {[]byte{1, 2, 3, 4}, []byte{1, 2, 3, 4}},
	} {
		got, ok := FixedLength(c.in, 4)
		if ok != (c.want != nil) || !bytes.Equal(got, c.want) {
			t.Errorf("%x became %x (%t), want %x", c.in, got, ok, c.want)
		}
	}
}

func TestCurvesAreFoundByOIDAndByName(t *testing.T) {
	printable := func(s string) []byte { return append([]byte{0x13, byte(len(s))}, s...) }
	for _, c := range []struct {
		params []byte
		name   string
	}{
		{printable("edwards25519"), "edwards25519"}, {printable("curve25519"), "curve25519"},
		{printable("edwards448"), "edwards448"}, {printable("prime256v1"), "secp256r1"}, {printable("secp521r1"), "secp521r1"},
		{[]byte{6, 3, 0x2B, 0x65, 0x70}, "edwards25519"},
		{[]byte{6, 9, 0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01}, "edwards25519"}, // GnuPG's
		{[]byte{6, 10, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01}, "curve25519"},
		{printable("secp256r2"), ""}, {[]byte{6, 3, 0x2B, 0x65}, ""}, {[]byte{5, 0}, ""}, {nil, ""},
		{[]byte{0x13, 0xFF, 'x'}, ""},
	} {
		got := ""
		if curve := CurveOf(c.params); curve != nil {
			got = curve.Name
		}
		if got != c.name {
			t.Errorf("%x names %q, want %q", c.params, got, c.name)
		}
	}
}

func TestParameterSetsHaveTheirRFCsOIDs(t *testing.T) {
	slh := []string{"", "20", "26", "21", "27", "22", "28", "23", "29", "24", "30", "25", "31"} // CKP_SLH_DSA_*, RFC 9909 section 3
	for _, p := range pqs {
		want := map[key.Type]string{
			key.TypeMLKEM: "4." + strconv.Itoa(int(p.set)), key.TypeMLDSA: "3." + strconv.Itoa(16+int(p.set)), key.TypeSLHDSA: ""}[p.typ]
		if p.typ == key.TypeSLHDSA {
			want = "3." + slh[p.set]
		}
		var oid asn1.ObjectIdentifier
		if rest, err := asn1.Unmarshal(p.oid, &oid); err != nil || len(rest) != 0 || oid.String() != "2.16.840.1.101.3.4."+want {
			t.Errorf("type %#x set %d has OID %s, want ...%s", p.typ, p.set, oid, want)
		}
	}
	if len(pqs) != 18 {
		t.Errorf("%d sets", len(pqs))
	}
}

func TestSerializeCopiesSecretKeysAndRefusesPublicOnes(t *testing.T) {
	value := []byte("0123456789abcdef")
	got, err := Serialize(mech.Material{Type: key.TypeAES, Secret: value})
	if err != nil || !bytes.Equal(got, value) {
		t.Fatalf("%x, %v", got, err)
	}
	if clear(got); string(value) != "0123456789abcdef" {
		t.Error("the serialised key is the material itself")
	}
	m, _ := ParseSPKI(readPEM(t, "openssl/prime256v1.pub.pem"))
	if _, err := Serialize(m); fault.Of(err) != fault.KeyNotWrappable {
		t.Errorf("a public key serialised: %v", err)
	}
	p, _ := ParsePKCS8(readPEM(t, "openssl/ed25519.priv.pem"))
	if got, err := Serialize(p.Material); err != nil || !bytes.Equal(got, readPEM(t, "openssl/ed25519.priv.pem")) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestOneAsymmetricKeyWithPublicKeyIsRead(t *testing.T) {
	// The second example of RFC 8410 section 10.3: version 1, an attribute and the public key.
	block, _ := pem.Decode([]byte(strings.TrimSpace(`
-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----`)))
	p, err := ParsePKCS8(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Public) != 32 || p.Public[0] != 0x19 || len(p.Secret) != 32 || p.Secret[0] != 0xD4 {
		t.Errorf("public %x, secret %d bytes", p.Public, len(p.Secret))
	}
}

// edited replaces one run of bytes in a DER structure by another of the same length.
func edited(t *testing.T, der []byte, old, new string) []byte {
	t.Helper()
	if bytes.Count(der, []byte(old)) != 1 || len(old) != len(new) {
		t.Fatalf("%x is there %d times", old, bytes.Count(der, []byte(old)))
	}
	return bytes.Replace(der, []byte(old), []byte(new), 1)
}

func TestKeysThatContradictThemselvesAreRefused(t *testing.T) {
	rsa := readPEM(t, "openssl/rsa2048.priv.pem")
	seed := readPEM(t, "lamps/ML-KEM-512-seed.priv.pem")
	scalar := strings.Repeat("\x07", 28)
	algorithm := "\x30\x10\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x05\x2B\x81\x04\x00\x21" // EC, secp224r1
	named := func(last string) []byte {                                                     // ECPrivateKey that repeats its curve, as old OpenSSL writes it
		inner := "\x02\x01\x01\x04\x1C" + scalar + "\xA0\x07\x06\x05\x2B\x81\x04\x00" + last
		key := "\x30" + string(rune(len(inner))) + inner
		body := "\x02\x01\x00" + algorithm + "\x04" + string(rune(len(key))) + key
		return []byte("\x30" + string(rune(len(body))) + body)
	}
	if _, err := ParsePKCS8(named("\x21")); err != nil {
		t.Errorf("a key that repeats its curve: %v", err)
	}
	for name, der := range map[string][]byte{
		"another curve inside":    named("\x22"),
		"a seed of the next set":  edited(t, seed, "\x65\x03\x04\x04\x01", "\x65\x03\x04\x03\x11"),
		"an expanded key as seed": edited(t, readPEM(t, "lamps/ML-KEM-512-expanded.priv.pem"), "\x04\x82\x06\x60", "\x80\x82\x06\x60"),
		"a version of its own":    edited(t, rsa[:8], "\x02\x01\x00", "\x02\x01\x05"),
		"a negative modulus":      edited(t, rsa, "\x02\x82\x01\x01\x00", "\x02\x82\x01\x01\xFF"),
		"a modulus with two zeros": edited(t, rsa, string(rsa[bytes.Index(rsa, []byte("\x02\x82\x01\x01\x00")):][:6]),
			"\x02\x82\x01\x01\x00\x00"),
	} {
		if _, err := ParsePKCS8(der); fault.Of(err) != fault.WrappedKeyInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	for _, name := range []string{"openssl/rsa2048", "openssl/prime256v1", "openssl/ed25519", "lamps/ML-KEM-512-both", "lamps/SLH-DSA-SHA2-128s"} {
		der := readPEM(t, name+".priv.pem")
		for n := range der {
			if _, err := ParsePKCS8(der[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes was read", name, n, len(der))
			}
		}
	}
}

func FuzzParsePKCS8(f *testing.F) {
	for _, v := range vectors {
		f.Add(readPEM(f, v.name+v.set+".priv.pem"))
	}
	f.Add(readPEM(f, "lamps/ML-KEM-512-both.priv.pem"))
	f.Add(readPEM(f, "openssl/explicit-p256.priv.pem"))
	f.Fuzz(func(t *testing.T, der []byte) {
		p, err := ParsePKCS8(der)
		if err != nil {
			return
		}
		again, err := PKCS8(p.Material)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		q, err := ParsePKCS8(again)
		if err != nil || !bytes.Equal(q.Secret, p.Secret) || q.Type != p.Type || !bytes.Equal(q.Params, p.Params) {
			t.Fatalf("what was written reads otherwise: %v", err)
		}
	})
}

func FuzzParseSPKI(f *testing.F) {
	for _, v := range vectors {
		f.Add(readPEM(f, v.name+".pub.pem"))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		m, err := ParseSPKI(der)
		if err != nil {
			return
		}
		again, err := SPKI(m)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if n, err := ParseSPKI(again); err != nil || !bytes.Equal(n.Public, m.Public) {
			t.Fatalf("what was written reads otherwise: %v", err)
		}
	})
}
