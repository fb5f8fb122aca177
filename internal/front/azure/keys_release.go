// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// releaseOperations are the rows of the table by which keys go out, and by which others learn what a key is.
func releaseOperations() []operation {
	return []operation{
		{"POST", "keys/{n}/{v}/release", aKey, keyRelease, nil},
		{"GET", "keys/{n}/{v}/attestation", aKey, keyAttestation, nil},
	}
}

// releaseHashes are the values of enc: CKM_RSA_AES_KEY_WRAP with the hash of its OAEP.
var releaseHashes = map[string]key.Hash{"": key.MechSHA1, "CKM_RSA_AES_KEY_WRAP": key.MechSHA1, "RSA_AES_KEY_WRAP_256": key.MechSHA256,
	"RSA_AES_KEY_WRAP_384": key.MechSHA384}

// keyRelease is Release: the key, wrapped to the environment that an attestation token speaks for. What is answered the core
// wrote and signed; the door adds nothing.
func keyRelease(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	target, nonce, enc := o.must("target"), o.text("nonce"), o.text("enc")
	if target != "" && !compactJWS(target) {
		o.fail("target", "is not a JSON web token")
	}
	if len(nonce) > maxNonce {
		o.fail("nonce", "is too long")
	}
	hash, ok := releaseHashes[enc]
	if !ok {
		o.fail("enc", "is not known")
	}
	if err := o.end(); err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupKeys, c.name, c.version, false)
	if err != nil {
		return err
	}
	_, statement, err := c.session.Release(client.Release{Key: n.Handle, Name: c.name, Token: target, Hash: hash, Nonce: nonce, APIVersion: c.query.apiVersion()})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"value": statement})
}

// compactJWS tells whether a text has the form of one (RFC 7515 section 7.1), with JSON in its first two parts.
func compactJWS(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxTarget {
		return false
	}
	for i, p := range parts {
		b, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil || i < 2 && !json.Valid(b) {
			return false
		}
	}
	return true
}

// attestation is what the core says of a key, beside the certificates that lead from its signature to the domain's CA.
type attestation struct {
	Certificates string `json:"certificatePemFile"` // base64url, as the next two
	Private      string `json:"privateKeyAttestation"`
	Public       string `json:"publicKeyAttestation,omitempty"`
	Version      string `json:"version"`
}

// attestationVersion names the form of the statements (docs/spec/azure.md).
const attestationVersion = "genbu-1"

// keyAttestation is GetKeyAttestation.
func keyAttestation(c *call) error {
	n, err := c.key(c.version)
	if err != nil {
		return err
	}
	private, public, err := c.session.Attest(n.Handle, c.name, "")
	if err != nil {
		return err
	}
	b := c.keyBundle(n, false)
	b.Attributes.Attestation = &attestation{encode64(certificatesOf(private)), encode64([]byte(private)), encode64([]byte(public)), attestationVersion}
	return c.answer(http.StatusOK, b)
}

// certificatesOf are the certificates in the header of a statement of the core, as PEM.
func certificatesOf(statement string) (text []byte) {
	first, _, _ := strings.Cut(statement, ".")
	header, err := decode64(first)
	if err != nil {
		return nil
	}
	var h struct {
		Chain [][]byte `json:"x5c"`
	}
	if json.Unmarshal(header, &h) != nil {
		return nil
	}
	for _, der := range h.Chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text
}
