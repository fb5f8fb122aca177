// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// CredentialKind is what a service identity shows as evidence (docs/design/identities.md).
type CredentialKind uint8

const (
	CredentialUnknown CredentialKind = iota
	ClientSecret
	Certificate
	Federated
)

const (
	maxCredentials = 16    // of one identity: some secrets and certificates that overlap while they are changed
	maxPinned      = 1024  // bytes of an issuer, subject or audience
	secretPrefix   = "gs-" // so that a secret found somewhere is known for what it is, and never begins with a hyphen
	secretBytes    = 32
	hintLen        = len(secretPrefix) + 4
)

// Credential is one way in which a service identity may show who it is. It holds no secret.
type Credential struct {
	ID      key.ID
	Kind    CredentialKind
	Created int64 // seconds since 1970, as is Expires; 0 for never
	Expires int64
	Hint    string

	Hash              [32]byte   // of a secret: SHA-256, since nobody guesses 256 random bits; of a certificate: its thumbprint
	SHA1              [20]byte   // of a certificate: x5t
	Keys              []jose.Key // that sign assertions, or the issuer's tokens
	Issuer            string     // of federated tokens, as are Subject and Audience
	Subject, Audience string
}

// NewSecret draws a client secret and answers it, to be shown once. Called inside ssp.Do.
func NewSecret() (c Credential, secret []byte) {
	b := make([]byte, secretBytes)
	rand.Read(b)
	secret = make([]byte, len(secretPrefix)+base64.RawURLEncoding.EncodedLen(len(b)))
	copy(secret, secretPrefix)
	base64.RawURLEncoding.Encode(secret[len(secretPrefix):], b)
	clear(b)
	return Credential{Kind: ClientSecret, Hash: sha256.Sum256(secret), Hint: string(secret[:hintLen])}, secret
}

// NewCertificate pins a certificate (DER).
func NewCertificate(der []byte) (Credential, error) {
	k, err := jose.FromCertificate(der)
	if err != nil {
		return Credential{}, err
	}
	c := Credential{Kind: Certificate, Hash: sha256.Sum256(der), SHA1: sha1.Sum(der), Keys: []jose.Key{k}}
	c.Hint = hex.EncodeToString(c.SHA1[:])
	return c, nil
}

// NewFederated pins an issuer's keys, and which of its tokens mean this identity.
func NewFederated(issuer, subject, audience string, jwks []byte) (Credential, error) {
	for _, s := range []string{issuer, subject, audience} {
		if s == "" || len(s) > maxPinned {
			return Credential{}, fault.ArgumentsBad.At("read issuer, subject and audience")
		}
	}
	keys, err := jose.ParseSet(jwks)
	return Credential{Kind: Federated, Keys: keys, Issuer: issuer, Subject: subject, Audience: audience, Hint: issuer + " " + subject}, err
}

// WithCredential answers the identity with one credential more. What it had stays good.
func (o *Operator) WithCredential(c Credential) (*Operator, error) {
	if o.Role != Service || len(o.Credentials) >= maxCredentials {
		return nil, fault.ArgumentsBad.At("add credential: only service identities have them, at most 16")
	}
	n := o.clone()
	n.Credentials = append(n.Credentials, c)
	return n, nil
}

// WithoutCredential answers the identity without one; its tokens end.
func (o *Operator) WithoutCredential(id key.ID) (*Operator, error) {
	n := o.clone()
	n.Credentials = nil
	for _, c := range o.Credentials {
		if c.ID != id {
			n.Credentials = append(n.Credentials, c)
		}
	}
	if len(n.Credentials) == len(o.Credentials) {
		return nil, fault.ArgumentsBad.At("find credential")
	}
	n.Generation++
	return n, nil
}

// WithLimit answers the operator limited to what it is granted; tickets end, so that who logs in again is limited.
func (o *Operator) WithLimit() *Operator {
	n := o.clone()
	n.Limited = true
	n.Generation++
	return n
}

func (c *Credential) encode(w *wire.Writer) {
	w.PutID(c.ID)
	w.U8(uint8(c.Kind))
	w.U64(uint64(c.Created))
	w.U64(uint64(c.Expires))
	w.String(c.Hint)
	w.Raw(c.Hash[:])
	w.Raw(c.SHA1[:])
	w.String(c.Issuer)
	w.String(c.Subject)
	w.String(c.Audience)
	w.U32(uint32(len(c.Keys)))
	for _, k := range c.Keys {
		w.String(k.ID)
		w.Bytes(k.SPKI())
	}
}

func decodeCredential(r *wire.Reader) (c Credential) {
	c.ID, c.Kind = r.ID(), CredentialKind(r.U8())
	c.Created, c.Expires, c.Hint = int64(r.U64()), int64(r.U64()), r.String()
	copy(c.Hash[:], r.Raw(len(c.Hash)))
	copy(c.SHA1[:], r.Raw(len(c.SHA1)))
	c.Issuer, c.Subject, c.Audience = r.String(), r.String(), r.String()
	for range r.Count(8) {
		id := r.String()
		k, err := jose.FromSPKI(r.Bytes())
		if err != nil {
			r.Fail()
			break
		}
		k.ID = id
		c.Keys = append(c.Keys, k)
	}
	if c.Kind == CredentialUnknown || c.Kind > Federated {
		r.Fail()
	}
	return c
}
