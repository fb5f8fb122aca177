// SPDX-License-Identifier: Apache-2.0

package object

// Limits on what a client can make the core keep. A value over its limit is AttributeValueInvalid, a template over its
// limit Malformed.
const (
	MaxAttributes = 128   // a template of every attribute there is has about 90
	MaxDepth      = 2     // a template, and a template within it; the standard needs no third
	maxNested     = 4096  // bytes of one WRAP_, UNWRAP_, DERIVE_, ENCAPSULATE_ or DECAPSULATE_TEMPLATE
	maxMechanisms = 128   // of ALLOWED_MECHANISMS; the module has fewer
	maxText       = 1024  // LABEL, APPLICATION, ID, URL: larger than any client's, small enough for the index
	maxName       = 8192  // SUBJECT, ISSUER, SERIAL_NUMBER and other DER of certificates
	maxData       = 65536 // VALUE of data objects and certificates (an SLH-DSA certificate chain fits)
	maxSecret     = 16384 // VALUE of keys: an expanded ML-DSA-87 key has 4896 bytes; generic secrets are bounded by it
	maxInteger    = 1024  // MODULUS and its parts: RSA of 8192 bits
	maxPublic     = 4096  // EC_POINT, and VALUE and PUBLIC_KEY_INFO of post-quantum public keys (2592 for ML-DSA-87)
	maxShared     = 64    // operators that one object is shared with
	maxDoor       = 16384 // what a web door keeps of its own: Azure's 15 tags of 256 and 256 letters, or a release policy
	maxRecord     = 1 << 20
)
