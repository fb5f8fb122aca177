// SPDX-License-Identifier: Apache-2.0

package member

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

const keyLen = 32

// SigningKey is an ECDSA key on P-256: the domain's CA, or a node's identity in TLS. Its scalar stays in secret memory and is
// opened for each signature. It is a crypto.Signer.
type SigningKey struct {
	scalar ssp.Bytes
	public *ecdsa.PublicKey
	spki   []byte
}

// NewSigningKey draws a key, which has signed and verified once before it is answered.
func NewSigningKey() (k *SigningKey, err error) {
	ssp.Do(func() {
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return
		}
		var scalar []byte
		if scalar, err = private.Bytes(); err == nil {
			k, err = signingKey(scalar)
		}
	})
	if err != nil {
		return nil, fault.Internal.At("draw signing key")
	}
	return k, nil
}

// signingKey takes the 32 bytes of a scalar. Called inside ssp.Do.
func signingKey(scalar []byte) (*SigningKey, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, fault.RecordInvalid.At("read signing key")
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fault.RecordInvalid.At("read signing key")
	}
	k := &SigningKey{spki: publicKeyInfo(point)}
	if k.public, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
		return nil, fault.RecordInvalid.At("read signing key")
	}
	if k.scalar, err = hold(scalar); err != nil {
		return nil, err
	}
	digest := make([]byte, 32)
	signature, err := k.sign(digest)
	if err != nil || !ecdsa.VerifyASN1(k.public, digest, signature) {
		k.Free()
		return nil, fault.PairwiseFailed.At("try signing key")
	}
	return k, nil
}

// Public is the *ecdsa.PublicKey.
func (k *SigningKey) Public() crypto.PublicKey { return k.public }

// SPKI is the SubjectPublicKeyInfo, DER.
func (k *SigningKey) SPKI() []byte { return k.spki }

// Sign signs a SHA-256 digest.
func (k *SigningKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) (signature []byte, err error) {
	ssp.Do(func() {
		var made []byte
		if made, err = k.sign(digest); err == nil {
			signature = made
		}
	})
	return append([]byte(nil), signature...), err
}

// sign is Sign for callers who are inside ssp.Do.
func (k *SigningKey) sign(digest []byte) (signature []byte, err error) {
	k.scalar.Use(access.Token{}, func(p []byte) {
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), p); err == nil {
			signature, err = ecdsa.SignASN1(rand.Reader, private, digest)
		}
	})
	if err != nil {
		return nil, fault.Internal.At("sign as a member")
	}
	return signature, nil
}

// Free forgets the key.
func (k *SigningKey) Free() { k.scalar.Free() }

// VerifySignature checks what a SigningKey signed, by its SubjectPublicKeyInfo.
func VerifySignature(spki, digest, signature []byte) bool {
	public, err := parsePublicKeyInfo(spki)
	return err == nil && ecdsa.VerifyASN1(public, digest, signature)
}

// KEMKey opens what is sealed to a node: X25519 with ML-KEM-768 in HPKE (RFC 9180, draft-ietf-hpke-pq).
type KEMKey struct {
	seed   ssp.Bytes
	public []byte
}

// NewKEMKey draws a key.
func NewKEMKey() (k *KEMKey, err error) {
	ssp.Do(func() {
		var private hpke.PrivateKey
		if private, err = kem.GenerateKey(); err != nil {
			return
		}
		var seed []byte
		if seed, err = private.Bytes(); err == nil {
			k, err = kemKey(seed)
		}
	})
	if err != nil {
		return nil, fault.Internal.At("draw kem key")
	}
	return k, nil
}

// kemKey takes the 32 bytes of a seed. Called inside ssp.Do.
func kemKey(seed []byte) (*KEMKey, error) {
	private, err := kem.NewPrivateKey(seed)
	if err != nil {
		return nil, fault.RecordInvalid.At("read kem key")
	}
	held, err := hold(seed)
	if err != nil {
		return nil, err
	}
	return &KEMKey{held, append([]byte(nil), private.PublicKey().Bytes()...)}, nil
}

