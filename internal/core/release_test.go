// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
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
	blob, err := s.Release(k.Handle, "k", jwt(t, header, claims, rs256(t, attester)), key.MechSHA256)
	w.must(err)
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
		"another type":                {jwt(t, header, claims.with(fields{"x-ms-attestation-type": "sgx"}), rs256(t, attester)), fault.Denied},
		"no type":                     {jwt(t, header, claims.with(fields{"x-ms-attestation-type": nil}), rs256(t, attester)), fault.Denied},
		"too old":                     {jwt(t, header, claims.with(fields{"x-ms-tee": fields{"svn": 2}}), rs256(t, attester)), fault.Denied},
		"of no number":                {jwt(t, header, claims.with(fields{"x-ms-tee": fields{"svn": "many"}}), rs256(t, attester)), fault.Denied},
		"in debug":                    {jwt(t, header, claims.with(fields{"debug": true}), rs256(t, attester)), fault.Denied},
		"over":                        {jwt(t, header, claims.with(fields{"exp": now - 1}), rs256(t, attester)), fault.TokenExpired},
		"by another pinned one":       {jwt(t, header, claims, rs256(t, other)), fault.TokenInvalid},
		"by another one, who says so": {jwt(t, header, claims.with(fields{"iss": otherMAA}), rs256(t, other)), fault.TokenInvalid},
		"alg none":                    {jwt(t, header.with(fields{"alg": "none"}), claims, nothingAtAll), fault.TokenInvalid},
		"without a key to wrap to":    {jwt(t, header, claims.with(fields{"x-ms-runtime": nil}), rs256(t, attester)), fault.TokenInvalid},
		"nothing":                     {"", fault.TokenInvalid},
	} {
		_, err := s.Release(k.Handle, "k", c.token, key.MechSHA256)
		w.want(name, err, c.want)
	}
	good := jwt(t, header, claims, rs256(t, attester))
	_, err = s.Release(plain.Handle, "plain", good, key.MechSHA256)
	w.want("a key without a policy", err, fault.KeyUnextractable)
	w.want("another policy, once it is fixed", s.Set(k.Handle, client.Template{client.Text(key.AttrRelease, `{"version":"1.0.0"}`)}), fault.AttributeReadOnly)
	_, err = user.Wrap(client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil), pub.Handle, k.Handle)
	w.want("C_WrapKey, which asks for no policy", err, fault.KeyUnextractable)
	id, pass := w.identity("weak")
	w.assign(w.vault, "/", "12338af0-0e69-4776-bea7-57ae8d297424", id) // Key Vault Crypto User
	_, err = w.as(w.vault, id, pass).Release(k.Handle, "k", good, key.MechSHA256)
	w.want("without the right to release", err, fault.Denied)
	w.must(w.admin.SetSettings(w.vault, map[string]string{client.SettingAttestation + maa: ""}))
	_, err = s.Release(k.Handle, "k", good, key.MechSHA256)
	w.want("once nobody is pinned", err, fault.Denied)
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
