// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Service is the role of an identity that logs in by evidence of its own and may do what it was granted (docs/design/identities.md).
const Service uint64 = 4

// Evidence is a kind of credential other than a PIN.
type Evidence uint64

const (
	ClientSecret Evidence = 1 // made by the core, shown once
	Certificate  Evidence = 2 // a signed assertion (RFC 7523)
	Federated    Evidence = 3 // a token of another issuer
)

// Bearer is the operator's name for LoginBearer.
const Bearer = "bearer"

// LoginBearer logs in by an access token. The token is zeroed.
func (s *Session) LoginBearer(token []byte) error {
	_, err := s.Login(User, Bearer, token)
	return err
}

// IssueToken answers an access token for a scope ("<resource>/.default") and how many seconds it lasts. client is the
// operator's id in the form of a UUID, which is the client id. The evidence is zeroed.
func (c *Conn) IssueToken(client string, kind Evidence, evidence []byte, scope string) (token string, seconds uint64, err error) {
	defer clear(evidence)
	err = c.call(wire.CallTokenIssue, func(w *wire.Writer) {
		w.String(client)
		w.U64(uint64(kind))
		w.Bytes(evidence)
		w.String(scope)
	}, func(r *wire.Reader) { token, seconds = r.String(), r.U64() })
	return token, seconds, err
}

// AddSecret gives an operator a client secret and answers it; it is never shown again. expires is in seconds since 1970, 0
// for never.
func (c *Conn) AddSecret(slot uint64, operator string, expires uint64) (id key.ID, secret []byte, err error) {
	return c.credential(slot, operator, ClientSecret, nil, expires)
}

// AddCertificate gives an operator a certificate (DER), whose key signs its assertions.
func (c *Conn) AddCertificate(slot uint64, operator string, der []byte, expires uint64) (id key.ID, err error) {
	id, _, err = c.credential(slot, operator, Certificate, der, expires)
	return id, err
}

// AddFederated trusts tokens of an issuer for an operator: those with this subject and audience, signed by a key of the
// JSON web key set, which is pinned.
func (c *Conn) AddFederated(slot uint64, operator, issuer, subject, audience string, jwks []byte, expires uint64) (id key.ID, err error) {
	var w wire.Writer
	w.String(issuer)
	w.String(subject)
	w.String(audience)
	w.Bytes(jwks)
	id, _, err = c.credential(slot, operator, Federated, w.B, expires)
	return id, err
}

func (c *Conn) credential(slot uint64, operator string, kind Evidence, material []byte, expires uint64) (id key.ID, secret []byte, err error) {
	err = c.call(wire.CallCredentialAdd, func(w *wire.Writer) {
		w.U64(slot)
		w.String(operator)
		w.U64(uint64(kind))
		w.Bytes(material)
		w.U64(expires)
	}, func(r *wire.Reader) { id, secret = idBytes(r), keep(r.Bytes()) })
	return id, secret, err
}

// Credential is one row of Credentials.
type Credential struct {
	ID      key.ID
	Kind    Evidence
	Hint    string // the secret's first letters, the certificate's thumbprint, or issuer and subject
	Created uint64 // seconds since 1970, as is Expires
	Expires uint64 // 0 for never
}

// Credentials lists an operator's credentials, without what they protect.
func (c *Conn) Credentials(slot uint64, operator string) (list []Credential, err error) {
	err = c.call(wire.CallCredentialList, func(w *wire.Writer) {
		w.U64(slot)
		w.String(operator)
	}, func(r *wire.Reader) {
		for range r.Count(48) {
			list = append(list, Credential{idBytes(r), Evidence(r.U64()), r.String(), r.U64(), r.U64()})
		}
	})
	return list, err
}

// RemoveCredential ends a credential and every token of its operator.
func (c *Conn) RemoveCredential(slot uint64, operator string, id key.ID) error {
	return c.call(wire.CallCredentialRemove, func(w *wire.Writer) {
		w.U64(slot)
		w.String(operator)
		w.Bytes(id[:])
	}, nil)
}
