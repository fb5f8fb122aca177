// SPDX-License-Identifier: Apache-2.0

package ssp

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

	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

type exported struct{ S Bytes }
type unexported struct{ s Bytes }
type pointer struct{ s *Bytes }

func TestBytesNeverPrint(t *testing.T) {
	marker := []byte("\x91marker-of-the-secret")
	b, err := Alloc(len(marker))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	b.Use(access.Token{}, func(p []byte) { copy(p, marker) })

	values := []any{b, &b, exported{b}, &exported{b}, unexported{b}, &unexported{b}, pointer{&b}, []Bytes{b}, [1]Bytes{b},
		map[string]Bytes{"k": b}, any(b), []any{b}, fmt.Errorf("step: %v", b), errors.Join(fmt.Errorf("%+v", unexported{b}))}
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
	fmt.Fprintf(&control, "%v", struct{ s []byte }{marker})
	if leak(control.String(), marker) == "" {
		t.Error("control: a plain slice was not found")
	}
	if _, err := json.Marshal(exported{b}); err == nil {
		t.Error("a secret was encoded without complaint")
	}
	if s := fmt.Sprint(b); s != "[secret]" {
		t.Errorf("prints as %q", s)
	}
}

// leak names the form in which the first bytes of marker appear in s.
func leak(s string, marker []byte) string {
	m := marker[1:9] // ASCII, so that escapes do not hide it
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
