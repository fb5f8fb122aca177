// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	clockSkew    = 300       // seconds by which an issuer's clock may differ
	maxAssertion = 24 * 3600 // seconds that an assertion may last: what the longest of the SDKs asks for
	maxReplays   = 1 << 16   // assertions remembered: a sign-in per second and more, for as long as they last
)

// Evidence is what somebody shows to prove to be a service identity.
type Evidence struct {
	Kind     CredentialKind
	Text     []byte
	Client   string   // the client id that was claimed, which an assertion repeats
	Endpoint []string // what an assertion may name as its audience
	Now      int64    // seconds since 1970
}

// Check answers nil when the evidence is right for the identity: TokenInvalid when it is not, TokenExpired when it was.
// Called inside ssp.Do.
func (o *Operator) Check(e Evidence, seen *Replays) error {
	refused := fault.TokenInvalid.At("check evidence")
	if o.Role != Service || o.Disabled {
		return refused
	}
	var t *jose.Token
	if e.Kind != ClientSecret {
		var err error
		if t, err = jose.Parse(string(e.Text)); err != nil {
			return err
		}
	}
	err := error(refused)
	for i := range o.Credentials {
		c := &o.Credentials[i]
		if c.Kind != e.Kind || c.Expires != 0 && e.Now >= c.Expires {
			continue
		}
		switch c.Kind {
		case ClientSecret:
			if h := sha256.Sum256(e.Text); subtle.ConstantTimeCompare(h[:], c.Hash[:]) == 1 {
				return nil
			}
		case Certificate:
			if err = c.assertion(t, e, seen); err == nil {
				return nil
			}
		case Federated:
			if err = c.federated(t, e); err == nil {
				return nil
			}
		}
	}
	return err
}

// sameThumbprint compares a certificate's thumbprint as clients write it: base64url (RFC 7515 section 4.1.7), or as Microsoft's libraries
// do, with padding, and for Go in the other alphabet. The signature is what proves; this only names the certificate.
func sameThumbprint(said string, want []byte) bool {
	said = strings.TrimRight(said, "=")
	return said == base64.RawURLEncoding.EncodeToString(want) || said == base64.RawStdEncoding.EncodeToString(want)
}

// assertion checks a client assertion (RFC 7523 section 3).
func (c *Credential) assertion(t *jose.Token, e Evidence, seen *Replays) error {
	named := false
	for name, want := range map[string][]byte{"x5t": c.SHA1[:], "x5t#S256": c.Hash[:]} {
		if said := t.Header.Get(name); said.Kind != jose.Unknown {
			if !sameThumbprint(said.String(), want) {
				return fault.TokenInvalid.At("compare certificate of assertion")
			}
			named = true
		}
	}
	if !named {
		return fault.TokenInvalid.At("find certificate of assertion: it names no x5t")
	}
	key := c.Keys[0]
	key.ID = ""
	if err := t.Verify([]jose.Key{key}); err != nil {
		return err
	}
	jti := t.Claims.Get("jti").String()
	switch {
	case t.Claims.Get("iss").String() != e.Client || t.Claims.Get("sub").String() != e.Client:
		return fault.TokenInvalid.At("compare iss and sub of assertion with the client id")
	case !t.Audience(e.Endpoint...):
		return fault.TokenInvalid.At("compare aud of assertion with the token endpoint")
	case jti == "" || len(jti) > 256:
		return fault.TokenInvalid.At("read jti of assertion")
	}
	exp, err := t.Times(e.Now, clockSkew)
	if err != nil {
		return err
	}
	if exp > e.Now+maxAssertion+clockSkew {
		return fault.TokenInvalid.At("read exp of assertion: it lasts too long")
	}
	return seen.take(c.ID, jti, exp+clockSkew, e.Now)
}

// federated checks a token of another issuer. It may come again while it lasts: that is how its holder keeps it.
func (c *Credential) federated(t *jose.Token, e Evidence) error {
	if err := t.Verify(c.Keys); err != nil {
		return err
	}
	switch {
	case t.Claims.Get("iss").String() != c.Issuer:
		return fault.TokenInvalid.At("compare iss of token")
	case t.Claims.Get("sub").String() != c.Subject:
		return fault.TokenInvalid.At("compare sub of token")
	case !t.Audience(c.Audience):
		return fault.TokenInvalid.At("compare aud of token")
	}
	_, err := t.Times(e.Now, clockSkew)
	return err
}

// Replays remembers the assertions that were taken, until they expire. It is this core's own.
type Replays struct {
	mu   sync.Mutex
	seen map[[32]byte]int64 // guarded by mu: until when
	next int64              // guarded by mu: when to look for expired ones
}

// take refuses an assertion that was taken before. When it cannot remember more it takes none.
func (s *Replays) take(credential key.ID, jti string, until, now int64) error {
	h := sha256.Sum256(append(credential[:], jti...))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[[32]byte]int64{}
	}
	if now >= s.next || len(s.seen) >= maxReplays {
		for k, t := range s.seen {
			if now >= t {
				delete(s.seen, k)
			}
		}
		s.next = now + 60
	}
	if _, twice := s.seen[h]; twice {
		return fault.TokenInvalid.At("take assertion: its jti was used before")
	}
	if len(s.seen) >= maxReplays {
		return fault.RateLimited.At("take assertion")
	}
	s.seen[h] = until
	return nil
}

// Wrong notes evidence that was wrong: RateLimited once there was too much of it. What is right is never held up by that.
func (g *Gate) Wrong(id key.ID, now int64) error {
	t := g.tries(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.bucket.allows(now) {
		return fault.RateLimited.At("check evidence")
	}
	t.bucket.take(now)
	return nil
}
