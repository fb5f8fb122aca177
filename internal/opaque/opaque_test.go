// SPDX-License-Identifier: Apache-2.0

package opaque

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

type exported struct{ S Bytes }
type unexported struct{ s Bytes }
type pointer struct{ s *Bytes }

func TestBytesNeverPrint(t *testing.T) {
	marker := []byte("marker-of-the-secret")
	b := New(marker)
	values := []any{b, &b, exported{b}, &exported{b}, unexported{b}, &unexported{b}, pointer{&b}, []Bytes{b}, [1]Bytes{b},
		map[string]Bytes{"k": b}, map[string]any{"k": unexported{b}}, []any{b}, fmt.Errorf("step: %v", b),
		errors.Join(fmt.Errorf("%+v", unexported{b}))}
	var out bytes.Buffer
	for _, v := range values {
		for _, verb := range "vsdqxXobBOtTcUeEfFgGp" {
			for _, flag := range []string{"", "+", "#", "0", " ", "-9"} {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprintln(&out, v)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("m", "v", v, slog.Group("g", "v", v))
		}
		json.NewEncoder(&out).Encode(v)
		gob.NewEncoder(&out).Encode(v)
	}
	if out.Len() < 10000 {
		t.Fatalf("only %d bytes were printed", out.Len())
	}
	if form := leak(out.String(), marker); form != "" {
		t.Errorf("the secret was printed as %s", form)
	}
	var control bytes.Buffer
	for _, verb := range []string{"%v", "%s", "%x", "%#v"} {
		control.Reset()
		fmt.Fprintf(&control, verb, struct{ s []byte }{marker})
		if leak(control.String(), marker) == "" {
			t.Errorf("control: a plain slice was not found under %s", verb)
		}
	}
	if _, err := json.Marshal(exported{b}); err == nil {
		t.Error("a secret was encoded without complaint")
	}
}

// leak names the form in which the first bytes of marker appear in s.
func leak(s string, marker []byte) string {
	m := marker[:8]
	dec := strings.Trim(fmt.Sprint(m), "[]")
	for form, needle := range map[string]string{
		"text": string(m), "hex": hex.EncodeToString(m), "HEX": strings.ToUpper(hex.EncodeToString(m)), "decimal": dec,
		"decimals, comma": strings.ReplaceAll(dec, " ", ","), "go syntax": "0x6d, 0x61, 0x72",
	} {
		if strings.Contains(s, needle) {
			return form
		}
	}
	return ""
}

func TestClearReachesAllCopies(t *testing.T) {
	raw := []byte("pin")
	a := New(raw)
	b := a
	if !a.Equal(b) || a.Equal(New([]byte("pim"))) || a.Equal(Bytes{}) || a.Len() != 3 || (Bytes{}).Len() != 0 {
		t.Error("Equal or Len is wrong")
	}
	b.Clear()
	if !bytes.Equal(raw, make([]byte, 3)) || !bytes.Equal(a.ExposeToCodec(), make([]byte, 3)) {
		t.Error("bytes are left")
	}
}
