// SPDX-License-Identifier: Apache-2.0

package holder

import (
	"strings"
	"testing"
)

const share = `{"enc_key":"eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJraWQiOiJub3QgdXNlZCIsImVuYyI6IkEyNTZDQkMtSFM1MTIifQ.AAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","x5t_256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`
const datum = `{"compact_jwe":"eyJhbGciOiJkaXIiLCJraWQiOiJ4IiwiZW5jIjoiQTI1NkNCQy1IUzUxMiJ9..AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","tag":"x"}`
const sound = `{"version":2,"EncData":{"data":[` + datum + `],"kdf":"sp108_kdf"},"SharedKeys":{"key_algorithm":"shamir_share","required":2,"enc_shares":[` + share + `,` + share + `]}}`

func TestFilesThatAreNotOfTheFormAreRefused(t *testing.T) {
	if _, err := Read([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"no JSON":             {`{"version"`, `{version`},
		"another version":     {`"version":2`, `"version":3`},
		"another kdf":         {"sp108_kdf", "md5"},
		"another algorithm":   {"shamir_share", "xor"},
		"one of two":          {`"required":2`, `"required":1`},
		"three of two":        {`"required":2`, `"required":3`},
		"a short thumbprint":  {`"x5t_256":"AAAA`, `"x5t_256":"`},
		"a share as dir":      {"eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJraWQiOiJub3QgdXNlZCIs", "eyJhbGciOiJkaXIiLCJraWQiOiJub3QgdXNlZCIs"},
		"a JWE of four parts": {"..AAAA", ".AAAA"},
		"no data":             {datum, ""},
	} {
		text := strings.Replace(sound, change[0], change[1], 1)
		if text == sound {
			t.Fatalf("%s: nothing was changed", what)
		}
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

// FuzzRead: no file makes the reader fall over.
func FuzzRead(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte(`{"EncData":{"data":[` + datum + `],"kdf":"sp108_kdf"},"WrappedKey":` + share + `}`))
	f.Add([]byte(`{"form":"genbu wrapped share 1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		Read(b)
		ReadBlob(b)
		ReadWrapped(b)
		ParseKey(b)
		ParseCertificate(b)
	})
}
