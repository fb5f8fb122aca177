// SPDX-License-Identifier: Apache-2.0

package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/fault"
)

const (
	minRSA  = 2048
	maxRSA  = 8192
	maxKeys = 32 // of a set; issuers have two or three
)

// ParseSet reads a JSON web key set. Keys of kinds that sign no token here are left out; a set with none left is refused.
func ParseSet(text []byte) ([]Key, error) {
	v, err := ParseJSON(text)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, k := range v.Get("keys").Items {
		if use := k.Get("use").String(); use != "" && use != "sig" {
			continue
		}
		if one, ok := ParseKey(k); ok {
			keys = append(keys, one)
		}
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fault.ArgumentsBad.At("read json web key set: it has no key that signs tokens")
	}
	return keys, nil
}

// ParseKey reads one JSON web key; false for what is none, or too weak.
func ParseKey(v Value) (Key, bool) {
	k := Key{ID: v.Get("kid").String()}
	number := func(name string) *big.Int {
		b, err := encoding.DecodeString(v.Get(name).String())
		if err != nil || len(b) > maxRSA/8+1 {
			return new(big.Int)
		}
		return new(big.Int).SetBytes(b)
	}
	switch v.Get("kty").String() {
	case "RSA":
		n, e := number("n"), number("e")
		if !e.IsInt64() || e.Int64() > 1<<31-1 {
			return k, false
		}
		k.RSA = &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "EC":
		c := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[v.Get("crv").String()]
		if c == nil {
			return k, false
		}
		n := (c.Params().BitSize + 7) / 8
		x, y := number("x"), number("y")
		if x.BitLen() > c.Params().BitSize || y.BitLen() > c.Params().BitSize {
			return k, false
		}
		point := append([]byte{4}, make([]byte, 2*n)...)
		x.FillBytes(point[1 : 1+n])
		y.FillBytes(point[1+n:])
		k.EC, _ = ecdsa.ParseUncompressedPublicKey(c, point)
	}
	return k, k.sound()
}

// sound refuses keys that are none, or too weak.
func (k Key) sound() bool {
	switch {
	case k.RSA != nil:
		return k.RSA.N.BitLen() >= minRSA && k.RSA.N.BitLen() <= maxRSA && k.RSA.N.Bit(0) == 1 && k.RSA.E >= 3 && k.RSA.E&1 == 1
	case k.EC != nil:
		return true
	}
	return false
}

// FromCertificate answers the public key of a certificate (DER). The certificate itself proves nothing here: whoever pins
// it says whose it is.
func FromCertificate(der []byte) (Key, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return Key{}, fault.ArgumentsBad.At("read certificate")
	}
	return fromPublic(c.PublicKey)
}

// FromSPKI reads what SPKI wrote.
func FromSPKI(der []byte) (Key, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Key{}, fault.ArgumentsBad.At("read public key")
	}
	return fromPublic(public)
}

func fromPublic(public any) (k Key, err error) {
	switch p := public.(type) {
	case *rsa.PublicKey:
		k.RSA = p
	case *ecdsa.PublicKey:
		k.EC = p
	}
	if !k.sound() {
		return Key{}, fault.ArgumentsBad.At("use the key of a certificate: it is neither RSA of 2048 bits or more nor EC")
	}
	return k, nil
}

// SPKI is the key as SubjectPublicKeyInfo, for a record.
func (k Key) SPKI() []byte {
	var public any = k.EC
	if k.RSA != nil {
		public = k.RSA
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil
	}
	return der
}
