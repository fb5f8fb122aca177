// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/base64"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// operationResult is the answer of a use of a key. What is empty is left out, but for the value.
type operationResult struct {
	id                  string
	value, iv, tag, aad []byte
}

// text is the answer in JSON, in one piece of memory: it is the hottest there is. Nothing in an id has to be escaped: it is made
// of our host name, a valid name and hexadecimal digits.
func (r operationResult) text() []byte {
	n := len(r.id) + base64.RawURLEncoding.EncodedLen(len(r.value)+len(r.iv)+len(r.tag)+len(r.aad)) + 80
	b := append(make([]byte, 0, n), `{"kid":"`...)
	b = append(b, r.id...)
	for _, m := range []struct {
		name  string
		value []byte
	}{{"value", r.value}, {"iv", r.iv}, {"tag", r.tag}, {"aad", r.aad}} {
		if len(m.value) > 0 || m.name == "value" {
			b = append(append(append(b, `","`...), m.name...), `":"`...)
			b = base64.RawURLEncoding.AppendEncode(b, m.value)
		}
	}
	return append(b, `"}`...)
}

// factTypes are the attributes behind facts.
var factTypes = []key.Attr{key.AttrKeyType, key.AttrPublicKeyInfo, key.AttrValueLen}

// target finds which key is meant and what it is. A version that was used before needs no look: its facts cannot change, and
// whether the caller may use it the core decides with the use itself.
func (c *call) target() (f facts, version string, err error) {
	if c.version != "" {
		if f, ok := c.door.facts.get(c.vault.Slot, c.version); ok {
			return f, c.version, nil
		}
	}
	n, err := c.session.Name(key.GroupKeys, c.name, c.version, false, factTypes...)
	if err != nil {
		return f, "", err
	}
	f = factsOf(n)
	c.door.facts.put(c.vault.Slot, n.Version, f)
	return f, n.Version, nil
}

func factsOf(n client.Named) facts {
	f := facts{handle: n.Handle, typ: key.Type(n.Value(key.AttrKeyType).ULong()), bits: 8 * int(n.Value(key.AttrValueLen).ULong())}
	if p, ok := readPublic(n.Value(key.AttrPublicKeyInfo).Value); ok {
		f.curve = p.curve
	}
	return f
}

// operate has the core use the key. What was remembered of a version may be of one that was purged and restored since.
func (c *call) operate(f facts, version string, o client.Operation) (client.Result, error) {
	o.Key, o.Name = f.handle, c.name
	res, err := c.session.Operate(o)
	if code := fault.Of(err); code != fault.ObjectUnknown && code != fault.KeyUnknown {
		return res, err
	}
	c.door.facts.drop(c.vault.Slot, version)
	n, again := c.session.Name(key.GroupKeys, c.name, version, false)
	if again != nil || n.Handle == f.handle {
		return res, err
	}
	o.Key = n.Handle
	return c.session.Operate(o)
}

// seen makes sure that the caller may know of the key before it is told that an algorithm does not go with it.
func (c *call) seen(version string, why error) error {
	if _, err := c.session.Name(key.GroupKeys, c.name, version, false); err != nil {
		return err
	}
	return why
}

