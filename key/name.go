// SPDX-License-Identifier: Apache-2.0

package key

// Group is what kind of thing a name means; one name may stand for one of each.
type Group uint8

const (
	GroupUnknown      Group = iota
	GroupKeys               // private and secret keys
	GroupSecrets            // private data objects with the application SecretApplication
	GroupCertificates       // X.509 certificates
)

// SecretApplication is CKA_APPLICATION of the data objects that are secrets.
const SecretApplication = "genbu-secret"

// Ops is what a web door's client may ask of a key: the key_ops of a JSON web key (RFC 7517 section 4.3) and Azure's import.
type Ops uint64

const (
	OpEncrypt Ops = 1 << iota
	OpDecrypt
	OpSign
	OpVerify
	OpWrap   // wrapKey: encrypts a key that the client gives
	OpUnwrap // unwrapKey: gives the client its key back
	OpImport // keys of others come in wrapped by it
	OpExport
	OpsAll Ops = 1<<iota - 1
)

// maxName is Azure's bound.
const maxName = 127

// ValidName tells whether a label is a name that the web doors can say: 1 to 127 letters, digits and hyphens.
func ValidName[T ~string | ~[]byte](name T) bool {
	for i := range len(name) {
		c := name[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxName
}

// Part says that an object is not there for itself: the rights for certificates hold for it, too (docs/design/certificates.md).
type Part uint64

const (
	PartNone        Part = iota
	PartCertificate      // key or secret of the certificate of the same name
	PartSettings         // issuers and contacts of the partition's certificates
)
