// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// maxTime is the end of the year 9999, the last that CK_DATE can say.
const maxTime = 253402300799

// checkValue holds a value to the kind and limit of its attribute.
func checkValue(r *rule, v []byte) error {
	ok := false
	switch r.kind {
	case kindBool:
		ok = len(v) == 1
	case kindULong:
		ok = len(v) == 8
	case kindTime:
		ok = len(v) == 8 && getULong(v) <= maxTime
	case kindOps:
		ok = len(v) == 8 && getULong(v) <= uint64(key.OpsAll)
	case kindBytes, kindInteger:
		ok = len(v) <= r.max
	case kindDate:
		ok = isDate(v)
	case kindMechanisms:
		ok = len(v)%8 == 0 && len(v) <= r.max
	case kindIDs:
		ok = len(v)%16 == 0 && len(v) <= r.max
	case kindTemplate:
		ok = len(v) <= r.max && isTemplate(v)
	}
	if !ok {
		return fault.AttributeValueInvalid.At("check attribute value")
	}
	return nil
}

// isDate reads CK_DATE: eight digits, year, month, day; empty for none.
func isDate(v []byte) bool {
	if len(v) == 0 {
		return true
	}
	if len(v) != 8 {
		return false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	month, day := (v[4]-'0')*10+v[5]-'0', (v[6]-'0')*10+v[7]-'0'
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// isTemplate tells whether a nested template is well-formed and names only attributes that exist, with values of their
// kind; whether they fit an object shows when one is held against it.
func isTemplate(v []byte) bool {
	if len(v) == 0 {
		return true
	}
	r := wire.NewReader(v)
	t := decodeTemplate(&r, MaxDepth)
	if r.End() != nil {
		return false
	}
	for _, a := range t {
		lines := rulesOf[a.Type]
		if len(lines) == 0 || lines[0].kind == kindTemplate || checkValue(&rule{kind: lines[0].kind, max: maxNested}, a.Value) != nil {
			return false
		}
	}
	return true
}

// pointOf takes the public key out of CKA_EC_POINT: DER OCTET STRING as the standard says for EC, the raw value as
// 3.1 says for Edwards and Montgomery and some clients send for EC too, or a BIT STRING, which 3.0 led some to. The
// three differ in length.
func pointOf(v []byte, c *wrap.Curve) ([]byte, bool) {
	if len(v) == c.Point {
		return v, true
	}
	for _, tag := range []asn1.Tag{asn1.OCTET_STRING, asn1.BIT_STRING} {
		in := cryptobyte.String(v)
		var inner cryptobyte.String
		if in.ReadASN1(&inner, tag) && in.Empty() {
			if tag == asn1.BIT_STRING && len(inner) > 0 && inner[0] == 0 {
				inner = inner[1:]
			}
			return inner, len(inner) == c.Point
		}
	}
	return nil, false
}

func octetString(v []byte) []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, len(v)+4))
	b.AddASN1OctetString(v)
	return b.BytesOrPanic()
}

// trim drops leading zeros of a "Big integer".
func trim(v []byte) []byte {
	for len(v) > 0 && v[0] == 0 {
		v = v[1:]
	}
	return v
}

func sortTemplate(t Template) {
	slices.SortFunc(t, func(a, b Attribute) int {
		switch {
		case a.Type < b.Type:
			return -1
		case a.Type > b.Type:
			return 1
		}
		return 0
	})
}

func getU32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// boolRules are the CK_BBOOLs among the rules; an attribute with several lines has the union of their scopes.
var boolRules = func() []rule {
	var list []rule
	for _, r := range rulesTable {
		if r.kind != kindBool {
			continue
		}
		if i := slices.IndexFunc(list, func(h rule) bool { return h.attr == r.attr }); i >= 0 {
			list[i].in |= r.in
		} else {
			list = append(list, r)
		}
	}
	return list
}()
