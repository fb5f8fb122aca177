// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// transferBits: 128 bits of security (SP 800-57 part 1, table 2) for what opens everything.
const transferBits = 3072

// NewTransfer draws a transfer key: its certificate for the holders, and its private half, which the caller puts to rest.
func NewTransfer() (certificate, private []byte, err error) {
	k, err := rsa.GenerateKey(rand.Reader, transferBits)
	if err != nil {
		return nil, nil, fault.Internal.At("generate transfer key")
	}
	serial := make([]byte, certSerialLen)
	rand.Read(serial)
	serial[0] = serial[0]&0x7f | 0x40 // positive, and of full length
	if certificate, err = selfSigned(k, serial); err != nil {
		return nil, nil, err
	}
	w := wire.Writer{B: make([]byte, 0, 2048)} // never outgrown, so no half of the key is left behind
	for _, i := range []*big.Int{k.N, k.D, k.Primes[0], k.Primes[1]} {
		w.Bytes(i.Bytes())
	}
	w.U32(uint32(k.E))
	return certificate, w.B, nil
}

func readTransfer(private []byte) (*rsa.PrivateKey, error) {
	r := wire.NewReader(private)
	number := func() *big.Int { return new(big.Int).SetBytes(r.Bytes()) }
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number()}, D: number(), Primes: []*big.Int{number(), number()}}
	k.E = int(r.U32())
	if r.End() != nil {
		return nil, fault.Internal.At("read transfer key")
	}
	k.Precompute()
	if k.Validate() != nil {
		return nil, fault.Internal.At("check transfer key")
	}
	return k, nil
}
