// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
)

// private is all that this package asks of a private key. It is the seam behind which a faster engine can stand: rows,
// padding checks and parameters stay on this side. An implementation is safe for many goroutines, keeps no copy of its
// inputs, checks each signature with the public key before it answers (a fault in one prime's half gives the key away),
// and tells padding errors apart neither by its error nor by its time.
type private interface {
	// signPKCS1 is RSASSA-PKCS1-v1_5; with h 0 digest is the DigestInfo itself.
	signPKCS1(h crypto.Hash, digest []byte) ([]byte, error)

	// signPSS is RSASSA-PSS with MGF1 over h itself and a random salt of salt bytes, at least one.
	signPSS(h crypto.Hash, digest []byte, salt int) ([]byte, error)

	// decryptPKCS1 is RSAES-PKCS1-v1_5. The caller hides its error: reject.go.
	decryptPKCS1(c []byte) ([]byte, error)

	decryptOAEP(c []byte, h, mgf crypto.Hash, label []byte) ([]byte, error)

	// raw is RSADP and RSASP1: c^d mod n in the length of the modulus, for c below n in that length.
	raw(c []byte) ([]byte, error)
}

// standard is private on crypto/rsa, and on raw.go where crypto/rsa has no door.
type standard struct{ k *rsa.PrivateKey }

func (s *standard) signPKCS1(h crypto.Hash, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(nil, s.k, h, digest)
}

func (s *standard) signPSS(h crypto.Hash, digest []byte, salt int) ([]byte, error) {
	return rsa.SignPSS(rand.Reader, s.k, h, digest, &rsa.PSSOptions{SaltLength: salt})
}

func (s *standard) decryptPKCS1(c []byte) ([]byte, error) {
	return rsa.DecryptPKCS1v15(nil, s.k, c)
}

func (s *standard) decryptOAEP(c []byte, h, mgf crypto.Hash, label []byte) ([]byte, error) {
	return s.k.Decrypt(nil, c, &rsa.OAEPOptions{Hash: h, MGFHash: mgf, Label: label})
}
