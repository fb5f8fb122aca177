// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"math/big"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

type alg = azkeys.SignatureAlgorithm

// sign: the vault's keys sign, and Go's own cryptography verifies.
func (c clients) sign() {
	message := []byte("signed by a key that never left the vault")
	d256, d384, d512 := sha256.Sum256(message), sha512.Sum384(message), sha512.Sum512(message)
	digests := map[crypto.Hash][]byte{crypto.SHA256: d256[:], crypto.SHA384: d384[:], crypto.SHA512: d512[:]}
	for _, t := range []struct {
		name  string
		curve azkeys.CurveName
		alg   alg
		hash  crypto.Hash
		group elliptic.Curve
	}{
		{"ec256", azkeys.CurveNameP256, azkeys.SignatureAlgorithmES256, crypto.SHA256, elliptic.P256()},
		{"ec384", azkeys.CurveNameP384, azkeys.SignatureAlgorithmES384, crypto.SHA384, elliptic.P384()},
		{"ec521", azkeys.CurveNameP521, azkeys.SignatureAlgorithmES512, crypto.SHA512, elliptic.P521()},
		{"ec256k", azkeys.CurveNameP256K, azkeys.SignatureAlgorithmES256K, crypto.SHA256, nil},
	} {
		made, err := c.vault.CreateKey(ctx, t.name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC), Curve: &t.curve}, nil)
		must(err)
		equal("curve", *made.Key.Crv, t.curve)
		res, err := c.vault.Sign(ctx, t.name, made.Key.KID.Version(), azkeys.SignParameters{Algorithm: &t.alg, Value: digests[t.hash]}, nil)
		must(err)
		equal("kid", *res.KID, *made.Key.KID)
		if t.group != nil {
			size := (t.group.Params().BitSize + 7) / 8
			equal("length of the signature", len(res.Result), 2*size)
			public := &ecdsa.PublicKey{Curve: t.group, X: number(made.Key.X), Y: number(made.Key.Y)}
			check(ecdsa.Verify(public, digests[t.hash], number(res.Result[:size]), number(res.Result[size:])), t.name+": the signature is not valid")
		}
		c.verify(t.name, t.alg, digests[t.hash], res.Result)
		_, err = c.vault.Sign(ctx, t.name, "", azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmRS256), Value: digests[crypto.SHA256]}, nil)
		refused(err, 400, "BadParameter")
	}
	for _, bits := range []int32{2048, 3072} {
		made, err := c.vault.CreateKey(ctx, "rsa", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSA), KeySize: &bits}, nil)
		must(err)
		public := publicRSA(made.Key)
		equal("size", public.N.BitLen(), int(bits))
		for hash, names := range map[crypto.Hash][2]alg{
			crypto.SHA256: {azkeys.SignatureAlgorithmRS256, azkeys.SignatureAlgorithmPS256},
			crypto.SHA384: {azkeys.SignatureAlgorithmRS384, azkeys.SignatureAlgorithmPS384},
			crypto.SHA512: {azkeys.SignatureAlgorithmRS512, azkeys.SignatureAlgorithmPS512},
		} {
			for i, a := range names {
				res, err := c.vault.Sign(ctx, "rsa", "", azkeys.SignParameters{Algorithm: &a, Value: digests[hash]}, nil)
				must(err)
				if i == 0 {
					must(rsa.VerifyPKCS1v15(public, hash, digests[hash], res.Result))
				} else {
					must(rsa.VerifyPSS(public, hash, digests[hash], res.Result, &rsa.PSSOptions{SaltLength: hash.Size()}))
				}
				c.verify("rsa", a, digests[hash], res.Result)
			}
		}
	}
}

// verify: a good signature is true, any other is false and no error.
func (c clients) verify(name string, a alg, digest, signature []byte) {
	res, err := c.vault.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: &a, Digest: digest, Signature: signature}, nil)
	must(err)
	check(*res.Value, name+": the vault does not verify its own signature")
	signature = bytes.Clone(signature)
	signature[len(signature)-1] ^= 1
	res, err = c.vault.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: &a, Digest: digest, Signature: signature}, nil)
	must(err)
	check(!*res.Value, name+": a changed signature verifies")
	res, err = c.vault.Verify(ctx, name, "", azkeys.VerifyParameters{Algorithm: &a, Digest: digest, Signature: signature[1:]}, nil)
	must(err)
	check(!*res.Value, name+": a short signature verifies")
}

// encrypt: what Go encrypts to the public key the vault decrypts, and it wraps keys and unwraps them.
func (c clients) encrypt() {
	made, err := c.vault.CreateKey(ctx, "crypt", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSA)}, nil)
	must(err)
	public := publicRSA(made.Key)
	secret := make([]byte, 32)
	rand.Read(secret)
	oaep1, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, secret, nil)
	must(err)
	oaep256, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, secret, nil)
	must(err)
	pkcs, err := rsa.EncryptPKCS1v15(rand.Reader, public, secret)
	must(err)
	for a, ct := range map[azkeys.EncryptionAlgorithm][]byte{azkeys.EncryptionAlgorithmRSAOAEP: oaep1,
		azkeys.EncryptionAlgorithmRSAOAEP256: oaep256, azkeys.EncryptionAlgorithmRSA15: pkcs} {
		res, err := c.vault.Decrypt(ctx, "crypt", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: ct}, nil)
		must(err)
		check(bytes.Equal(res.Result, secret), string(a)+": decrypted to something else")
		enc, err := c.vault.Encrypt(ctx, "crypt", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: secret}, nil)
		must(err)
		res, err = c.vault.Decrypt(ctx, "crypt", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: enc.Result}, nil)
		must(err)
		check(bytes.Equal(res.Result, secret), string(a)+": decrypted to something else")
		wrapped, err := c.vault.WrapKey(ctx, "crypt", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: secret}, nil)
		must(err)
		un, err := c.vault.UnwrapKey(ctx, "crypt", made.Key.KID.Version(), azkeys.KeyOperationParameters{Algorithm: &a, Value: wrapped.Result}, nil)
		must(err)
		check(bytes.Equal(un.Result, secret), string(a)+": unwrapped to something else")
		if a == azkeys.EncryptionAlgorithmRSAOAEP256 {
			ct[len(ct)-1] ^= 1
			_, err = c.vault.Decrypt(ctx, "crypt", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: ct}, nil)
			refused(err, 400, "BadParameter")
		}
	}
}

