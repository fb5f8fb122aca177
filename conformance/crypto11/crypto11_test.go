// SPDX-License-Identifier: Apache-2.0

//go:build cgo

// Package crypto11 uses keys in Genbu as a Go program does that knows only PKCS #11: through ThalesGroup/crypto11, which
// needs cgo. scripts/crypto11.sh runs it with a node; without one it skips.
package crypto11

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"hash"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/miekg/pkcs11"
)

// token configures crypto11 for the node that the environment names.
func token(t *testing.T) *crypto11.Context {
	t.Helper()
	module := os.Getenv("GENBU_PKCS11_MODULE")
	if module == "" {
		t.Skip("no node: scripts/crypto11.sh brings one up")
	}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: os.Getenv("GENBU_TOKEN_LABEL"), Pin: os.Getenv("GENBU_USER_PIN")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ctx.Close(); err != nil {
			t.Error(err)
		}
	})
	return ctx
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var digest = sha256.Sum256([]byte("signed in Go"))

func TestECDSAKeysAreMadeFoundUsedAndDestroyed(t *testing.T) {
	ctx := token(t)
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		id, label := []byte("ec"+curve.Params().Name), []byte("label "+curve.Params().Name)
		must[crypto11.Signer](t)(ctx.GenerateECDSAKeyPairWithLabel(id, label, curve))
		if byID, byLabel := must[crypto11.Signer](t)(ctx.FindKeyPair(id, nil)), must[crypto11.Signer](t)(ctx.FindKeyPair(nil, label)); byID == nil || byLabel == nil {
			t.Fatalf("%s: not found", curve.Params().Name)
		}
		key := must[crypto11.Signer](t)(ctx.FindKeyPair(id, label))
		sig := must[[]byte](t)(key.Sign(rand.Reader, digest[:], crypto.SHA256))
		pub := key.Public().(*ecdsa.PublicKey)
		if !ecdsa.VerifyASN1(pub, digest[:], sig) {
			t.Errorf("%s: signature does not verify", curve.Params().Name)
		}
		if err := key.Delete(); err != nil {
			t.Fatal(err)
		}
		if left := must[[]crypto11.Signer](t)(ctx.FindKeyPairs(id, nil)); len(left) > 0 {
			t.Errorf("%s: there after it was deleted", curve.Params().Name)
		}
	}
}

func TestRSASignsAndDecrypts(t *testing.T) {
	ctx := token(t)
	key := must[crypto11.SignerDecrypter](t)(ctx.GenerateRSAKeyPairWithLabel([]byte("rsa"), []byte("rsa"), 2048))
	defer key.Delete()
	pub := key.Public().(*rsa.PublicKey)
	sig := must[[]byte](t)(key.Sign(rand.Reader, digest[:], crypto.SHA256))
	if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig); err != nil {
		t.Error("PKCS #1 v1.5:", err)
	}
	pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	sig = must[[]byte](t)(key.Sign(rand.Reader, digest[:], pss))
	if err := rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, pss); err != nil {
		t.Error("PSS:", err)
	}
	ct := must[[]byte](t)(rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, []byte("for the token"), nil))
	if plain := must[[]byte](t)(key.Decrypt(rand.Reader, ct, &rsa.OAEPOptions{Hash: crypto.SHA256})); string(plain) != "for the token" {
		t.Errorf("OAEP: %q", plain)
	}
	ct = must[[]byte](t)(rsa.EncryptPKCS1v15(rand.Reader, pub, []byte("for the token")))
	if plain := must[[]byte](t)(key.Decrypt(rand.Reader, ct, nil)); string(plain) != "for the token" {
		t.Errorf("PKCS #1 v1.5: %q", plain)
	}
}

