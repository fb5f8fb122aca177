// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Secure key release (Azure's release policy grammar): a key leaves for an environment whose attestation token says what
// the key's policy asks for, wrapped to a key of that environment.
//
//	{"version":"1.0.0","anyOf":[{"authority":"https://...","allOf":[{"claim":"a.b","equals":"v"}, {"anyOf":[...]}]}]}

const maxConditions = 256 // of one policy

// CheckRelease tells whether a text is a release policy: who sets one shall hear of a slip, not who needs the key.
func CheckRelease(text []byte) error {
	p, err := jose.ParseJSON(text)
	if err != nil || p.Get("version").String() != "1.0.0" || !only(p, "version", "anyOf") || len(p.Get("anyOf").Items) == 0 {
		return fault.AttributeValueInvalid.At("read release policy")
	}
	left := maxConditions
	for _, a := range p.Get("anyOf").Items {
		if a.Get("authority").String() == "" || !only(a, "authority", "anyOf", "allOf") || !group(a, &left) {
			return fault.AttributeValueInvalid.At("read release policy")
		}
	}
	return nil
}

// only tells whether an object has no other members: what is not understood must not be passed over.
func only(v jose.Value, names ...string) bool {
	for _, n := range v.Names() {
		known := false
		for _, k := range names {
			known = known || k == n
		}
		if !known {
			return false
		}
	}
	return v.Kind == jose.Object
}

// group checks the list of conditions of an object: one, and not empty.
func group(v jose.Value, left *int) bool {
	all, any := v.Get("allOf"), v.Get("anyOf")
	if (all.Kind == jose.Unknown) == (any.Kind == jose.Unknown) {
		return false
	}
	list := append(all.Items, any.Items...)
	for _, c := range list {
		if *left--; *left < 0 || !condition(c, left) {
			return false
		}
	}
	return len(list) > 0
}

var operators = []string{"equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals", "exists"}

func condition(c jose.Value, left *int) bool {
	if c.Get("claim").Kind == jose.Unknown {
		return only(c, "anyOf", "allOf") && group(c, left)
	}
	n := 0
	for _, op := range operators {
		switch v := c.Get(op); {
		case v.Kind == jose.Unknown:
		case op == "exists" && v.Kind == jose.Bool, op[0] != 'e' && op[0] != 'n' && v.Kind == jose.Number:
			n++
		case strings.HasSuffix(strings.ToLower(op), "equals") && (op[0] == 'e' || op[0] == 'n') && scalar(v):
			n++
		default:
			return false
		}
	}
	return n == 1 && c.Get("claim").String() != "" && only(c, append([]string{"claim"}, operators...)...)
}

func scalar(v jose.Value) bool {
	return v.Kind == jose.String || v.Kind == jose.Bool || v.Kind == jose.Number
}

// Release decides whether the identity may have a key released at all; Attested about the environment.
func Release(who *Identity, o *object.Object, now int64) error {
	switch {
	case who == nil:
		return fault.NotLoggedIn.At("release key")
	case !Visible(who, o) || o.Kind() != key.GroupKeys:
		return fault.KeyUnknown.At("release key")
	case who.Role != RoleUser, who.Limits == nil && !owns(who, o), !granted(who, o, KeyRelease):
		return fault.Denied.At("release key")
	case !o.Exportable() || len(o.ReleasePolicy()) == 0:
		return fault.KeyUnextractable.At("release a key that has no release policy, or is not exportable")
	case o.State() != key.StateActive:
		return fault.KeyDisabled.At("release key")
	}
	return nil
}

// Attested checks an attestation token against a release policy, by the keys that are pinned for each authority.
func Attested(text []byte, token *jose.Token, pinned func(authority string) []jose.Key, now int64) error {
	if CheckRelease(text) != nil {
		return fault.Denied.At("read the key's release policy")
	}
	p, err := jose.ParseJSON(text)
	if err != nil {
		return err
	}
	refused := error(fault.Denied.At("compare token and release policy: no authority of the policy is known here"))
	for _, a := range p.Get("anyOf").Items {
		authority := a.Get("authority").String()
		keys := pinned(authority)
		if len(keys) == 0 {
			continue
		}
		if refused = token.Verify(keys); refused != nil {
			continue
		}
		if strings.TrimSuffix(token.Claims.Get("iss").String(), "/") != strings.TrimSuffix(authority, "/") {
			refused = fault.TokenInvalid.At("compare iss of attestation token")
			continue
		}
		if _, refused = token.Times(now, 0); refused != nil {
			continue
		}
		if holds(a, token.Claims) {
			return nil
		}
		refused = fault.Denied.At("compare claims and release policy")
	}
	return refused
}

// holds evaluates the conditions of an object.
func holds(v, claims jose.Value) bool {
	if all := v.Get("allOf"); all.Kind != jose.Unknown {
		for _, c := range all.Items {
			if !met(c, claims) {
				return false
			}
		}
		return len(all.Items) > 0
	}
	for _, c := range v.Get("anyOf").Items {
		if met(c, claims) {
			return true
		}
	}
	return false
}

func met(c, claims jose.Value) bool {
	if c.Get("claim").Kind == jose.Unknown {
		return holds(c, claims)
	}
	have := claim(claims, c.Get("claim").String())
	if want := c.Get("exists"); want.Kind == jose.Bool {
		return (have.Kind != jose.Unknown) == want.Bool
	}
	if !scalar(have) {
		return false // a claim that is not there meets nothing but exists false, notEquals neither
	}
	if want := c.Get("equals"); want.Kind != jose.Unknown {
		return textOf(have) == textOf(want)
	}
	if want := c.Get("notEquals"); want.Kind != jose.Unknown {
		return textOf(have) != textOf(want)
	}
	for _, op := range operators {
		want := c.Get(op)
		if want.Kind != jose.Number {
			continue
		}
		a, err1 := strconv.ParseFloat(textOf(have), 64)
		b, err2 := strconv.ParseFloat(want.Text, 64)
		if err1 != nil || err2 != nil {
			return false
		}
		switch op {
		case "less":
			return a < b
		case "lessOrEquals":
			return a <= b
		case "greater":
			return a > b
		case "greaterOrEquals":
			return a >= b
		}
	}
	return false
}

// claim finds a claim by its name, or by its path, whose dots are not told from dots in names: the name goes first.
func claim(v jose.Value, path string) jose.Value {
	if c := v.Get(path); c.Kind != jose.Unknown {
		return c
	}
	for i := range len(path) {
		if path[i] == '.' {
			if inner := v.Get(path[:i]); inner.Kind == jose.Object {
				if c := claim(inner, path[i+1:]); c.Kind != jose.Unknown {
					return c
				}
			}
		}
	}
	return jose.Value{}
}

// textOf is a scalar in one form, since policies write "true" for true: it is compared as text, numbers without trailing
// zeros.
func textOf(v jose.Value) string {
	switch v.Kind {
	case jose.Bool:
		return strconv.FormatBool(v.Bool)
	case jose.Number:
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	return v.Text
}
