// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"

	"golang.org/x/crypto/sha3"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// part is one secret number or string of a key.
type part struct {
	name  string
	kind  memscan.Kind
	value []byte
}

// value is a key made outside, to be imported.
type value struct {
	name  string
	typ   key.Type
	class key.Class
	attrs client.Template // the parts of the key
	parts []part
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// secretValues are symmetric keys of every type.
func secretValues() (all []value) {
	for _, k := range []struct {
		name string
		typ  key.Type
		size int
	}{
		{"aes-128", key.TypeAES, 16}, {"aes-192", key.TypeAES, 24}, {"aes-256", key.TypeAES, 32}, {"chacha20", key.TypeChaCha20, 32},
		{"generic-16", key.TypeGeneric, 16}, {"generic-32", key.TypeGeneric, 32}, {"generic-200", key.TypeGeneric, 200}, {"hkdf", key.TypeHKDF, 32},
		{"hmac-sha1", key.TypeSHA1HMAC, 20}, {"hmac-sha224", key.TypeSHA224HMAC, 28}, {"hmac-sha256", key.TypeSHA256HMAC, 32},
		{"hmac-sha384", key.TypeSHA384HMAC, 48}, {"hmac-sha512", key.TypeSHA512HMAC, 64}, {"hmac-sha3-224", key.TypeSHA3224HMAC, 28},
		{"hmac-sha3-256", key.TypeSHA3256HMAC, 32}, {"hmac-sha3-384", key.TypeSHA3384HMAC, 48}, {"hmac-sha3-512", key.TypeSHA3512HMAC, 64},
		{"des3", key.TypeDES3, 24},
	} {
		v := bytesOf(k.size)
		all = append(all, value{k.name, k.typ, key.ClassSecret, client.Template{client.Bytes(key.AttrValue, v)}, secretParts(k.typ, v)})
	}
	return all
}

// secretParts are the value, and what HMAC makes of it at once and keeps (FIPS 198-1 steps 4 and 7).
func secretParts(typ key.Type, v []byte) []part {
	parts := []part{{"value", memscan.Bytes, v}}
	if typ == key.TypeAES || typ == key.TypeChaCha20 || typ == key.TypeDES3 {
		return parts
	}
	for name, pad := range map[string]byte{"xor ipad": 0x36, "xor opad": 0x5C} {
		x := make([]byte, min(len(v), 64))
		for i := range x {
			x[i] = v[i] ^ pad
		}
		parts = append(parts, part{name, memscan.Bytes, x})
	}
	return parts
}

// curves are the OIDs by which CKA_EC_PARAMS names them, in DER.
var curves = []struct {
	name string
	typ  key.Type
	oid  string
	size int
}{
	{"p224", key.TypeEC, "06052b81040021", 28}, {"p256", key.TypeEC, "06082a8648ce3d030107", 32}, {"p384", key.TypeEC, "06052b81040022", 48},
	{"p521", key.TypeEC, "06052b81040023", 66}, {"secp256k1", key.TypeEC, "06052b8104000a", 32},
	{"ed25519", key.TypeEdwards, "06032b6570", 32}, {"ed448", key.TypeEdwards, "06032b6571", 57},
	{"x25519", key.TypeMontgomery, "06032b656e", 32}, {"x448", key.TypeMontgomery, "06032b656f", 56},
}

func oid(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// curveValues are private keys of every curve.
func curveValues() (all []value, err error) {
	nist := map[string]elliptic.Curve{"p224": elliptic.P224(), "p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()}
	for _, c := range curves {
		d := bytesOf(c.size)
		if nist[c.name] != nil {
			k, err := ecdsa.GenerateKey(nist[c.name], rand.Reader)
			if err != nil {
				return nil, err
			}
			if d, err = k.Bytes(); err != nil {
				return nil, err
			}
		} else if c.name == "secp256k1" {
			d[0] &= 0x7F // below the order
		}
		all = append(all, value{c.name, c.typ, key.ClassPrivate,
			client.Template{client.Bytes(key.AttrECParams, oid(c.oid)), client.Bytes(key.AttrValue, d)}, curveParts(c.name, d)})
	}
	return all, nil
}

// curveParts are the private key and what its scheme derives from it before every use: RFC 8032 section 5.1.5 and 5.2.5,
// RFC 7748 section 5.
func curveParts(curve string, d []byte) []part {
	clamped := func(b []byte, size int) []byte {
		c := append([]byte{}, b[:size]...)
		if size == 32 {
			c[0] &= 248
			c[31] = c[31]&127 | 64
		} else {
			c[0] &= 252
			c[55] |= 128
			clear(c[56:])
		}
		return c
	}
	switch curve {
	case "ed25519":
		h := sha512.Sum512(d)
		return []part{{"seed", memscan.Bytes, d}, {"hash", memscan.Bytes, h[:]}, {"scalar", memscan.Integer, clamped(h[:], 32)}}
	case "ed448":
		h := make([]byte, 114)
		sha3.ShakeSum256(h, d)
		return []part{{"seed", memscan.Bytes, d}, {"hash", memscan.Bytes, h}, {"scalar", memscan.Integer, clamped(h, 57)[:56]}}
	case "x25519":
		return []part{{"value", memscan.Integer, d}, {"scalar", memscan.Integer, clamped(d, 32)}}
	case "x448":
		return []part{{"value", memscan.Integer, d}, {"scalar", memscan.Integer, clamped(d, 56)}}
	}
	return []part{{"scalar", memscan.Integer, d}}
}

// rsaValue is a private key with its factors.
func rsaValue(bits int) (value, error) {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return value{}, err
	}
	attrs := client.Template{client.Bytes(key.AttrModulus, k.N.Bytes()), client.Bytes(key.AttrPublicExponent, big.NewInt(int64(k.E)).Bytes()),
		client.Bytes(key.AttrPrivateExponent, k.D.Bytes()), client.Bytes(key.AttrPrime1, k.Primes[0].Bytes()),
		client.Bytes(key.AttrPrime2, k.Primes[1].Bytes()), client.Bytes(key.AttrExponent1, k.Precomputed.Dp.Bytes()),
		client.Bytes(key.AttrExponent2, k.Precomputed.Dq.Bytes()), client.Bytes(key.AttrCoefficient, k.Precomputed.Qinv.Bytes())}
	return value{fmt.Sprintf("rsa-%d", bits), key.TypeRSA, key.ClassPrivate, attrs, rsaParts(attrs)}, nil
}

func rsaParts(attrs client.Template) (parts []part) {
	names := map[key.Attr]string{key.AttrPrivateExponent: "d", key.AttrPrime1: "p", key.AttrPrime2: "q", key.AttrExponent1: "dp",
		key.AttrExponent2: "dq", key.AttrCoefficient: "qinv"}
	for _, a := range attrs {
		if name := names[a.Type]; name != "" {
			parts = append(parts, part{name, memscan.Integer, a.Value})
		}
	}
	return parts
}

// latticeParts are the secret parts of a post-quantum private key, in the order of FIPS 203, 204 and 205; what stands
// between them is public and is found everywhere.
func latticeParts(typ key.Type, set key.ParamSet, expanded, seed []byte) (parts []part) {
	add := func(name string, v []byte) { parts = append(parts, part{name, memscan.Bytes, v}) }
	switch typ {
	case key.TypeMLKEM:
		s := expanded[:384*(1+int(set))]
		add("s", s)
		add("s as numbers", twelveBits(s))
		add("z", expanded[len(expanded)-32:])
		if seed != nil {
			add("d", seed[:32])
		}
	case key.TypeMLDSA:
		size := []int{0, (4 + 4) * 96, (5 + 6) * 128, (7 + 8) * 96}[set] // s1 and s2: polynomials of 3 or 4 bits a coefficient
		add("K", expanded[32:64])
		add("s1 s2", expanded[128:128+size])
		if seed != nil {
			add("seed", seed)
		}
	case key.TypeSLHDSA:
		n := len(expanded) / 4
		add("sk seed", expanded[:n])
		add("sk prf", expanded[n:2*n])
	}
	return parts
}

// twelveBits is ByteDecode of FIPS 203 with numbers of 16 bits: what a program computes with.
func twelveBits(b []byte) (out []byte) {
	for ; len(b) >= 3; b = b[3:] {
		out = binary.LittleEndian.AppendUint16(out, uint16(b[0])|uint16(b[1]&15)<<8)
		out = binary.LittleEndian.AppendUint16(out, uint16(b[1])>>4|uint16(b[2])<<4)
	}
	return out
}
