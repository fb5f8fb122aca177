// SPDX-License-Identifier: Apache-2.0

package object

import "github.com/genbu-hsm/genbu/key"

// This file keeps KEY_OPS of the web doors and the usage flags of PKCS #11 in step (docs/spec/azure.md).

// Ops is what a web door's client may ask of the key.
func (o *Object) Ops() (ops key.Ops) {
	if v := o.find(key.AttrKeyOps); len(v) == 8 {
		return key.Ops(getULong(v))
	}
	private := o.scope&inPrivate != 0
	for _, b := range impliedOps {
		if o.bools&b.bit == 0 {
			continue
		}
		if ops |= b.own; private {
			ops |= b.public
		}
	}
	if private && ops == 0 && o.bools&bitUnwrap != 0 {
		ops = key.OpImport
	}
	return ops
}

// ImportsOnly tells whether KEY_OPS were given and say that the key is for import.
func (o *Object) ImportsOnly() bool {
	return o.find(key.AttrKeyOps) != nil && o.Ops()&key.OpImport != 0
}

// impliedOps are the operations that a usage flag stands for where no KEY_OPS were given: of the key itself, and of the
// public half of a private one.
var impliedOps = [...]struct {
	bit         uint32
	own, public key.Ops
}{
	{bitEncrypt, key.OpEncrypt | key.OpWrap, 0},
	{bitDecrypt, key.OpDecrypt | key.OpUnwrap, key.OpEncrypt | key.OpWrap},
	{bitSign, key.OpSign, key.OpVerify},
	{bitVerify, key.OpVerify, 0},
}

// opBit is a usage flag that an operation governs.
type opBit struct {
	op  key.Ops
	bit uint32
}

var (
	privateOps = []opBit{{key.OpDecrypt, bitDecrypt}, {key.OpSign, bitSign}, {key.OpImport, bitUnwrap}}
	secretOps  = []opBit{{key.OpEncrypt, bitEncrypt}, {key.OpDecrypt, bitDecrypt}, {key.OpSign, bitSign}, {key.OpVerify, bitVerify},
		{key.OpImport, bitUnwrap}}
)

func opBits(in scope) []opBit {
	if in&inPrivate != 0 {
		return privateOps
	}
	return secretOps
}

// withOps sets the usage flags as ops say.
func withOps(in scope, bools uint32, ops key.Ops) uint32 {
	for _, b := range opBits(in) {
		if bools &^= b.bit; ops&b.op != 0 {
			bools |= b.bit
		}
	}
	return bools
}

// followOps keeps KEY_OPS and the usage flags of n, which is o changed by stored, in step, whichever of them the change
// named.
func (o *Object) followOps(n *Object, stored Template) Template {
	if v, ok := stored.Find(key.AttrKeyOps); ok && len(v) == 8 {
		n.bools = withOps(o.scope, n.bools, key.Ops(getULong(v)))
		return stored
	}
	v := o.find(key.AttrKeyOps)
	if v == nil || n.bools == o.bools {
		return stored
	}
	ops := key.Ops(getULong(v))
	for _, b := range opBits(o.scope) {
		if ops &^= b.op; n.bools&b.bit != 0 {
			ops |= b.op
		}
	}
	return append(stored, Attribute{key.AttrKeyOps, putULong(uint64(ops))})
}
