// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"errors"
	"strings"
	"testing"
)

const form = "grant_type=client_credentials&client_id=me&scope=https%3A%2F%2Fvault.genbu.localhost%3A8443%2F.default+openid+offline_access+profile"

func TestTokenRequests(t *testing.T) {
	e, err := parseTokenForm([]byte(form + "&client_secret=a%2Bb+c%26&client_info=1"))
	if err != nil || e.Client != "me" || string(e.Secret.ExposeToCodec()) != "a+b c&" || e.Assertion.Len() != 0 || e.Resource != "https://vault.genbu.localhost:8443" {
		t.Errorf("%+v %v", e, err)
	}
	e, err = parseTokenForm([]byte(form + "&client_assertion=a.b.c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"))
	if err != nil || string(e.Assertion.ExposeToCodec()) != "a.b.c" || e.Secret.Len() != 0 {
		t.Errorf("%+v %v", e, err)
	}
	for text, code := range map[string]string{
		"":   "unsupported_grant_type",
		form: "invalid_client",
		form + "&client_secret=x&client_assertion=a.b.c":                                           "invalid_client",
		form + "&client_assertion=a.b.c":                                                           "invalid_request",
		form + "&client_secret=x&client_secret=y":                                                  "invalid_request",
		form + "&client_secret=%zz":                                                                "invalid_request",
		form + "&client_secret=%2":                                                                 "invalid_request",
		strings.Replace(form, "client_id", "client", 1):                                            "invalid_request",
		strings.Replace(form, "credentials", "c", 1):                                               "unsupported_grant_type",
		strings.Replace(form, "https", "http", 1) + "&client_secret=x":                             "invalid_scope",
		strings.Replace(form, ".default", "more", 1) + "&client_secret=x":                          "invalid_scope",
		form + "%20https%3A%2F%2Fother%2F.default&client_secret=x":                                 "invalid_scope",
		strings.Replace(form, "vault", "me%40vault", 1) + "&client_secret=x":                       "invalid_scope",
		strings.Replace(form, "8443%2F.default", "8443%2Fpath%2F.default", 1) + "&client_secret=x": "invalid_scope",
	} {
		_, err := parseTokenForm([]byte(text))
		var e *oauthRefusal
		if !errors.As(err, &e) || e.code != code {
			t.Errorf("%s: %v, not %s", text, err, code)
		}
	}
}

func FuzzTokenForm(f *testing.F) {
	f.Add([]byte(form + "&client_secret=x"))
	f.Add([]byte("&&=&%&a=%00&scope=+/.default"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parseTokenForm(text)
		if err == nil && (e.Client == "" || e.Resource == "" || e.Secret.Len() == 0 && e.Assertion.Len() == 0) {
			t.Errorf("%+v", e)
		}
		e.Secret.Clear()
	})
}
