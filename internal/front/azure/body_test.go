// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
)

// both reads a body as Sign does.
func both(text string) (alg string, value []byte, err error) {
	o, err := readObject([]byte(text))
	if err != nil {
		return "", nil, err
	}
	alg, value = o.must("alg"), o.bytes("value")
	return alg, value, o.end()
}

func TestABodyIsReadStrictly(t *testing.T) {
	alg, value, err := both(` {"alg":"ES256","value":"AQI"} `)
	if err != nil || alg != "ES256" || !bytes.Equal(value, []byte{1, 2}) {
		t.Fatal(alg, value, err)
	}
	for _, good := range []string{`{"alg":"x","value":"AQI="}`, `{"alg":"x","value":""}`, `{"alg":"x","value":null}`, `{"alg":"x"}`} {
		if _, _, err := both(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "{}", "[]", `"x"`, "null", `{"alg":"x"`, `{"alg":"x"} {}`, `{"alg":"x","alg":"y"}`, `{"alg":1}`, `{"alg":["x"]}`,
		`{"Alg":"x"}`, `{"alg":"x","more":1}`, `{"alg":"x","value":1}`, `{"alg":"x","value":"A"}`, `{"alg":"x","value":"AQ=I"}`, `{"alg":"x","value":"AQI=="}`,
		`{"alg":"x","value":"AQ+/"}`, `{"alg":"x","value":"AQ I"}`, `{"alg":"x","value":"AQJ"}`, "{\"alg\":\"\xff\"}", `{"alg":"x",}`,
		`{"alg":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`} {
		if _, _, err := both(bad); err == nil {
			t.Errorf("%.60s is taken", bad)
		} else if e := refusal(err, aKey); e.status != 400 || e.code != "BadParameter" {
			t.Errorf("%.60s: %d %s", bad, e.status, e.code)
		}
	}
}

func TestAMemberThatNobodyKnowsIsNamed(t *testing.T) {
	o, err := readObject([]byte(`{"kty":"RSA","attributes":{"exportabel":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	o.text("kty")
	readWish(o)
	if err := o.end(); err == nil || !strings.Contains(err.Error(), "attributes.exportabel") {
		t.Error(err)
	}
}

func TestWhatTheServiceSetsComesBackUnread(t *testing.T) {
	o, err := readObject([]byte(`{"attributes":{"enabled":false,"nbf":5,"exp":7,"created":1,"updated":2,"recoveryLevel":"Recoverable","recoverableDays":90},"tags":{"a":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	w := readWish(o)
	if err := o.end(); err != nil || *w.enabled || *w.notBefore != 5 || *w.expires != 7 || w.tags["a"] != "b" || !w.hasTags {
		t.Errorf("%+v %v", w, err)
	}
	for _, bad := range []string{`{"attributes":{"nbf":7,"exp":7}}`, `{"attributes":{"nbf":-1}}`, `{"attributes":{"exp":1.5}}`, `{"attributes":{"exp":"1"}}`, `{"attributes":{"exp":9e99}}`,
		`{"attributes":[]}`, `{"tags":{"a":1}}`, `{"tags":{"a":"` + strings.Repeat("x", 600) + `"}}`} {
		o, err := readObject([]byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		readWish(o)
		if o.end() == nil {
			t.Errorf("%.60s is taken", bad)
		}
	}
}

// FuzzBody reads any bytes as every kind of body that there is.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"kty":"EC","crv":"P-256","attributes":{"enabled":true},"tags":{"a":"b"},"release_policy":{"data":"e30"}}`,
		`{"alg":"A256GCM","value":"AQI","iv":"AAAAAAAAAAAAAAAA","aad":"AQ","tag":"AQ"}`, `{"value":"x","contentType":"y"}`,
		`{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P90D"},"action":{"type":"Rotate"}}],"attributes":{"expiryTime":"P2Y"}}`,
		`{"Hsm":true,"key":{"kty":"oct-HSM","k":"AAAAAAAAAAAAAAAAAAAAAA","key_ops":["encrypt"]}}`, `{"certificates":[{"kty":"RSA","x5c":["MIIB"],"x5t#S256":"AQ"},{"value":{"x5c":["AQ"]}}],"required":2}`, `[[[[]]]]`, `{"a":"\ud800"}`,
		`{"policy":{"key_props":{"kty":"EC","crv":"P-256","exportable":true,"reuse_key":false},"secret_props":{"contentType":"application/x-pkcs12"},"x509_props":{"subject":"CN=a","sans":{"dns_names":["a"]},"ekus":["1.3.6.1.5.5.7.3.1"],"key_usage":["digitalSignature"],"validity_months":12},"lifetime_actions":[{"trigger":{"lifetime_percentage":80},"action":{"action_type":"AutoRenew"}}],"issuer":{"name":"Self"}}}`,
		`{"provider":"Genbu","credentials":{"account_id":"x"},"org_details":{"admin_details":[{"email":"a@b"}]},"attributes":{"enabled":true}}`,
		`{"schema_version":"1.0.0","header":{"kid":"x","alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"},"ciphertext":"AQ"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := &call{host: host{kind: KindManagedHSM}}
		for _, read := range []func(o object){
			func(o object) { c.readKind(o); readOps(o, 0); readWish(o); readRelease(o) },
			func(o object) { readRotation(o) },
			func(o object) { readHolders(o) },
			func(o object) { readWish(o); readPolicy(o) },
			func(o object) { o.text("value"); o.text("pwd"); readWish(o); readImportPolicy(o) },
			func(o object) { (&issuer{}).read(o) },
			func(o object) { o.bytes("value"); o.bytes("iv"); o.number("count"); o.flag("Hsm") },
			func(o object) {
				j, _ := o.object("key")
				var m material
				m.readRSA(j)
				m.readOct(j, &client.KeySpec{})
				m.clear()
			},
			func(o object) {
				var m material
				j, _ := o.object("key")
				m.readEC(j, &client.KeySpec{})
				m.clear()
			},
		} {
			o, err := readObject(text)
			if err != nil {
				return
			}
			read(o)
			if o.end() == nil && len(o.members) > 0 {
				t.Error("members are left, and nothing was said")
			}
		}
		transfer(text)
	})
}
