// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestAKeyIsReleasedToWhomItsPolicyNamesAndToNobodyElse(t *testing.T) {
	w := newWorld(t)
	s, user := w.session(w.vault), w.user(w.vault)
	const maa, otherMAA = "https://maa.example", "https://other.example"
	attester, other := theirKey(), mustRSA(t)
	set := func(k *rsa.PrivateKey) string {
		b, _ := json.Marshal(fields{"keys": []fields{{"kty": "RSA", "kid": "a", "n": b64.EncodeToString(k.N.Bytes()), "e": "AQAB"}}})
		return string(b)
	}
	w.must(w.admin.SetSettings(w.vault, map[string]string{client.SettingAttestation + maa: set(attester), client.SettingAttestation + otherMAA: set(other)}))
	w.want("a key set that is none", w.admin.SetSettings(w.vault, map[string]string{client.SettingAttestation + maa: "{}"}), fault.ArgumentsBad)

	// The environment's key: made by PKCS #11 here, so that what was released can be tried.
	pub, priv, err := user.GeneratePair(client.Mech(key.MechRSAKeyPairGen), client.Template{client.ULong(key.AttrModulusBits, uint64(2048)), client.Bool(key.AttrWrap, true)},
		client.Template{client.Bool(key.AttrUnwrap, true)})
	w.must(err)
	modulus, err := user.Get(pub.Handle, key.AttrModulus)
	w.must(err)
	transport := fields{"keys": []fields{{"kty": "RSA", "kid": "TpmEphemeralEncryptionKey", "key_ops": []string{"encrypt"}, "n": b64.EncodeToString(modulus[0].Value), "e": "AQAB"}}}

	policy := `{"version":"1.0.0","anyOf":[{"authority":"` + maa + `","allOf":[{"claim":"x-ms-attestation-type","equals":"sevsnpvm"},
		{"claim":"x-ms-tee.svn","greaterOrEquals":3},{"anyOf":[{"claim":"debug","exists":false},{"claim":"debug","equals":"false"}]}]}]}`
	spec := aes256("k")
	spec.Release, spec.Exportable, spec.Immutable = []byte(policy), true, true
	k := w.create(s, spec)
	plain := w.create(s, aes256("plain"))

	now := w.core.Now()
	header := fields{"alg": "RS256", "kid": "a"}
	claims := fields{"iss": maa, "exp": now + 600, "x-ms-attestation-type": "sevsnpvm", "x-ms-tee": fields{"svn": 3}, "debug": false, "x-ms-runtime": transport}
	good := jwt(t, header, claims, rs256(t, attester))
	blob, statement, err := s.Release(client.Release{Key: k.Handle, Name: "k", Token: good, Hash: key.MechSHA256, Nonce: "n\"1", APIVersion: "7.6"})
	w.must(err)
	said := w.said(statement, "JWT")
	if got := said.at("request.nonce"); got != "n\"1" {
		t.Errorf("nonce %v", got)
	}
	var file struct {
		Header     struct{ Kid, Alg, Enc string }
		Ciphertext string
	}
	inner, err := b64.DecodeString(said.at("response.key.key.key_hsm").(string))
	w.must(err)
	w.must(json.Unmarshal(inner, &file))
	if file.Ciphertext != b64.EncodeToString(blob) || file.Header.Kid != "TpmEphemeralEncryptionKey" || file.Header.Enc != "RSA_AES_KEY_WRAP_256" {
		t.Errorf("key_hsm is %s", inner)
	}
	if kid, _ := said.at("request.kid").(string); kid != "https://vault.vault.genbu.localhost:8443/keys/k/"+k.Version || said.at("response.key.key.kid") != kid {
		t.Errorf("kid %v", kid)
	}
	o, err := user.Unwrap(client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil), priv.Handle, blob, client.Template{client.ULong(key.AttrClass, key.ClassSecret),
		client.ULong(key.AttrKeyType, key.TypeAES)})
	w.must(err)
	sealed, err := s.Operate(client.Operation{Op: key.OpEncrypt, Mech: gcmSeal(), Key: k.Handle, Data: []byte("x")})
	w.must(err)
	if got, err := user.OpenMessage(gcmOpen(sealed.IV), o.Handle, nil, sealed.Out, sealed.Tag); err != nil || string(got) != "x" {
		t.Errorf("what was released is another key: %q, %v", got, err)
	}

	for name, c := range map[string]struct {
		token string
		want  fault.Code
	}{
		"another type":                {jwt(t, header, claims.with(fields{"x-ms-attestation-type": "sgx"}), rs256(t, attester)), fault.AttestationRefused},
		"no type":                     {jwt(t, header, claims.with(fields{"x-ms-attestation-type": nil}), rs256(t, attester)), fault.AttestationRefused},
		"too old":                     {jwt(t, header, claims.with(fields{"x-ms-tee": fields{"svn": 2}}), rs256(t, attester)), fault.AttestationRefused},
		"of no number":                {jwt(t, header, claims.with(fields{"x-ms-tee": fields{"svn": "many"}}), rs256(t, attester)), fault.AttestationRefused},
		"in debug":                    {jwt(t, header, claims.with(fields{"debug": true}), rs256(t, attester)), fault.AttestationRefused},
		"over":                        {jwt(t, header, claims.with(fields{"exp": now - 1}), rs256(t, attester)), fault.AttestationInvalid},
		"by another pinned one":       {jwt(t, header, claims, rs256(t, other)), fault.AttestationInvalid},
		"by another one, who says so": {jwt(t, header, claims.with(fields{"iss": otherMAA}), rs256(t, other)), fault.AttestationInvalid},
		"alg none":                    {jwt(t, header.with(fields{"alg": "none"}), claims, nothingAtAll), fault.AttestationInvalid},
		"without a key to wrap to":    {jwt(t, header, claims.with(fields{"x-ms-runtime": nil}), rs256(t, attester)), fault.AttestationInvalid},
		"nothing":                     {"", fault.AttestationInvalid},
	} {
		w.want(name, releaseOnly(s, k.Handle, "k", c.token), c.want)
	}
	err = releaseOnly(s, plain.Handle, "plain", good)
	w.want("a key without a policy", err, fault.KeyUnextractable)
	w.want("another policy, once it is fixed", s.Set(k.Handle, client.Template{client.Text(key.AttrRelease, `{"version":"1.0.0"}`)}), fault.AttributeReadOnly)
	_, err = user.Wrap(client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil), pub.Handle, k.Handle)
	w.want("C_WrapKey, which asks for no policy", err, fault.KeyUnextractable)
	id, pass := w.identity("weak")
	w.assign(w.vault, "/", "12338af0-0e69-4776-bea7-57ae8d297424", id) // Key Vault Crypto User
	err = releaseOnly(w.as(w.vault, id, pass), k.Handle, "k", good)
	w.want("without the right to release", err, fault.Denied)
	id, pass = w.identity("releaser")
	w.assign(w.vault, "/", "08bbd89e-9f13-488c-ac41-acfcb10c90ab", id) // Key Vault Crypto Service Release User, which reads nothing
	only := w.as(w.vault, id, pass)
	n, err := only.Name(key.GroupKeys, "k", "", false)
	w.must(err)
	w.must(releaseOnly(only, n.Handle, "k", good))
	w.must(w.admin.SetSettings(w.vault, map[string]string{client.SettingAttestation + maa: ""}))
	err = releaseOnly(s, k.Handle, "k", good)
	w.want("once nobody is pinned", err, fault.AttestationRefused)
}

