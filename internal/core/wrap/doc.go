// SPDX-License-Identifier: Apache-2.0

// Package wrap turns a key into the bytes that C_WrapKey protects and back: PKCS #8 PrivateKeyInfo (RFC 5208, 5958) for
// private keys, the bare value for secret keys, SubjectPublicKeyInfo (RFC 5280) for public ones.
//
// Algorithms and forms: RFC 8017 (RSA), RFC 5915 and 5480 (EC), RFC 8410 (Edwards, Montgomery), RFC 9935 (ML-KEM),
// RFC 9881 (ML-DSA), RFC 9909 (SLH-DSA). A parser answers material in the canonical form of core/mech, or a fault; it
// checks form and lengths, not that the numbers make a key: that is the family's Parse.
//
// Parsed material is a view into the input wherever the form allows it, and an encoder writes into one buffer of
// sufficient size, so that no grown-out-of buffer with half a secret is left. Callers that hold secrets run inside
// ssp.Do and clear what they are given when they are done.
package wrap
