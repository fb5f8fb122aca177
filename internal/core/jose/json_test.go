// SPDX-License-Identifier: Apache-2.0

package jose

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestJSONIsReadStrictly(t *testing.T) {
	for text, good := range map[string]bool{
		`{}`: true, `{"a":1}`: true, ` { "a" : [ 1 , -2.5e+3 , "x" , null , true , false , {} ] } `: true, `"\u00e9\ud83d\ude00\n"`: true, `0`: true, `-0`: true,
		``: false, `{`: false, `{"a"}`: false, `{"a":}`: false, `{"a":1,}`: false, `{a:1}`: false, `{'a':1}`: false, `[1,]`: false, `[1 2]`: false, `01`: false,
		`1.`: false, `.5`: false, `+1`: false, `1e`: false, `NaN`: false, `tru`: false, `truex`: false, `{}x`: false, `{}{}`: false, `"a`: false, "\"\n\"": false,
		`"\x"`: false, `"\u12"`: false, `"\ud83d"`: false, `"\ud83dx"`: false, `"\ude00"`: false, "\"\xff\"": false, "\xef\xbb\xbf{}": false,
		`{"a":1,"a":2}`: false, `{"a":1,"\u0061":2}`: false, `{"a":{"b":1},"b":1}`: true, `/**/{}`: false,
		strings.Repeat("[", 10) + strings.Repeat("]", 10): true, strings.Repeat("[", 50) + strings.Repeat("]", 50): false,
		`"` + strings.Repeat("x", MaxText) + `"`: false,
	} {
		if _, err := ParseJSON([]byte(text)); (err == nil) != good {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestMembersAreFound(t *testing.T) {
	v, err := ParseJSON([]byte(`{"exp":1.8e9,"name":"A\"\\\/b","list":["x"],"neg":-1,"n":{"d":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := v.Get("exp").Seconds(); s != 1_800_000_000 || !ok {
		t.Errorf("exp %d %t", s, ok)
	}
	if _, ok := v.Get("neg").Seconds(); ok {
		t.Error("a negative time")
	}
	if _, ok := v.Get("name").Seconds(); ok {
		t.Error("a time that is a string")
	}
	if got := v.Get("name").String(); got != `A"\/b` {
		t.Errorf("name %q", got)
	}
	if !v.Get("n").Get("d").Bool || v.Get("none").Kind != Unknown || v.Get("list").Items[0].String() != "x" || v.Get("list").String() != "" {
		t.Error("members are not what they were")
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	var w Writer
	w.Text("a\"b", "x\\\n\x01é")
	w.Number("n", 1<<53)
	v, err := ParseJSON([]byte(w.String()))
	if err != nil || v.Get("a\"b").String() != "x\\\n\x01é" || v.Get("n").Text != "9007199254740992" {
		t.Errorf("%s: %+v, %v", w.String(), v, err)
	}
}

// FuzzJSON holds the reader to Go's: what it takes, that one takes for the same. (It takes less.)
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `[[[[]]]]`, `1e400`, `{"":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := ParseJSON(text)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q is read, and encoding/json says %v", text, err)
		}
		if got := plain(v); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %v, encoding/json reads %v", text, got, want)
		}
	})
}

func plain(v Value) any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Number:
		return json.Number(v.Text)
	case String:
		return v.Text
	case Array:
		list := make([]any, len(v.Items))
		for i := range v.Items {
			list[i] = plain(v.Items[i])
		}
		return list
	case Object:
		m := map[string]any{}
		for i, n := range v.Names() {
			m[n] = plain(v.Items[i])
		}
		return m
	}
	return nil
}