func releaseOnly(s *client.Session, k uint64, name, token string) error {
	_, _, err := s.Release(client.Release{Key: k, Name: name, Token: token, Hash: key.MechSHA256})
	return err
}

// claimed are the claims of a statement.
type claimed map[string]any

func (c claimed) at(path string) any {
	var v any = map[string]any(c)
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// said checks a statement as a stranger does who knows the domain's CA and nothing else.
func (w *world) said(text, kind string) claimed {
	w.t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		w.t.Fatalf("no compact JWS: %q", text)
	}
	var header struct {
		Alg, Typ string
		X5c      [][]byte
	}
	raw, err := b64.DecodeString(parts[0])
	w.must(err)
	w.must(json.Unmarshal(raw, &header))
	if header.Alg != "RS256" || header.Typ != kind || len(header.X5c) != 2 {
		w.t.Fatalf("header %s", raw)
	}
	leaf, err := x509.ParseCertificate(header.X5c[0])
	w.must(err)
	w.core.cluster.mu.Lock()
	ca, err := x509.ParseCertificate(w.core.cluster.caDER)
	w.core.cluster.mu.Unlock()
	w.must(err)
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != membership.StatementURI(w.core.domain) {
		w.t.Errorf("the certificate is one of %v", leaf.URIs)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool}); err == nil {
		w.t.Error("the certificate of statements is good for TLS")
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	w.must(err)
	sig, err := b64.DecodeString(parts[2])
	w.must(err)
	w.must(leaf.CheckSignature(x509.SHA256WithRSA, []byte(parts[0]+"."+parts[1]), sig))
	raw, err = b64.DecodeString(parts[1])
	w.must(err)
	var claims claimed
	w.must(json.Unmarshal(raw, &claims))
	return claims
}

