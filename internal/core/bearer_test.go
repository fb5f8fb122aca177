// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

var b64 = base64.RawURLEncoding

type fields map[string]any

// with answers a copy with some changed; nil takes one away.
func (f fields) with(changes fields) fields {
	out := fields{}
	for k, v := range f {
		out[k] = v
	}
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

// jwt makes a token as a client would, or an attacker.
func jwt(t *testing.T, header, claims fields, sign func(signed []byte) []byte) string {
	t.Helper()
	h, err1 := json.Marshal(header)
	c, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	signed := b64.EncodeToString(h) + "." + b64.EncodeToString(c)
	return signed + "." + b64.EncodeToString(sign([]byte(signed)))
}

func rs256(t *testing.T, k *rsa.PrivateKey) func([]byte) []byte {
	return func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		sig, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

func hs256(k []byte) func([]byte) []byte {
	return func(signed []byte) []byte {
		m := hmac.New(sha256.New, k)
		m.Write(signed)
		return m.Sum(nil)
	}
}

func nothingAtAll([]byte) []byte { return nil }

var theirKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func certificateOf(t *testing.T, k crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7)}, &x509.Certificate{SerialNumber: big.NewInt(7)}, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestASecretGetsATokenAndATokenASession(t *testing.T) {
	w := newWorld(t)
	token := w.token(vaultResource)
	var claims fields
	part, err := b64.DecodeString(strings.Split(token, ".")[1])
	w.must(err)
	w.must(json.Unmarshal(part, &claims))
	wanted := fields{"iss": issuerURL, "aud": vaultResource, "oid": w.client, "appid": w.client, "tid": uuid(w.core.domain)}
	for name, want := range wanted {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	s, err := w.bearer(w.vault, token)
	w.must(err)
	w.create(s, ecKey("k"))

	issue := func(id, secret, scope string) error {
		_, _, err := w.node.client().IssueToken(id, client.ClientSecret, []byte(secret), scope)
		return err
	}
	scope := vaultResource + "/.default"
	w.want("with OpenID's words", issue(w.client, w.secret, scope+" openid profile offline_access"), fault.OK)
	w.want("a wrong secret", issue(w.client, w.secret+"x", scope), fault.TokenInvalid)
	w.want("no secret", issue(w.client, "", scope), fault.TokenInvalid)
	w.want("another client id", issue(someUUID, w.secret, scope), fault.TokenInvalid)
	w.want("a client id that is none", issue("app", w.secret, scope), fault.TokenInvalid)
	w.want("a resource of others", issue(w.client, w.secret, "https://vault.azure.net/.default"), fault.ArgumentsBad)
	_, _, err = w.node.client().IssueToken(w.client, client.Federated, []byte(w.secret), scope)
	w.want("a secret as another kind of evidence", err, fault.TokenInvalid)
	for range 40 {
		err = issue(w.client, "wrong", scope)
	}
	w.want("guessing", err, fault.RateLimited)
	w.want("the right one while others guess", issue(w.client, w.secret, scope), fault.OK)
}

func TestTokensThatAreNotOursLogNobodyIn(t *testing.T) {
	w := newWorld(t)
	other := newWorld(t)
	good := w.token(vaultResource)
	part := strings.Split(good, ".")
	var claims fields
	b, err := b64.DecodeString(part[1])
	w.must(err)
	w.must(json.Unmarshal(b, &claims))
	header := fields{"alg": "HS256", "typ": "JWT"}
	reclaimed := func(c fields) string { // our signature over other claims
		text, _ := json.Marshal(c)
		return part[0] + "." + b64.EncodeToString(text) + "." + part[2]
	}
	public, err := x509.MarshalPKIXPublicKey(theirKey().Public())
	w.must(err)
	for name, c := range map[string]struct {
		token string
		want  fault.Code
	}{
		"its own":                        {good, fault.OK},
		"for managed HSMs":               {w.token(hsmResource), fault.TokenInvalid},
		"of another domain":              {other.token(vaultResource), fault.TokenInvalid},
		"with a longer life":             {reclaimed(claims.with(fields{"exp": 4e9})), fault.TokenInvalid},
		"for another operator":           {reclaimed(claims.with(fields{"sub": someUUID})), fault.TokenInvalid},
		"alg none":                       {jwt(t, header.with(fields{"alg": "none"}), claims, nothingAtAll), fault.TokenInvalid},
		"alg none, our signature":        {strings.Join([]string{b64.EncodeToString([]byte(`{"alg":"none"}`)), part[1], part[2]}, "."), fault.TokenInvalid},
		"HS256 with an empty key":        {jwt(t, header, claims, hs256(nil)), fault.TokenInvalid},
		"HS256 with a public key":        {jwt(t, header, claims, hs256(public)), fault.TokenInvalid},
		"RS256 with a key of their own":  {jwt(t, header.with(fields{"alg": "RS256"}), claims, rs256(t, theirKey())), fault.TokenInvalid},
		"without a signature":            {part[0] + "." + part[1] + ".", fault.TokenInvalid},
		"of two parts":                   {part[0] + "." + part[1], fault.TokenInvalid},
		"with a part too many":           {good + ".x", fault.TokenInvalid},
		"padded":                         {good + "=", fault.TokenInvalid},
		"nothing":                        {"", fault.TokenInvalid},
		"a client secret":                {w.secret, fault.TokenInvalid},
		"a key in its header":            {jwt(t, header.with(fields{"jwk": fields{"kty": "oct", "k": "AA"}}), claims, hs256([]byte{0})), fault.TokenInvalid},
		"with an extension it must know": {jwt(t, header.with(fields{"crit": []string{"x"}, "x": 1}), claims, hs256(nil)), fault.TokenInvalid},
	} {
		_, err := w.bearer(w.vault, c.token)
		w.want(name, err, c.want)
	}
	for i := range part[2] { // each bit of the signature counts
		bad := []byte(good)
		at := len(good) - len(part[2]) + i
		if bad[at]++; i%8 == 0 {
			_, err := w.bearer(w.vault, string(bad))
			w.want("an altered signature", err, fault.TokenInvalid)
		}
	}
}

func TestATokenEndsWithItsTimeItsOperatorAndItsCredential(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	k := w.create(s, ecKey("k"))
	token := w.token(vaultResource)
	w.later(59 * time.Minute)
	_, err := w.bearer(w.vault, token)
	w.must(err)
	_, err = sign(s, k, 4, nil)
	w.must(err)
	w.later(2 * time.Minute)
	_, err = w.bearer(w.vault, token)
	w.want("an expired token", err, fault.TokenExpired)
	_, err = sign(s, k, 4, nil)
	w.want("a session of an expired token", err, fault.TokenExpired)
	_, err = s.Random(8)
	w.want("the same, once more", err, fault.OK) // logged out: as anybody
	_, err = sign(s, k, 4, nil)
	w.want("and signing", err, fault.ObjectUnknown)

	for name, end := range map[string]func(){
		"disabled": func() {
			w.must(w.admin.OperatorSet(0, "app", client.Disable, nil))
		},
		"a credential removed": func() {
			list, err := w.admin.Credentials(0, "app")
			w.must(err)
			_, secret, err := w.admin.AddSecret(0, "app", 0)
			w.must(err)
			w.must(w.admin.RemoveCredential(0, "app", list[0].ID))
			w.secret = string(secret)
		},
	} {
		w.must(w.admin.OperatorSet(0, "app", client.Enable, nil))
		token := w.token(vaultResource)
		s, err := w.bearer(w.vault, token)
		w.must(err)
		_, err = sign(s, k, 4, nil)
		w.must(err)
		end()
		_, err = w.bearer(w.vault, token)
		w.want(name+": its token", err, fault.TokenInvalid)
		_, err = sign(s, k, 4, nil)
		w.want(name+": its session", err, fault.NotLoggedIn)
	}
	w.must(w.admin.OperatorSet(0, "app", client.Enable, nil))
	w.token(vaultResource)
	w.must(w.admin.OperatorDestroy(0, "app"))
	_, _, err = w.node.client().IssueToken(w.client, client.ClientSecret, []byte(w.secret), vaultResource+"/.default")
	w.want("a destroyed operator's secret", err, fault.TokenInvalid)
}

func TestACredentialExpires(t *testing.T) {
	w := newWorld(t)
	w.must(w.admin.OperatorCreate(0, "brief", client.Service, nil))
	_, secret, err := w.admin.AddSecret(0, "brief", uint64(w.core.Now())+60)
	w.must(err)
	id := w.idOf(0, "brief")
	w.tokenFor(id, string(secret), vaultResource)
	w.later(time.Minute)
	_, _, err = w.node.client().IssueToken(id, client.ClientSecret, []byte(string(secret)), vaultResource+"/.default")
	w.want("after its time", err, fault.TokenInvalid)
}

func TestTokensOutliveTheCore(t *testing.T) {
	w := newWorld(t)
	token := w.token(vaultResource)
	w.start(wire.Config{})
	_, err := w.bearer(w.vault, token)
	w.must(err)
}

func TestOnlyAnHonestAssertionProvesACertificate(t *testing.T) {
	w := newWorld(t)
	k := theirKey()
	der := certificateOf(t, k)
	_, err := w.admin.AddCertificate(0, "app", der, 0)
	w.must(err)
	thumb := sha1.Sum(der)
	public, _ := x509.MarshalPKIXPublicKey(k.Public())
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	now := w.core.Now()
	header := fields{"alg": "RS256", "typ": "JWT", "x5t": b64.EncodeToString(thumb[:])}
	claims := func(jti string) fields {
		return fields{"iss": w.client, "sub": w.client, "aud": issuerURL + "/oauth2/token", "jti": jti, "nbf": now, "exp": now + 600}
	}
	show := func(assertion string) error {
		_, _, err := w.node.client().IssueToken(w.client, client.Certificate, []byte(assertion), vaultResource+"/.default")
		return err
	}
	signed := func(c fields) string { return jwt(t, header, c, rs256(t, k)) }
	first := signed(claims("1"))
	w.want("an honest one", show(first), fault.OK)
	w.want("the same again", show(first), fault.TokenInvalid)
	w.want("another, in a list of audiences", show(signed(claims("2").with(fields{"aud": []string{"x", issuerURL + "/oauth2/token"}}))), fault.OK)
	for name, assertion := range map[string]string{
		"an old jti in new clothes":   signed(claims("1").with(fields{"exp": now + 700})),
		"for another service":         signed(claims("3").with(fields{"aud": "https://login.microsoftonline.com/x/oauth2/token"})),
		"by somebody else":            signed(claims("4").with(fields{"iss": someUUID})),
		"about somebody else":         signed(claims("5").with(fields{"sub": someUUID})),
		"without a jti":               signed(claims("6").with(fields{"jti": nil})),
		"without an end":              signed(claims("7").with(fields{"exp": nil})),
		"with a far end":              signed(claims("8").with(fields{"exp": now + 3*24*3600})),
		"that begins tomorrow":        signed(claims("9").with(fields{"nbf": now + 24*3600, "exp": now + 24*3600 + 60})),
		"without a certificate":       jwt(t, header.with(fields{"x5t": nil}), claims("10"), rs256(t, k)),
		"with another certificate":    jwt(t, header.with(fields{"x5t": "AAAA"}), claims("11"), rs256(t, k)),
		"signed by another key":       jwt(t, header, claims("12"), rs256(t, stranger)),
		"alg none":                    jwt(t, header.with(fields{"alg": "none"}), claims("13"), nothingAtAll),
		"HS256 by the public key":     jwt(t, header.with(fields{"alg": "HS256"}), claims("14"), hs256(public)),
		"HS256 by the certificate":    jwt(t, header.with(fields{"alg": "HS256"}), claims("15"), hs256(der)),
		"an algorithm of another key": jwt(t, header.with(fields{"alg": "ES256"}), claims("16"), rs256(t, k)),
		"its own key in the header":   jwt(t, header.with(fields{"x5c": []string{base64.StdEncoding.EncodeToString(certificateOf(t, stranger))}}), claims("17"), rs256(t, stranger)),
		"an access token of ours":     w.token(vaultResource),
	} {
		w.want(name, show(assertion), fault.TokenInvalid)
		w.later(31 * time.Second) // so that the bucket of wrong evidence has room
	}
	w.want("one that is over", show(signed(claims("19").with(fields{"nbf": now - 7200, "exp": now - 3600}))), fault.TokenExpired)
}

func TestCertificatesOfEveryKindProve(t *testing.T) {
	w := newWorld(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	der := certificateOf(t, ec)
	_, err = w.admin.AddCertificate(0, "app", der, 0)
	w.must(err)
	_, err = w.admin.AddCertificate(0, "app", certificateOf(t, theirKey()), 0)
	w.must(err)
	thumb := sha256.Sum256(der)
	now := w.core.Now()
	claims := fields{"iss": w.client, "sub": w.client, "aud": issuerURL + "/oauth2/token", "jti": "a", "exp": now + 600}
	es := jwt(t, fields{"alg": "ES256", "x5t#S256": b64.EncodeToString(thumb[:])}, claims, func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		r, s, err := ecdsa.Sign(rand.Reader, ec, sum[:])
		w.must(err)
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
	_, _, err = w.node.client().IssueToken(w.client, client.Certificate, []byte(es), vaultResource+"/.default")
	w.must(err)
	rsaThumb := sha256.Sum256(certificateOf(t, theirKey()))
	ps := jwt(t, fields{"alg": "PS256", "x5t#S256": b64.EncodeToString(rsaThumb[:])}, claims.with(fields{"jti": "b"}), func(signed []byte) []byte {
		sum := sha256.Sum256(signed)
		sig, err := rsa.SignPSS(rand.Reader, theirKey(), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		w.must(err)
		return sig
	})
	_, _, err = w.node.client().IssueToken(w.client, client.Certificate, []byte(ps), vaultResource+"/.default")
	w.must(err)
}

func TestOnlyTheNamedIssuersTokenProvesAFederatedIdentity(t *testing.T) {
	w := newWorld(t)
	k := theirKey()
	const issuer, subject, audience = "https://kubernetes.default.svc", "system:serviceaccount:shop:till", "api://AzureADTokenExchange"
	set, err := json.Marshal(fields{"keys": []fields{
		{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "AAAA"},
		{"kty": "RSA", "kid": "k1", "use": "sig", "n": b64.EncodeToString(k.N.Bytes()), "e": "AQAB"}}})
	w.must(err)
	_, err = w.admin.AddFederated(0, "app", issuer, subject, audience, set, 0)
	w.must(err)
	_, err = w.admin.AddFederated(0, "app", issuer, subject, audience, []byte(`{"keys":[]}`), 0)
	w.want("a set without keys", err, fault.ArgumentsBad)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	now := w.core.Now()
	header := fields{"alg": "RS256", "kid": "k1"}
	claims := fields{"iss": issuer, "sub": subject, "aud": []string{audience}, "iat": now, "exp": now + 3600}
	show := func(token string) error {
		_, _, err := w.node.client().IssueToken(w.client, client.Federated, []byte(token), vaultResource+"/.default")
		return err
	}
	good := jwt(t, header, claims, rs256(t, k))
	w.want("the issuer's", show(good), fault.OK)
	w.want("the same while it lasts", show(good), fault.OK)
	public, _ := x509.MarshalPKIXPublicKey(k.Public())
	for name, token := range map[string]string{
		"of another issuer":       jwt(t, header, claims.with(fields{"iss": "https://evil.example"}), rs256(t, k)),
		"about another subject":   jwt(t, header, claims.with(fields{"sub": "system:serviceaccount:shop:thief"}), rs256(t, k)),
		"for another audience":    jwt(t, header, claims.with(fields{"aud": "https://kubernetes.default.svc"}), rs256(t, k)),
		"signed by another key":   jwt(t, header, claims, rs256(t, stranger)),
		"that names another key":  jwt(t, header.with(fields{"kid": "k2"}), claims, rs256(t, k)),
		"that brings its own set": jwt(t, header.with(fields{"kid": "k9", "jku": "https://evil.example/keys"}), claims, rs256(t, stranger)),
		"alg none":                jwt(t, header.with(fields{"alg": "none"}), claims, nothingAtAll),
		"HS256 by the public key": jwt(t, header.with(fields{"alg": "HS256"}), claims, hs256(public)),
		"without an end":          jwt(t, header, claims.with(fields{"exp": nil}), rs256(t, k)),
	} {
		w.want(name, show(token), fault.TokenInvalid)
	}
	w.want("one that is over", show(jwt(t, header, claims.with(fields{"exp": now - 3600}), rs256(t, k))), fault.TokenExpired)
}
