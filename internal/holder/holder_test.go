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

func TestABlobHasAKeyOrSharesAndNotBoth(t *testing.T) {
	data := `{"EncData":{"data":[` + datum + `],"kdf":"sp108_kdf"}`
	shares := func(required string, list ...string) string {
		return `,"WrappedShares":{"required":` + required + `,"shares":[` + strings.Join(list, ",") + `]}`
	}
	key := `,"WrappedKey":` + share
	for _, good := range []string{data + key + `}`, data + shares("2", share, share) + `}`} {
		b, err := ReadBlob([]byte(good))
		if err != nil {
			t.Fatal(err)
		}
		text, err := b.JSON()
		if again, failed := ReadBlob(text); err != nil || failed != nil || (again.WrappedKey == nil) != (b.WrappedKey == nil) {
			t.Errorf("%s is written as %s", good, text)
		}
	}
	short := strings.Replace(share, `"x5t_256":"AAAA`, `"x5t_256":"`, 1)
	for what, bad := range map[string]string{
		"neither": data + `}`, "both": data + key + shares("2", share, share) + `}`, "one of two": data + shares("2", share) + `}`, "one is enough": data + shares("1", share, share) + `}`,
		"a datum for a share": data + shares("2", share, datum) + `}`, "a short thumbprint": data + shares("2", share, short) + `}`,
		"no data": `{"EncData":{"data":[],"kdf":"sp108_kdf"}` + key + `}`, "another kdf": strings.Replace(data, "sp108_kdf", "x", 1) + key + `}`,
	} {
		if _, err := ReadBlob([]byte(bad)); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestABlobIsMadeOfTheFilesOwnSharesForOneTransferKey(t *testing.T) {
	f, err := Read([]byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(f.SharedKeys.Shares[1].Thumbprint, "A", "B", 1)
	f.SharedKeys.Shares[1].Thumbprint = other
	of := func(i int, transfer string) *Wrapped {
		return &Wrapped{WrappedForm, f.SharedKeys.Shares[i], 2, transfer}
	}
	stranger := of(0, "t")
	stranger.Thumbprint = strings.Replace(other, "B", "C", 1)
	if b, err := f.Blob([]*Wrapped{of(0, "t"), of(1, "t")}); err != nil || len(b.WrappedShares.Shares) != 2 || b.WrappedShares.Required != 2 {
		t.Error(err)
	}
	for what, list := range map[string][]*Wrapped{"too few": {of(0, "t")}, "none": nil, "twice the same": {of(0, "t"), of(0, "t")}, "two transfer keys": {of(0, "t"), of(1, "u")},
		"a stranger": {of(0, "t"), stranger}} {
		if _, err := f.Blob(list); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// FuzzRead: no file makes the reader fall over.
func FuzzRead(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte(`{"EncData":{"data":[` + datum + `],"kdf":"sp108_kdf"},"WrappedKey":` + share + `}`))
	f.Add([]byte(`{"form":"genbu wrapped share 1"}`))
	f.Add([]byte(`{"EncData":{"data":[` + datum + `],"kdf":"sp108_kdf"},"WrappedShares":{"required":2,"shares":[` + share + `,` + share + `]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		Read(b)
		ReadBlob(b)
		ReadWrapped(b)
		ParseKey(b)
		ParseCertificate(b)
	})
}
