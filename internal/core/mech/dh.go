// SPDX-License-Identifier: Apache-2.0

package mech

// DHKey is a private key that agrees on a secret with a peer's public point. CKM_ECDH1_DERIVE is one mechanism for two
// key types, EC and Montgomery: package ec owns the row and asks the key, so that the two families stay strangers.
type DHKey interface {
	Key

	// DH answers the shared secret (the x coordinate in the field's fixed length, or the u coordinate). The peer's
	// point is checked; a point that is not on the curve, or that yields no secret, is fault.MechanismParamInvalid.
	DH(peer []byte) ([]byte, error)

	// DHApproved tells whether the agreement counts as approved (SP 800-56A rev. 3).
	DHApproved() bool
}
