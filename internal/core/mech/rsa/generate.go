// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// exponent is the only public exponent that crypto/rsa makes keys for (FIPS 186-5 section 5.1 allows it).
const exponent = 65537

func generate(spec mech.GenSpec) (mech.Material, error) {
	if spec.Bits < minBits || spec.Bits > maxBits || spec.Bits%8 != 0 {
		return mech.Material{}, fault.KeySize.At("generate rsa key")
	}
	if spec.Exponent != nil && new(big.Int).SetBytes(spec.Exponent).Cmp(big.NewInt(exponent)) != 0 {
		return mech.Material{}, fault.AttributeValueInvalid.At("generate rsa key with this exponent")
	}
	priv, err := rsa.GenerateKey(rand.Reader, spec.Bits)
	if err != nil {
		return mech.Material{}, fault.Internal.At("generate rsa key")
	}
	return mech.Material{Type: key.TypeRSA, Public: marshalPublic(&priv.PublicKey), Secret: marshalPrivate(priv)}, nil
}

// pairwise signs and verifies, which covers both uses of a pair (FIPS 140-3 IG 10.3.A): the private operation is one.
func pairwise(m mech.Material) error {
	k, err := parse(m, false)
	if err != nil {
		return err
	}
	pub, err := parsePublic(m.Public)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("pairwise consistency test"))
	sig, err := k.(*rsaKey).priv.signPKCS1(crypto.SHA256, digest[:])
	if err != nil || rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig) != nil {
		return fault.PairwiseFailed.At("rsa sign and verify")
	}
	return nil
}
