// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

// keySigner is a key of the core as crypto/x509 wants it.
type keySigner struct {
	session *client.Session
	name    string
	facts   facts
	public  crypto.PublicKey
	of      uint64 // the key that is certified; 0: this one
}

func (k *keySigner) Public() crypto.PublicKey { return k.public }

// Sign is not how certificates are signed here: the core wants to see what it signs.
func (k *keySigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, fault.Unsupported.At("sign a digest of a certificate")
}

// SignMessage signs a request or a certificate: PKCS #1 v1.5 for RSA, DER for ECDSA. The hash is the one that goes with the
// key, as pki chooses it too.
func (k *keySigner) SignMessage(_ io.Reader, wanted []byte, _ crypto.SignerOpts) ([]byte, error) {
	out, err := k.session.Certify(k.facts.handle, k.name, k.of, wanted)
	if err != nil || k.facts.curve == nil {
		return out, err
	}
	half := len(out) / 2
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range [][]byte{out[:half], out[half:]} {
			b.AddASN1BigInt(new(big.Int).SetBytes(n))
		}
	})
	return b.Bytes()
}

// imported reads the private key of a file as attributes of PKCS #11.
func imported(b pki.Bundle, spec *client.KeySpec) (m material, err error) {
	private, err := b.Private()
	if err != nil {
		return m, err
	}
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 || k.N.BitLen() < 2048 || k.N.BitLen() > 4096 {
			return m, badParameter("An RSA key has two primes and 2048 to 4096 bits.")
		}
		k.Precompute()
		spec.Type, spec.Ops, spec.Bits = key.TypeRSA, opsRSA, k.N.BitLen()
		e := big.NewInt(int64(k.E)).Bytes()
		m.public = client.Template{client.Bytes(key.AttrModulus, k.N.Bytes()), client.Bytes(key.AttrPublicExponent, e)}
		m.secret = client.Template{client.Bytes(key.AttrModulus, k.N.Bytes()), client.Bytes(key.AttrPublicExponent, bytes.Clone(e)), client.Bytes(key.AttrPrivateExponent, k.D.Bytes()),
			client.Bytes(key.AttrPrime1, k.Primes[0].Bytes()), client.Bytes(key.AttrPrime2, k.Primes[1].Bytes()), client.Bytes(key.AttrExponent1, k.Precomputed.Dp.Bytes()),
			client.Bytes(key.AttrExponent2, k.Precomputed.Dq.Bytes()), client.Bytes(key.AttrCoefficient, k.Precomputed.Qinv.Bytes())}
		return m, nil
	case *ecdsa.PrivateKey:
		cv := curveNamed(k.Curve.Params().Name)
		point, errPoint := k.PublicKey.Bytes()
		d, errPrivate := k.Bytes()
		if cv == nil || errPoint != nil || errPrivate != nil {
			return m, badParameter("The curve of the private key is not supported.")
		}
		var octets cryptobyte.Builder
		octets.AddASN1OctetString(point)
		spec.Type, spec.Ops, spec.Curve = key.TypeEC, opsEC, cv.params
		m.public = client.Template{client.Bytes(key.AttrECParams, cv.params), client.Bytes(key.AttrECPoint, octets.BytesOrPanic())}
		m.secret = client.Template{client.Bytes(key.AttrECParams, bytes.Clone(cv.params)), client.Bytes(key.AttrValue, d), client.Bytes(key.AttrPublicKeyInfo, spki(cv, point))}
		return m, nil
	}
	return m, badParameter("The private key is neither RSA nor EC.")
}

func base64Of(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
