// SPDX-License-Identifier: Apache-2.0

package montgomery

import (
	"crypto/ecdh"

	"github.com/cloudflare/circl/dh/x448"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// A peer's point of small order yields zero whatever the scalar; both functions refuse it (RFC 7748 section 6).

func agree25519(scalar, peer []byte) ([]byte, error) {
	priv, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		return nil, fault.Internal.At("agree on a secret")
	}
	pub, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("check peer's point")
	}
	z, err := priv.ECDH(pub)
	if err != nil {
		return nil, fault.MechanismParamInvalid.At("agree on a secret")
	}
	return z, nil
}

func agree448(scalar, peer []byte) ([]byte, error) {
	var z, secret, public x448.Key
	defer clear(secret[:])
	copy(secret[:], scalar)
	copy(public[:], peer)
	if !x448.Shared(&z, &secret, &public) {
		return nil, fault.MechanismParamInvalid.At("agree on a secret")
	}
	return z[:], nil
}