func TestAttestationSaysWhatAKeyIs(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	made := w.create(s, client.KeySpec{Name: "made", Type: key.TypeEC, Curve: p256, Ops: key.OpSign | key.OpVerify})
	private, public, err := s.Attest(made.Handle, "made", "fresh")
	w.must(err)
	a, b := w.said(private, "genbu-key-attestation+jwt"), w.said(public, "genbu-key-attestation+jwt")
	for path, want := range map[string]any{"about": "private", "nonce": "fresh", "key.kty": "EC-HSM", "key.crv": "P-256", "origin.local": true, "origin.sensitive": true,
		"origin.always_sensitive": true, "origin.extractable": false, "origin.never_extractable": true, "attributes.exportable": false, "attributes.enabled": true} {
		if got := a.at(path); got != want {
			t.Errorf("%s is %v, not %v", path, got, want)
		}
	}
	if b.at("about") != "public" || b.at("key.x") != a.at("key.x") || b.at("origin") != nil {
		t.Errorf("of the public half: %v", b)
	}
	out := w.create(s, client.KeySpec{Name: "out", Type: key.TypeRSA, Bits: 2048, Ops: key.OpSign, Extractable: true})
	private, _, err = s.Attest(out.Handle, "out", "")
	w.must(err)
	if a = w.said(private, "genbu-key-attestation+jwt"); a.at("origin.extractable") != true || a.at("origin.never_extractable") != false || a.at("key.kty") != "RSA-HSM" {
		t.Errorf("of a key that can be had: %v", a)
	}
	aes := w.create(s, aes256("aes"))
	private, public, err = s.Attest(aes.Handle, "aes", "")
	w.must(err)
	if a = w.said(private, "genbu-key-attestation+jwt"); a.at("key.kty") != "oct-HSM" || public != "" {
		t.Errorf("of a secret key: %v, %q", a, public)
	}
	_, _, err = s.Attest(aes.Handle, "other", "")
	w.want("another name", err, fault.ObjectUnknown)
	_, _, err = s.Attest(aes.Handle, "aes", "\xFF")
	w.want("a nonce that is no text", err, fault.ArgumentsBad)
	id, pass := w.identity("weak")
	w.assign(w.vault, "/", "08bbd89e-9f13-488c-ac41-acfcb10c90ab", id) // Key Vault Crypto Service Release User: no keys/read
	_, _, err = w.as(w.vault, id, pass).Attest(aes.Handle, "aes", "")
	w.want("who may not read it", err, fault.Denied)
}

// The domain speaks with one voice: after a start, and on a node that was restored, statements are signed by the same key, under the same CA.
func TestTheKeyForStatementsIsTheDomainsOwn(t *testing.T) {
	n := filled(t)
	spoken := func(n *node) []byte {
		t.Helper()
		s, err := n.client().Open(1, true)
		if err == nil {
			_, err = s.Login(client.User, "", []byte("user-pin"))
		}
		if err != nil {
			t.Fatal(err)
		}
		w := &world{node: n}
		k := w.create(s, ecKey("stated"))
		text, _, err := s.Attest(k.Handle, "stated", "")
		w.must(err)
		w.said(text, "genbu-key-attestation+jwt")
		w.must(s.Destroy(k.Handle))
		return n.core.vouching.key.SPKI()
	}
	first := spoken(n)
	n.start(wire.Config{})
	if again := spoken(n); string(again) != string(first) {
		t.Error("another key after a start")
	}
	backup := n.mustSave()
	bare := bareNode(t)
	bare.giveRoot(n)
	bare.machine.keeper = n.machine.keeper
	if _, err := bare.client().DomainKeeper(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := bare.restore(backup); err != nil {
		t.Fatal(err)
	}
	if again := spoken(bare); string(again) != string(first) {
		t.Error("another key after a restore")
	}
}

func mustRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestReleasePoliciesAreCheckedWhenTheyAreSet(t *testing.T) {
	w := newWorld(t)
	s := w.session(w.vault)
	in := func(conditions string) string {
		return `{"version":"1.0.0","anyOf":[{"authority":"https://a.example",` + conditions + `}]}`
	}
	for policy, want := range map[string]fault.Code{
		in(`"allOf":[{"claim":"c","equals":"v"}]`):                                     fault.OK,
		in(`"anyOf":[{"claim":"c","equals":true},{"allOf":[{"claim":"d","less":4}]}]`): fault.OK,
		in(`"allOf":[]`): fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c","equal":"v"}]`):           fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c"}]`):                       fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c","equals":"v","less":1}]`): fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c","less":"v"}]`):            fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c","equals":{}}]`):           fault.AttributeValueInvalid,
		in(`"allOf":[{"claim":"c","equals":1}],"anyOf":[]`): fault.AttributeValueInvalid,
		in(`"note":"x","allOf":[{"claim":"c","equals":1}]`): fault.AttributeValueInvalid,
		`{"version":"2.0.0","anyOf":[]}`:                    fault.AttributeValueInvalid,
		`{"version":"1.0.0","anyOf":[]}`:                    fault.AttributeValueInvalid,
		`[]`:                                                fault.AttributeValueInvalid,
		`not json`:                                          fault.AttributeValueInvalid,
	} {
		spec := aes256("k")
		spec.Release, spec.Exportable = []byte(policy), true
		_, err := s.CreateKey(spec)
		w.want(policy, err, want)
	}
	k := w.create(s, aes256("plain"))
	w.want("set later", s.Set(k.Handle, client.Template{client.Text(key.AttrRelease, "{}")}), fault.AttributeValueInvalid)
}
