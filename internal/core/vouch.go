// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// vouching is the key with which the domain speaks to strangers. It is made when it is first needed, and every node's core
// reads it then.
type vouching struct {
	mu    sync.Mutex
	key   *membership.StatementKey // guarded by mu: nil until it is needed, and while locked
	chain []string                 // guarded by mu: its certificate and the CA's, base64 of DER
	print string                   // guarded by mu: base64url SHA-256 of the certificate
	renew int64                    // guarded by mu: Boot time from which the certificate is issued anew
}

// Vouch signs claims as the domain's word: a JWS (RFC 7515) with RS256, whose certificates lead to the domain's CA.
func (c *Core) Vouch(kind string, claims *jose.Writer) (string, error) {
	v := &c.vouching
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := c.readyToVouch(v); err != nil {
		return "", err
	}
	var header jose.Writer
	header.Text("alg", "RS256")
	header.Text("typ", kind)
	header.Text("kid", v.print)
	header.Text("x5t#S256", v.print)
	header.Texts("x5c", v.chain)
	var err error
	text := jose.Compact(header.String(), claims.String(), func(signed []byte) (signature []byte) {
		signature, err = v.key.Sign(signed)
		return signature
	})
	return text, err
}

// Issuer is the domain as statements name it.
func (c *Core) Issuer() string {
	_, domain := c.rootKey()
	return membership.StatementURI(domain)
}

// Version is this build's.
func (c *Core) Version() string { return wire.Version }

// readyToVouch reads the key, or makes it, and sees to its certificate. The caller holds v.mu.
func (c *Core) readyToVouch(v *vouching) error {
	k := &c.cluster
	k.mu.Lock()
	ca, caDER := k.ca, k.caDER
	k.mu.Unlock()
	if ca == nil {
		return fault.Locked.At("speak for the domain")
	}
	if v.key == nil {
		t, err := c.tenant(0)
		if err != nil {
			return err
		}
		v.key, _, err = openRecord(t, membership.StatementPath, membership.DecodeStatementKey, func() (*membership.StatementKey, func() []byte, error) {
			made, err := membership.NewStatementKey()
			return made, func() []byte { return membership.EncodeStatementKey(made) }, err
		})
		if err != nil {
			return err
		}
	}
	now := c.system.Boot()
	if v.chain != nil && now < v.renew {
		return nil
	}
	der, err := membership.IssueStatement(ca, c.domain, v.key, c.Now())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(der)
	v.print = base64.RawURLEncoding.EncodeToString(sum[:])
	v.chain = []string{base64.StdEncoding.EncodeToString(der), base64.StdEncoding.EncodeToString(caDER)}
	v.renew = now + membership.StatementLife/2*1_000_000_000
	return nil
}

// stopVouching forgets the key.
func (c *Core) stopVouching() {
	v := &c.vouching
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key != nil {
		v.key.Free()
	}
	v.key, v.chain = nil, nil
}
