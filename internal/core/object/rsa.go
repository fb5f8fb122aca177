// SPDX-License-Identifier: Apache-2.0

package object

import (
	"math/big"

	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// rsaSecret makes the canonical RSAPrivateKey out of what a template gives. The standard asks for modulus and private
// exponent only; what is missing is computed (NIST SP 800-56B appendix C). math/big is not constant-time: this happens
// once, at import, for templates that a program sent in clear.
func rsaSecret(t Template) ([]byte, error) {
	get := func(a key.Attr) *big.Int {
		v, _ := t.Find(a)
		return new(big.Int).SetBytes(v)
	}
	n, e, d := get(key.AttrModulus), get(key.AttrPublicExponent), get(key.AttrPrivateExponent)
	p, q := get(key.AttrPrime1), get(key.AttrPrime2)
	bad := fault.AttributeValueInvalid.At("read private key")
	if n.Sign() == 0 {
		return nil, fault.TemplateIncomplete.At("read private key")
	}
	if n.BitLen() < 512 || n.Bit(0) == 0 || d.Sign() == 0 || d.Cmp(n) >= 0 || e.BitLen() > 256 {
		return nil, bad
	}
	one := big.NewInt(1)
	if p.Sign() == 0 || q.Sign() == 0 {
		if e.Sign() == 0 {
			e.SetUint64(65537)
		}
		if p, q = factor(n, e, d); p == nil {
			return nil, bad
		}
	}
	if p.Cmp(one) <= 0 || q.Cmp(one) <= 0 || new(big.Int).Mul(p, q).Cmp(n) != 0 {
		return nil, bad
	}
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	if e.Sign() == 0 {
		lambda := new(big.Int).Mul(p1, q1)
		lambda.Div(lambda, new(big.Int).GCD(nil, nil, p1, q1))
		if e.ModInverse(d, lambda) == nil {
			return nil, bad
		}
	}
	dp, dq, qinv := get(key.AttrExponent1), get(key.AttrExponent2), get(key.AttrCoefficient)
	if dp.Sign() == 0 {
		dp.Mod(d, p1)
	}
	if dq.Sign() == 0 {
		dq.Mod(d, q1)
	}
	if qinv.Sign() == 0 && qinv.ModInverse(q, p) == nil {
		return nil, bad
	}
	k := wrap.RSAPrivate{N: n.Bytes(), E: e.Bytes(), D: d.Bytes(), P: p.Bytes(), Q: q.Bytes(),
		DP: dp.Bytes(), DQ: dq.Bytes(), QInv: qinv.Bytes()}
	der, err := wrap.EncodeRSAPrivate(k)
	for _, v := range [][]byte{k.D, k.P, k.Q, k.DP, k.DQ, k.QInv} {
		clear(v)
	}
	for _, v := range []*big.Int{d, p, q, dp, dq, qinv, p1, q1} {
		clear(v.Bits())
	}
	return der, err
}

// factor finds the primes from both exponents (SP 800-56B appendix C.2): for a random g, and small ones do as well,
// some g^((de-1)/2^i) is a root of one other than 1 and -1 with probability 1/2.
func factor(n, e, d *big.Int) (p, q *big.Int) {
	one := big.NewInt(1)
	r := new(big.Int).Mul(d, e)
	r.Sub(r, one)
	if r.Sign() <= 0 || r.Bit(0) == 1 {
		return nil, nil
	}
	twos := r.TrailingZeroBits()
	r.Rsh(r, twos)
	minus := new(big.Int).Sub(n, one)
	for g := int64(2); g < 102; g++ {
		y := new(big.Int).Exp(big.NewInt(g), r, n)
		if y.Cmp(one) == 0 || y.Cmp(minus) == 0 {
			continue
		}
		for range twos {
			x := new(big.Int).Mul(y, y)
			x.Mod(x, n)
			if x.Cmp(one) == 0 {
				p = new(big.Int).GCD(nil, nil, y.Sub(y, one), n)
				if q = new(big.Int).Div(n, p); p.Cmp(q) < 0 {
					p, q = q, p
				}
				return p, q
			}
			if y = x; y.Cmp(minus) == 0 {
				break
			}
		}
	}
	return nil, nil
}
