// SPDX-License-Identifier: Apache-2.0

package mech

// AEAD is implemented by a Key that can seal single messages (PKCS #11 3.2 section 5.11, message-based encryption;
// and the REST doors later). The parameter has the message shape of the mechanism: ShapeGCMMsg, ShapeCCMMsg or
// ShapeChaChaMsg. A generated IV is returned; tag stands apart from the ciphertext.
type AEAD interface {
	SealMessage(row *Row, p Params, aad, plain []byte) (iv, ct, tag []byte, err error)
	OpenMessage(row *Row, p Params, aad, ct, tag []byte) ([]byte, error)
}