// keySign is Sign.
func keySign(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	alg, digest := o.must("alg"), o.bytes("value")
	if digest == nil {
		o.fail("value", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	f, version, err := c.target()
	if err != nil {
		return err
	}
	mech, data, err := f.signing(alg, digest)
	if err != nil {
		return c.seen(version, err)
	}
	res, err := c.operate(f, version, client.Operation{Op: key.OpSign, Mech: mech, Data: data})
	if err != nil {
		return err
	}
	c.write(http.StatusOK, operationResult{id: c.id("keys", c.name, version), value: res.Out}.text())
	return nil
}

// keyVerify is Verify: a wrong signature is an answer, not an error.
func keyVerify(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	alg, digest, signature := o.must("alg"), o.bytes("digest"), o.bytes("value")
	if digest == nil {
		o.fail("digest", "is required")
	}
	if signature == nil {
		o.fail("value", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	f, version, err := c.target()
	if err != nil {
		return err
	}
	mech, data, err := f.signing(alg, digest)
	if err != nil {
		return c.seen(version, err)
	}
	_, err = c.operate(f, version, client.Operation{Op: key.OpVerify, Mech: mech, Data: data, Tag: signature})
	code := fault.Of(err)
	if err != nil && code != fault.SignatureInvalid && code != fault.SignatureLength {
		return err
	}
	return c.answer(http.StatusOK, map[string]bool{"value": err == nil})
}

// keyEncrypt, keyDecrypt, keyWrap and keyUnwrap are Encrypt, Decrypt, WrapKey and UnwrapKey.
func keyEncrypt(c *call) error { return c.crypt(key.OpEncrypt) }
func keyDecrypt(c *call) error { return c.crypt(key.OpDecrypt) }
func keyWrap(c *call) error    { return c.crypt(key.OpWrap) }
func keyUnwrap(c *call) error  { return c.crypt(key.OpUnwrap) }

func (c *call) crypt(op key.Ops) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	alg, value := o.must("alg"), o.bytes("value")
	defer clear(value)
	iv, aad, tag := o.bytes("iv"), o.bytes("aad"), o.bytes("tag")
	if value == nil {
		o.fail("value", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	f, version, err := c.target()
	if err != nil {
		return err
	}
	ci, err := f.cipher(alg)
	if err == nil {
		iv, err = ci.check(alg, op, iv, aad, tag)
	}
	if err != nil {
		return c.seen(version, err)
	}
	if ci.iv == callerIV && iv == nil { // the service may choose it, and says which
		if iv, err = c.session.Random(16); err != nil {
			return err
		}
	}
	res, err := c.operate(f, version, client.Operation{Op: op, Mech: ci.mech(iv), Data: value, AAD: aad, Tag: tag})
	if err != nil {
		return err
	}
	defer clear(res.Out)
	out := operationResult{id: c.id("keys", c.name, version), value: res.Out}
	if op == key.OpEncrypt || op == key.OpWrap {
		switch ci.iv {
		case madeIV:
			out.iv, out.tag, out.aad = res.IV, res.Tag, aad
		case callerIV:
			out.iv = iv
		}
	}
	c.write(http.StatusOK, out.text())
	return nil
}

// check holds IV, associated data and tag against what the algorithm takes.
func (ci cipher) check(alg string, op key.Ops, iv, aad, tag []byte) ([]byte, error) {
	into := op == key.OpEncrypt || op == key.OpWrap
	switch {
	case ci.only && (op == key.OpEncrypt || op == key.OpDecrypt):
		return nil, badParameter("Algorithm %s wraps and unwraps keys only.", alg)
	case ci.iv == callerIV && len(iv) != 16 && (len(iv) != 0 || !into):
		return nil, badParameter("Property 'iv' does not have 16 bytes.")
	case ci.iv == madeIV && into && len(iv) > 0:
		return nil, badParameter("Property 'iv' is made by the service.")
	case ci.iv == madeIV && !into && len(iv) != 12:
		return nil, badParameter("Property 'iv' does not have 12 bytes.")
	case ci.iv == madeIV && !into && len(tag) != tagBits/8:
		return nil, badParameter("Property 'tag' does not have %d bytes.", tagBits/8)
	case ci.iv == noIV && len(iv) > 0:
		return nil, badParameter("Property 'iv' is not for %s.", alg)
	case ci.iv != madeIV && len(aad) > 0:
		return nil, badParameter("Property 'aad' is not for %s.", alg)
	case (ci.iv != madeIV || into) && len(tag) > 0:
		return nil, badParameter("Property 'tag' is not for this operation.")
	case len(iv) == 0:
		return nil, nil
	}
	return iv, nil
}
