// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// reference reads text with encoding/json, which takes members that are there twice, and any depth.
func reference(text []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return v, json.Valid(text) && d.Decode(&v) == nil
}

func TestTextsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	for _, text := range texts {
		got, err := parse([]byte(text))
		want, ok := reference([]byte(text))
		if (err == nil) != ok || ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v %v, encoding/json %v %v", text, got, err, want, ok)
		}
	}
}

func TestWhatEncodingJSONPassesOverIsRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, text := range []string{`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `[{"":1,"":1}]`, "\"\xff\"", "\"\xed\xa0\x80\"", `"\ud800"`, `"\ud800\ud800"`, `"\ude00\ud83d"`, `"\ud800\u0041"`, deep(maxDepth + 1)} {
		if v, err := parse([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, v)
		}
	}
	if _, err := parse([]byte(deep(maxDepth))); err != nil {
		t.Error(err)
	}
}

// texts are good and bad ones, seeds of FuzzParse as well.
var texts = []string{"", " ", "nul", "null", "nulll", "true ", "\ttrue", "false", "truefalse", "\x00", "1\x00", `"`, `""`, `"a`, `"\"`, `"\\"`, `"a\"b"`, `"\x"`, `"\u12"`, `"\u12g4"`,
	`"\u+123"`, `"\u0041\ud83d\ude00"`, `"\ud800\`, "\"\x1f\"", "\"\x7f\"", "\"\\n\x1f\"", `"äöü\/\b\f\n\r\t"`,
	"0", "-0", "-", "+1", "01", "1.", "1.5", ".5", "1e", "1e5", "1E+5", "1e-", "1.5e-10", "0x1", "1 2", "NaN", "1_000", "99999999999999999999",
	"{}", "{ }", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 , "b":[]}`, `{"a":1]`, `{a:1}`, `{"a" : {"b":null}}`, "{\"a\":\"b\"}\n\n", `{"a":1}x`, `{1:2}`,
	"[]", "[ ]", "[,]", "[1,]", "[1,2", "[1 2]", `[1,"a",{},[],null,true]`, "[[[[]]]]", "[}", "]", "//", "\ufeff{}", "\u00a01"}

// halved tells whether encoding/json met half of a surrogate pair, or may have.
func halved(v any) bool {
	text, _ := json.Marshal(v)
	return bytes.ContainsRune(text, '\ufffd') || bytes.Contains(text, []byte(`\ufffd`))
}

// FuzzParse holds parse against encoding/json: what is taken both understand alike, and what is refused as no JSON is none,
// or no UTF-8.
func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parse(text)
		want, ok := reference(text)
		switch {
		case err == nil && (!ok || !reflect.DeepEqual(got, want)):
			t.Errorf("%q: %v, encoding/json %v %v", text, got, want, ok)
		case err != nil && ok && strings.HasSuffix(err.Error(), "is not valid JSON.") && bytes.Equal(bytes.ToValidUTF8(text, nil), text) && !halved(want):
			t.Errorf("%q is refused", text)
		}
	})
}
