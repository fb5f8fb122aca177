// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// BUG(genbu): crypto/rsa has no raw private operation, so this one stands on math/big, which is not constant-time. Both
// what it works on and its exponents are blinded with fresh random numbers, so that time tells of random values only;
// what remains is the last step, where the true result is reduced and written out. So nothing whose padding is a secret
// comes here: PKCS #1 v1.5 and OAEP decryption go through crypto/rsa; here come raw X.509 and PSS forms whose encoded
// message becomes public with the signature. An exported raw operation in crypto/rsa, or an engine behind private, would
// end this.

// exponentBlindBits is the length of the multiple of p-1 added to an exponent.
const exponentBlindBits = 64

func (s *standard) raw(c []byte) ([]byte, error) {
	n := s.k.N
	in := new(big.Int).SetBytes(c)
	if len(c) != s.k.Size() || in.Cmp(n) >= 0 {
		return nil, fault.DataInvalid.At("rsa private operation")
	}
	r, rinv, err := blind(n)
	if err != nil {
		return nil, err
	}
	e := big.NewInt(int64(s.k.E))
	x := new(big.Int).Exp(r, e, n)
	x.Mul(x, in).Mod(x, n) // c r^e

	mp, err := s.half(x, 0)
	if err != nil {
		return nil, err
	}
	mq, err := s.half(x, 1)
	if err != nil {
		return nil, err
	}
	// Garner: m = mq + q ((mp - mq) qinv mod p)
	p, q := s.k.Primes[0], s.k.Primes[1]
	h := new(big.Int).Sub(mp, mq)
	h.Mul(h, s.k.Precomputed.Qinv).Mod(h, p)
	m := h.Mul(h, q).Add(h, mq)

	if new(big.Int).Exp(m, e, n).Cmp(x) != 0 {
		return nil, fault.Internal.At("check rsa private operation")
	}
	m.Mul(m, rinv).Mod(m, n)
	out := m.FillBytes(make([]byte, s.k.Size()))
	wipe(in, r, rinv, x, mp, mq, m)
	return out, nil
}

// half is x^d modulo one prime, with the exponent blinded by a multiple of the group order.
func (s *standard) half(x *big.Int, i int) (*big.Int, error) {
	p := s.k.Primes[i]
	d := s.k.Precomputed.Dp
	if i == 1 {
		d = s.k.Precomputed.Dq
	}
	t, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), exponentBlindBits))
	if err != nil {
		return nil, fault.Internal.At("draw blinding exponent")
	}
	t.Mul(t, new(big.Int).Sub(p, big.NewInt(1))).Add(t, d)
	y := new(big.Int).Mod(x, p)
	y.Exp(y, t, p)
	wipe(t)
	return y, nil
}

// blind draws r in [1, n) and its inverse.
func blind(n *big.Int) (r, rinv *big.Int, err error) {
	for {
		if r, err = rand.Int(rand.Reader, n); err != nil {
			return nil, nil, fault.Internal.At("draw blinding factor")
		}
		if rinv = new(big.Int).ModInverse(r, n); rinv != nil {
			return r, rinv, nil
		}
	}
}

// wipe zeroes the words of numbers that are not needed any more.
func wipe(xs ...*big.Int) {
	for _, x := range xs {
		clear(x.Bits())
	}
}

// rawPublic is RSAEP and RSAVP1: m^e mod n in the length of the modulus.
func rawPublic(pub *rsa.PublicKey, m []byte) ([]byte, error) {
	x := new(big.Int).SetBytes(m)
	if x.Cmp(pub.N) >= 0 {
		return nil, fault.DataInvalid.At("rsa public operation")
	}
	x.Exp(x, big.NewInt(int64(pub.E)), pub.N)
	return x.FillBytes(make([]byte, pub.Size())), nil
}
