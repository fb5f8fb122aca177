// SPDX-License-Identifier: Apache-2.0

package object

import (
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

var user = Rules{Who: ActorUser, Family: all.Family, NewID: func() (id key.ID) {
	rand.Read(id[:])
	return id
}}

var admin = Rules{Who: ActorAdmin, Family: user.Family, NewID: user.NewID}

// with makes a template of pairs: attribute, value.
func with(pairs ...any) Template {
	var t Template
	for i := 0; i < len(pairs); i += 2 {
		var v []byte
		switch x := pairs[i+1].(type) {
		case bool:
			v = valueFalse
			if x {
				v = valueTrue
			}
		case int:
			v = putULong(uint64(x))
		case key.Class:
			v = putULong(uint64(x))
		case key.Type:
			v = putULong(uint64(x))
		case key.CertType:
			v = putULong(uint64(x))
		case key.ParamSet:
			v = putULong(uint64(x))
		case string:
			v = []byte(x)
		case []byte:
			v = x
		case Template:
			var w wire.Writer
			EncodeTemplate(&w, x)
			v = w.B
		case []key.Mechanism:
			var w wire.Writer
			for _, m := range x {
				w.U64(uint64(m))
			}
			v = w.B
		default:
			panic(x)
		}
		t = append(t, Attribute{pairs[i].(key.Attr), v})
	}
	return t
}

func (t Template) and(pairs ...any) Template {
	return append(append(Template{}, t...), with(pairs...)...)
}

func (t Template) without(a key.Attr) (out Template) {
	for _, x := range t {
		if x.Type != a {
			out = append(out, x)
		}
	}
	return out
}

func secretKey(typ key.Type, value []byte, pairs ...any) Template {
	return with(key.AttrClass, key.ClassSecret, key.AttrKeyType, typ, key.AttrValue, value).and(pairs...)
}

func readPEM(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "wrap", "testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	return block.Bytes
}

// foreign reads the material of a key pair that OpenSSL or an RFC made.
func foreign(t testing.TB, name string) mech.Material {
	t.Helper()
	p, err := wrap.ParsePKCS8(readPEM(t, name+".priv.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return p.Material
}

func must(t testing.TB, tmpl Template, rules Rules) (*Object, mech.Material) {
	t.Helper()
	o, m, err := Create(tmpl, rules)
	if err != nil {
		t.Fatal(err)
	}
	return o, m
}

func wantFault(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if fault.Of(err) != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func bools(o *Object, attrs ...key.Attr) (list []bool) {
	for _, a := range attrs {
		list = append(list, o.Bool(a))
	}
	return list
}