// symmetric: the managed HSM's AES and HMAC keys, and its random numbers.
func (c clients) symmetric() {
	for size, algs := range map[int32][]azkeys.EncryptionAlgorithm{
		128: {azkeys.EncryptionAlgorithmA128GCM, azkeys.EncryptionAlgorithmA128CBC, azkeys.EncryptionAlgorithmA128CBCPAD, azkeys.EncryptionAlgorithmA128KW},
		256: {azkeys.EncryptionAlgorithmA256GCM, azkeys.EncryptionAlgorithmA256CBC, azkeys.EncryptionAlgorithmA256CBCPAD, azkeys.EncryptionAlgorithmA256KW},
	} {
		_, err := c.hsm.CreateKey(ctx, "aes", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeOctHSM), KeySize: &size}, nil)
		must(err)
		text, aad := bytes.Repeat([]byte("sixteen bytes :)"), 2), []byte("header")
		for i, a := range algs {
			p := azkeys.KeyOperationParameters{Algorithm: &a, Value: text}
			if i == 3 {
				wrapped, err := c.hsm.WrapKey(ctx, "aes", "", p, nil)
				must(err)
				res, err := c.hsm.UnwrapKey(ctx, "aes", "", azkeys.KeyOperationParameters{Algorithm: &a, Value: wrapped.Result}, nil)
				must(err)
				check(bytes.Equal(res.Result, text), string(a)+": unwrapped to something else")
				continue
			}
			if i == 0 {
				p.AdditionalAuthenticatedData = aad
			} else {
				p.IV = make([]byte, 16)
				rand.Read(p.IV)
			}
			enc, err := c.hsm.Encrypt(ctx, "aes", "", p, nil)
			must(err)
			back := azkeys.KeyOperationParameters{Algorithm: &a, Value: enc.Result, IV: enc.IV, AuthenticationTag: enc.AuthenticationTag, AdditionalAuthenticatedData: p.AdditionalAuthenticatedData}
			res, err := c.hsm.Decrypt(ctx, "aes", "", back, nil)
			must(err)
			check(bytes.Equal(res.Result, text), string(a)+": decrypted to something else")
			if i == 0 {
				equal("length of the nonce", len(enc.IV), 12)
				back.AdditionalAuthenticatedData = []byte("another header")
				_, err = c.hsm.Decrypt(ctx, "aes", "", back, nil)
				refused(err, 400, "BadParameter")
			}
		}
	}
	a, b := c.random(32), c.random(32)
	check(len(a) == 32 && !bytes.Equal(a, b), "random bytes are not random")
}

func (c clients) random(n int32) []byte {
	res, err := c.hsm.GetRandomBytes(ctx, azkeys.GetRandomBytesParameters{Count: &n}, nil)
	must(err)
	return res.Value
}

// importKeys brings keys in, and compares what they do with what the originals do.
func (c clients) importKeys() {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	zero := func(n *big.Int) []byte { return append([]byte{0}, n.Bytes()...) } // as .NET and others write numbers
	res, err := c.vault.ImportKey(ctx, "imported-rsa", azkeys.ImportKeyParameters{Key: &azkeys.JSONWebKey{Kty: to(azkeys.KeyTypeRSA), N: zero(r.N), E: []byte{1, 0, 1},
		D: zero(r.D), P: zero(r.Primes[0]), Q: zero(r.Primes[1]), DP: zero(r.Precomputed.Dp), DQ: zero(r.Precomputed.Dq), QI: zero(r.Precomputed.Qinv)}}, nil)
	must(err)
	check(publicRSA(res.Key).Equal(&r.PublicKey), "another public key came back")
	digest := sha256.Sum256([]byte("x"))
	sig, err := c.vault.Sign(ctx, "imported-rsa", "", azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmRS256), Value: digest[:]}, nil)
	must(err)
	want, err := r.Sign(nil, digest[:], crypto.SHA256)
	must(err)
	check(bytes.Equal(sig.Result, want), "the imported key signs differently")

	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	d, err := e.Bytes()
	must(err)
	point, err := e.PublicKey.Bytes()
	must(err)
	_, err = c.vault.ImportKey(ctx, "imported-ec", azkeys.ImportKeyParameters{Key: &azkeys.JSONWebKey{Kty: to(azkeys.KeyTypeEC), Crv: to(azkeys.CurveNameP256),
		X: point[1:33], Y: point[33:], D: d}}, nil)
	must(err)
	sig, err = c.vault.Sign(ctx, "imported-ec", "", azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Value: digest[:]}, nil)
	must(err)
	check(ecdsa.Verify(&e.PublicKey, digest[:], number(sig.Result[:32]), number(sig.Result[32:])), "the imported key's signature is not valid")
}

func publicRSA(k *azkeys.JSONWebKey) *rsa.PublicKey {
	return &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
}

func publicPEM(k *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(k)
	must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func number(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
