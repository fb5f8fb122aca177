// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/ed25519"
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// Key is the node's audit key (Ed25519, FIPS 186-5). Its seed stays in secret memory, and is expanded for each signature.
type Key struct {
	seed   ssp.Bytes
	public []byte
}

// healthPrefix keeps a health challenge from passing as the text of a note, which has no zero byte.
const healthPrefix = "genbu health 1\x00"

// NewKey draws a key, when the module is initialized or a node is added.
func NewKey() (*Key, error) {
	seed, err := ssp.Alloc(ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	seed.Use(access.Token{}, func(p []byte) { rand.Read(p) })
	return keyFor(seed), nil
}

// KeyFromSeed takes the 32 bytes of a key's record. Called inside ssp.Do.
func KeyFromSeed(plain []byte) (*Key, error) {
	if len(plain) != ed25519.SeedSize {
		return nil, fault.RecordInvalid.At("read audit key")
	}
	seed, err := ssp.Alloc(ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	seed.Use(access.Token{}, func(p []byte) { copy(p, plain) })
	return keyFor(seed), nil
}

func keyFor(seed ssp.Bytes) *Key {
	k := &Key{seed: seed, public: make([]byte, ed25519.PublicKeySize)}
	ssp.Do(func() {
		seed.Use(access.Token{}, func(p []byte) {
			copy(k.public, ed25519.NewKeyFromSeed(p).Public().(ed25519.PublicKey))
		})
	})
	return k
}

// Seed is what the key's record holds.
func (k *Key) Seed() ssp.Bytes { return k.seed }

// Public is the Ed25519 public key.
func (k *Key) Public() []byte { return k.public }

// Sign signs a message; Zeroized when the seed is gone, rather than a panic in the writer of the log.
func (k *Key) Sign(message []byte) (sig []byte, err error) {
	out := make([]byte, ed25519.SignatureSize)
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(error)
			if !ok || fault.Of(e) != fault.Zeroized {
				panic(p)
			}
			sig, err = nil, e
		}
	}()
	ssp.Do(func() {
		k.seed.Use(access.Token{}, func(p []byte) {
			private := ed25519.NewKeyFromSeed(p)
			copy(out, ed25519.Sign(private, message))
			clear(private)
		})
	})
	return out, nil
}

// SignHealth signs a challenge for Health, through the whole path that checkpoints take.
func (k *Key) SignHealth(challenge []byte) ([]byte, error) {
	return k.Sign(append([]byte(healthPrefix), challenge...))
}

// HealthMessage is what SignHealth signs, for who verifies it.
func HealthMessage(challenge []byte) []byte { return append([]byte(healthPrefix), challenge...) }

// Free forgets the key.
func (k *Key) Free() { k.seed.Free() }
