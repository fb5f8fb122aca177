// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	// MinPIN admits the four digits that PKCS #11 tools use. Ten tries make that 1 in 1,000 for who guesses.
	MinPIN = 4
	// MaxPIN is what a CK_UTF8CHAR length of one byte would hold; longer ones help nobody.
	MaxPIN = 255

	// iterations of PBKDF2-HMAC-SHA-256, as OWASP advises (2023); about 0.15 s. They slow down who has opened the
	// records, which takes the partition key, so they are the second line.
	iterations = 600_000
	// maxIterations bounds what a record may cost.
	maxIterations = 10_000_000
)

// Verifier is what is kept of a PIN (SP 800-132): it tells right from wrong and nothing else.
type Verifier struct {
	salt       [16]byte
	iterations uint32
	hash       [32]byte
}

// CheckPINLength tells whether a PIN could be set at all.
func CheckPINLength(pin []byte) error {
	if len(pin) < MinPIN || len(pin) > MaxPIN {
		return fault.PINLength.At("check pin length")
	}
	return nil
}

// WithPIN answers the operator with a new PIN and all tries given back; tickets end. Called inside ssp.Do.
func (o *Operator) WithPIN(pin []byte) (*Operator, error) {
	if err := CheckPINLength(pin); err != nil {
		return nil, err
	}
	c := o.WithTries(0)
	v, err := newVerifier(pin, iterations)
	if err != nil {
		return nil, err
	}
	c.PIN = v
	c.Generation++
	return c, nil
}

func newVerifier(pin []byte, iterations uint32) (*Verifier, error) {
	v := &Verifier{iterations: iterations}
	rand.Read(v.salt[:])
	hash, err := hashPIN(pin, v.salt[:], iterations)
	if err != nil {
		return nil, err
	}
	copy(v.hash[:], hash)
	return v, nil
}

func hashPIN(pin, salt []byte, iterations uint32) ([]byte, error) {
	h, err := pbkdf2.Key(sha256.New, string(pin), salt, int(iterations), 32)
	if err != nil {
		return nil, fault.Internal.At("hash pin")
	}
	return h, nil
}

// matches takes as long for a wrong PIN as for the right one.
func (v *Verifier) matches(pin []byte) (bool, error) {
	h, err := hashPIN(pin, v.salt[:], v.iterations)
	if err != nil {
		return false, err
	}
	defer clear(h)
	return subtle.ConstantTimeCompare(h, v.hash[:]) == 1, nil
}

func (v *Verifier) encode(w *wire.Writer) {
	w.Raw(v.salt[:])
	w.U32(v.iterations)
	w.Raw(v.hash[:])
}

func decodeVerifier(r *wire.Reader) *Verifier {
	v := &Verifier{}
	copy(v.salt[:], r.Raw(len(v.salt)))
	if v.iterations = r.U32(); v.iterations == 0 || v.iterations > maxIterations {
		r.Fail()
	}
	copy(v.hash[:], r.Raw(len(v.hash)))
	return v
}
