// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"crypto"

	"github.com/cloudflare/circl/sign/slhdsa"
	"github.com/cloudflare/circl/xof"

	"github.com/genbu-hsm/genbu/key"
)

// prehash is a digest that HashSLH-DSA may use (FIPS 205 section 10.2.2). circl holds the object identifiers.
type prehash struct {
	mechanism key.Mechanism
	name      string
	new       func() (*slhdsa.PreHash, error)
}

var prehashes = []prehash{
	{key.MechHashSLHDSASHA224, "HASH_SLH_DSA_SHA224", hash(crypto.SHA224)},
	{key.MechHashSLHDSASHA256, "HASH_SLH_DSA_SHA256", hash(crypto.SHA256)},
	{key.MechHashSLHDSASHA384, "HASH_SLH_DSA_SHA384", hash(crypto.SHA384)},
	{key.MechHashSLHDSASHA512, "HASH_SLH_DSA_SHA512", hash(crypto.SHA512)},
	{key.MechHashSLHDSASHA3224, "HASH_SLH_DSA_SHA3_224", hash(crypto.SHA3_224)},
	{key.MechHashSLHDSASHA3256, "HASH_SLH_DSA_SHA3_256", hash(crypto.SHA3_256)},
	{key.MechHashSLHDSASHA3384, "HASH_SLH_DSA_SHA3_384", hash(crypto.SHA3_384)},
	{key.MechHashSLHDSASHA3512, "HASH_SLH_DSA_SHA3_512", hash(crypto.SHA3_512)},
	{key.MechHashSLHDSASHAKE128, "HASH_SLH_DSA_SHAKE128", shake(xof.SHAKE128)},
	{key.MechHashSLHDSASHAKE256, "HASH_SLH_DSA_SHAKE256", shake(xof.SHAKE256)},
}

func hash(h crypto.Hash) func() (*slhdsa.PreHash, error) {
	return func() (*slhdsa.PreHash, error) { return slhdsa.NewPreHashWithHash(h) }
}

func shake(x xof.ID) func() (*slhdsa.PreHash, error) {
	return func() (*slhdsa.PreHash, error) { return slhdsa.NewPreHashWithXof(x) }
}