func TestHMACsAgreeWithGo(t *testing.T) {
	ctx := token(t)
	// The value is imported, so that Go can say what is right; crypto11 itself only generates.
	raw, session := import32(t, pkcs11.CKK_GENERIC_SECRET, "known")
	defer session()
	key := must[*crypto11.SecretKey](t)(ctx.FindKey(nil, []byte("known")))
	for name, m := range map[string]uint{"general": pkcs11.CKM_SHA256_HMAC_GENERAL, "full": pkcs11.CKM_SHA256_HMAC} {
		length := 0
		want := hmac.New(sha256.New, raw)
		if want.Write([]byte("message")); name == "general" {
			length = 16
		}
		mac, err := key.NewHMAC(int(m), length)
		if err != nil {
			t.Fatal(name, err)
		}
		mac.Write([]byte("mess"))
		mac.Write([]byte("age"))
		if got, sum := mac.Sum(nil), want.Sum(nil); !bytes.HasPrefix(sum, got) || len(got) < 16 {
			t.Errorf("%s: %x, not %x", name, got, sum)
		}
	}
	own := must[*crypto11.SecretKey](t)(ctx.GenerateSecretKey([]byte("hmac"), 256, crypto11.CipherGeneric))
	defer own.Delete()
	mac := must[hash.Hash](t)(own.NewHMAC(pkcs11.CKM_SHA512_HMAC, 0))
	if mac.Write([]byte("x")); len(mac.Sum(nil)) != 64 {
		t.Error("a generated key makes a short MAC")
	}
}

func TestAESModes(t *testing.T) {
	ctx := token(t)
	key := must[*crypto11.SecretKey](t)(ctx.GenerateSecretKey([]byte("aes"), 256, crypto11.CipherAES))
	defer key.Delete()
	nonce, plain, aad := make([]byte, 12), []byte("sealed in Go"), []byte("header")
	gcm := must[cipher.AEAD](t)(key.NewGCM())
	sealed := gcm.Seal(nil, nonce, plain, aad)
	if got, err := gcm.Open(nil, nonce, sealed, aad); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("GCM: %q %v", got, err)
	}
	sealed[0] ^= 1
	if _, err := gcm.Open(nil, nonce, sealed, aad); err == nil {
		t.Error("GCM: a changed ciphertext opens")
	}
	iv := bytes.Repeat([]byte{7}, 16)
	blocks := bytes.Repeat([]byte("sixteen bytes..."), 9)
	enc, dec := must[crypto11.BlockModeCloser](t)(key.NewCBCEncrypterCloser(iv)), must[crypto11.BlockModeCloser](t)(key.NewCBCDecrypterCloser(iv))
	defer enc.Close()
	defer dec.Close()
	ct, back := make([]byte, len(blocks)), make([]byte, len(blocks))
	for i := 0; i < len(blocks); i += 48 {
		enc.CryptBlocks(ct[i:i+48], blocks[i:i+48])
	}
	dec.CryptBlocks(back, ct)
	if !bytes.Equal(back, blocks) || bytes.Equal(ct, blocks) {
		t.Error("CBC in parts")
	}
}

func TestATLSServerSignsFromManyGoroutines(t *testing.T) {
	ctx := token(t)
	key := must[crypto11.Signer](t)(ctx.GenerateECDSAKeyPair([]byte("tls"), elliptic.P256()))
	defer key.Delete()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	cert := must[*x509.Certificate](t)(x509.ParseCertificate(der))
	if err := ctx.ImportCertificateWithLabel([]byte("tls"), []byte("tls"), cert); err != nil {
		t.Fatal(err)
	}
	defer ctx.DeleteCertificate([]byte("tls"), nil, nil)
	found := must[*x509.Certificate](t)(ctx.FindCertificate([]byte("tls"), nil, nil))
	if found == nil || !found.Equal(cert) {
		t.Fatal("the certificate is not found")
	}
	pairs, err := ctx.FindAllPairedCertificates()
	if err != nil || len(pairs) != 1 {
		t.Fatal("paired certificates:", len(pairs), err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	l := must[net.Listener](t)(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: pairs, SessionTicketsDisabled: true}))
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.WriteString(c, "served")
				c.Close()
			}()
		}
	}()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost"})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(c); string(got) != "served" {
					t.Errorf("%q %v", got, err)
				}
				c.Close()
			}
		})
	}
	wg.Wait()
}

// import32 puts a known secret of 32 bytes on the token by the binding below crypto11.
func import32(t *testing.T, keyType uint, label string) (value []byte, undo func()) {
	t.Helper()
	p := pkcs11.New(os.Getenv("GENBU_PKCS11_MODULE")) // initialized by crypto11 already
	slots := must[[]uint](t)(p.GetSlotList(true))
	s := must[pkcs11.SessionHandle](t)(p.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))
	value = []byte("thirty-two bytes that Go knows..")
	object := must[pkcs11.ObjectHandle](t)(p.CreateObject(s, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, keyType),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, label), pkcs11.NewAttribute(pkcs11.CKA_VALUE, value)}))
	return value, func() {
		if err := p.DestroyObject(s, object); err != nil {
			t.Error(err)
		}
		p.CloseSession(s)
	}
}
