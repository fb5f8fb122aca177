// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"crypto"
	goaes "crypto/aes" // aes and cipher are functions here
	gocipher "crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

// keySigner is a key of the core as a crypto.Signer.
type keySigner struct {
	session *client.Session
	name    string
	facts   facts
	public  crypto.PublicKey
}

func (k *keySigner) Public() crypto.PublicKey { return k.public }

// Sign signs a digest: PKCS #1 v1.5 for RSA, DER for ECDSA.
func (k *keySigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	alg := "RS256"
	if k.facts.curve != nil {
		alg = k.facts.curve.alg
	}
	mech, data, err := k.facts.signing(alg, digest)
	if err != nil {
		return nil, err
	}
	res, err := k.session.Operate(client.Operation{Op: key.OpSign, Mech: mech, Key: k.facts.handle, Name: k.name, Data: data})
	if err != nil || k.facts.curve == nil {
		return res.Out, err
	}
	half := len(res.Out) / 2
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range [][]byte{res.Out[:half], res.Out[half:]} {
			b.AddASN1BigInt(new(big.Int).SetBytes(n))
		}
	})
	return b.Bytes()
}

// export takes a private key out, where it was made so that it may be: the core wraps it for a key that this process drew, so
// that the channel carries no key in clear. From here on it is in the host's memory, as the secret that it becomes will be
// whenever somebody fetches it.
func (m maker) export(private uint64) (opaque.Bytes, error) {
	raw, iv := make([]byte, 32), make([]byte, 12)
	rand.Read(raw)
	rand.Read(iv)
	block, err := goaes.NewCipher(raw)
	if err != nil {
		return opaque.Bytes{}, err
	}
	gcm, err := gocipher.NewGCM(block)
	if err != nil {
		return opaque.Bytes{}, err
	}
	k, err := m.session.Create(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES), client.Bool(key.AttrToken, false),
		client.Bool(key.AttrSensitive, true), client.Bool(key.AttrWrap, true), client.Bytes(key.AttrValue, raw)})
	clear(raw)
	if err != nil {
		return opaque.Bytes{}, err
	}
	defer m.session.Destroy(k.Handle)
	wrapped, err := m.session.Wrap(client.GCM(iv, nil, 128), k.Handle, private)
	if err != nil {
		return opaque.Bytes{}, err
	}
	der, err := gcm.Open(nil, iv, wrapped, nil)
	return opaque.New(der), err
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
