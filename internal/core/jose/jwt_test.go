// SPDX-License-Identifier: Apache-2.0

package jose

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// The examples of RFC 7515: A.2 (RS256), A.3 (ES256), A.4 (ES512), with the keys that stand there.
const (
	joe  = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	jwsA = "eyJhbGciOiJSUzI1NiJ9." + joe + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	setA = `{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}`
	jwsB = "eyJhbGciOiJFUzI1NiJ9." + joe + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	setB = `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
)

func TestTheExamplesOfTheStandardVerify(t *testing.T) {
	for name, c := range map[string][2]string{"RS256": {jwsA, setA}, "ES256": {jwsB, setB}} {
		keys, err := ParseSet([]byte(c[1]))
		if err != nil {
			t.Fatal(name, err)
		}
		token, err := Parse(c[0])
		if err != nil {
			t.Fatal(name, err)
		}
		if err := token.Verify(keys); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if token.Claims.Get("iss").String() != "joe" {
			t.Errorf("%s: claims %+v", name, token.Claims)
		}
		if _, err := token.Times(1300819379, 0); err != nil {
			t.Errorf("%s a second before its end: %v", name, err)
		}
		if _, err := token.Times(1300819380, 0); fault.Of(err) != fault.TokenExpired {
			t.Errorf("%s at its end: %v", name, err)
		}
		other, err := Parse(c[0][:len(c[0])-4] + "AAAA")
		if err != nil || token.Verify(nil) == nil || other.Verify(keys) == nil {
			t.Errorf("%s verifies with no key, or altered", name)
		}
		back, err := FromSPKI(keys[0].SPKI())
		if err != nil || token.Verify([]Key{back}) != nil {
			t.Errorf("%s by the key as a record keeps it: %v", name, err)
		}
	}
	a, _ := ParseSet([]byte(setA))
	b, _ := Parse(jwsB)
	if b.Verify(a) == nil {
		t.Error("an RSA key verifies ES256")
	}
}

func TestKeysThatAreNoneAreLeftOut(t *testing.T) {
	for name, set := range map[string]string{
		"small rsa":           `{"keys":[{"kty":"RSA","n":"` + strings.Repeat("A", 100) + `","e":"AQAB"}]}`,
		"even exponent":       strings.Replace(setA, `"AQAB"`, `"Ag"`, 1),
		"a point off a curve": strings.Replace(setB, "x_FE", "AAAA", 1),
		"another curve":       strings.Replace(setB, "P-256", "P-384", 1),
		"for encryption":      strings.Replace(setB, `"kty"`, `"use":"enc","kty"`, 1),
		"a mac key":           `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"no set":              `[]`,
	} {
		if keys, err := ParseSet([]byte(set)); err == nil {
			t.Errorf("%s: %+v", name, keys)
		}
	}
}

// FuzzToken feeds the reader of tokens; what it takes must be of three parts that stand for what was signed.
func FuzzToken(f *testing.F) {
	for _, s := range []string{jwsA, jwsB, "..", "e30.e30.AA", "eyJhbGciOiJub25lIn0.e30.", "e30=.e30.AA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := Parse(text)
		if err != nil {
			return
		}
		part := strings.Split(text, ".")
		if len(part) != 3 || string(token.Signed()) != part[0]+"."+part[1] || base64.RawURLEncoding.EncodeToString(token.signature) != part[2] {
			t.Fatalf("%q was read as something else", text)
		}
		token.Verify(nil)
		token.Times(0, 0)
		token.Audience("x")
	})
}

func FuzzKeySet(f *testing.F) {
	for _, s := range []string{setA, setB, `{"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ParseSet(text)
		if err != nil {
			return
		}
		for _, k := range keys {
			if len(k.SPKI()) == 0 {
				t.Fatalf("%q has a key that cannot be kept", text)
			}
		}
	})
}