// Public is the key to seal to.
func (k *KEMKey) Public() []byte { return k.public }

// Free forgets the key.
func (k *KEMKey) Free() { k.seed.Free() }

var (
	kem  = hpke.MLKEM768X25519()
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

// SealTo seals a text to a KEM key, for one purpose (info) and in one context (aad). Called inside ssp.Do when the text is a
// secret.
func SealTo(public []byte, info string, aad, text []byte) ([]byte, error) {
	to, err := kem.NewPublicKey(public)
	if err != nil {
		return nil, fault.PublicKeyInvalid.At("seal to a kem key")
	}
	enc, sender, err := hpke.NewSender(to, kdf, aead, []byte(info))
	if err != nil {
		return nil, fault.Internal.At("seal to a kem key")
	}
	sealed, err := sender.Seal(aad, text)
	if err != nil {
		return nil, fault.Internal.At("seal to a kem key")
	}
	return append(enc, sealed...), nil
}

// encLen is how long an encapsulated key is: an ML-KEM-768 ciphertext and an X25519 share.
const encLen = 1088 + 32

// Open opens what SealTo sealed. Called inside ssp.Do.
func (k *KEMKey) Open(info string, aad, sealed []byte) (text []byte, err error) {
	if len(sealed) < encLen {
		return nil, fault.AEADFailed.At("open what was sealed to this core")
	}
	k.seed.Use(access.Token{}, func(p []byte) {
		var private hpke.PrivateKey
		if private, err = kem.NewPrivateKey(p); err != nil {
			return
		}
		var recipient *hpke.Recipient
		if recipient, err = hpke.NewRecipient(sealed[:encLen], private, kdf, aead, []byte(info)); err == nil {
			text, err = recipient.Open(aad, sealed[encLen:])
		}
	})
	if err != nil {
		return nil, fault.AEADFailed.At("open what was sealed to this core")
	}
	return text, nil
}

// ValidKeys tells whether a newcomer's public keys are of the kinds that members have.
func ValidKeys(tls, kemKey []byte) bool {
	_, err := parsePublicKeyInfo(tls)
	_, failed := kem.NewPublicKey(kemKey)
	return err == nil && failed == nil
}

// ValidIdentity tells whether a public key is of the kind that agents show.
func ValidIdentity(tls []byte) bool {
	_, err := parsePublicKeyInfo(tls)
	return err == nil
}

// hold moves a 32-byte key into secret memory.
func hold(plain []byte) (ssp.Bytes, error) {
	if len(plain) != keyLen {
		return ssp.Bytes{}, fault.RecordInvalid.At("take key")
	}
	k, err := ssp.Alloc(keyLen)
	if err == nil {
		k.Use(access.Token{}, func(p []byte) { copy(p, plain) })
	}
	return k, err
}

var (
	oidPublicKey = asn1OID{1, 2, 840, 10045, 2, 1}
	oidP256      = asn1OID{1, 2, 840, 10045, 3, 1, 7}
)

// publicKeyInfo is SubjectPublicKeyInfo of a point on P-256 (RFC 5480).
func publicKeyInfo(point []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidPublicKey)
			b.AddASN1ObjectIdentifier(oidP256)
		})
		b.AddASN1BitString(point)
	})
	return b.BytesOrPanic()
}

// parsePublicKeyInfo takes exactly what publicKeyInfo writes.
func parsePublicKeyInfo(spki []byte) (*ecdsa.PublicKey, error) {
	const pointLen = 65
	if len(spki) < pointLen || string(publicKeyInfo(spki[len(spki)-pointLen:])) != string(spki) {
		return nil, fault.PublicKeyInvalid.At("read a P-256 key")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), spki[len(spki)-pointLen:])
	if err != nil {
		return nil, fault.PublicKeyInvalid.At("read a P-256 key")
	}
	return public, nil
}
