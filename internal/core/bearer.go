// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	tokenLife  = 3600 // seconds, as Entra ID's
	tokenSkew  = 300  // between the clocks of two nodes
	tokenLabel = "genbu access token 1"

	// nameBearer in place of an operator's name says that the PIN is an access token.
	nameBearer = "bearer"
	// scopeAll is what clients put behind the resource that they want a token for (OAuth 2.0 as Entra ID speaks it).
	scopeAll = "/.default"
)

// tokenIssue checks the evidence of a service identity and answers an access token.
func (m *manager) tokenIssue() error {
	client, kind, text, scope := m.r.String(), m.r.U64(), m.r.Bytes(), m.r.String()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	home, err := c.tenant(0)
	if err != nil {
		return err
	}
	settings := home.rights()
	authority, resource := settings.setting(settingAuthority), resourceOf(scope)
	if authority == "" || resource == "" || resource != settings.setting(settingVault) && resource != settings.setting(settingManaged) &&
		resource != settings.setting(settingManager) {
		return m.refuse(fault.ArgumentsBad.At("issue token: the scope is no resource of this domain"))
	}
	op, err := m.prove(home, client, operator.CredentialKind(min(kind, 255)), text, authority)
	e := wire.AuditEntry{Kind: wire.AuditLogin, Time: c.system.Now(), Door: m.at.Peer.Door, UID: m.at.Peer.UID, PID: m.at.Peer.PID,
		Call: uint16(m.call), Result: fault.Of(err), Request: m.at.Request}
	if op != nil {
		e.Operator, e.Role = op.ID, uint8(op.Role)
	}
	if failed := c.log.Append(e, true); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	token, err := c.sealToken(home, op, authority, resource)
	if err != nil {
		return err
	}
	m.w.String(token)
	m.w.U64(tokenLife)
	return nil
}

// resourceOf takes the resource out of a scope, which may name OpenID's own words besides.
func resourceOf(scope string) string {
	for _, word := range strings.Fields(scope) {
		if r, ok := strings.CutSuffix(word, scopeAll); ok {
			return strings.TrimSuffix(r, "/")
		}
	}
	return ""
}

// prove finds the identity of a client id and checks its evidence.
func (m *manager) prove(home *tenant, client string, kind operator.CredentialKind, text []byte, authority string) (*operator.Operator, error) {
	c := m.core
	refused := fault.TokenInvalid.At("check evidence")
	id, ok := parseUUID(client)
	if !ok {
		return nil, refused
	}
	o := home.member(id)
	if o == nil {
		return nil, refused // client ids are random: nobody finds one by asking
	}
	var err error
	evidence := operator.Evidence{Kind: kind, Text: text, Client: client, Endpoint: []string{authority + "/oauth2/token"}, Now: c.Now()}
	ssp.Do(func() { err = o.Check(evidence, &c.replays) })
	if err != nil {
		if limited := c.gate.Wrong(id, c.system.Boot()); limited != nil {
			err = limited
		}
	}
	return o.Operator, err
}

// sealToken makes an access token: a JWT under a key that every core of the domain has.
func (c *Core) sealToken(home *tenant, op *operator.Operator, authority, resource string) (token string, err error) {
	now := uint64(c.Now())
	id := uuid(op.ID)
	var header, claims jose.Writer
	header.Text("alg", "HS256")
	header.Text("typ", "JWT")
	claims.Text("iss", authority)
	claims.Text("aud", resource)
	for _, name := range []string{"sub", "oid", "appid", "azp"} {
		claims.Text(name, id)
	}
	claims.Text("tid", uuid(c.domain))
	claims.Number("iat", now)
	claims.Number("nbf", now)
	claims.Number("exp", now+tokenLife)
	claims.Number("gen", op.Generation)
	claims.Text("jti", randomID().String())
	ssp.Do(func() {
		token = jose.Compact(header.String(), claims.String(), func(signed []byte) []byte {
			mac, failed := seal.MAC(home.key, tokenLabel, signed)
			err = failed
			return mac
		})
	})
	return token, err
}

// bearer finds the identity that an access token speaks for, on a partition of the kind that the token is for; in the domain, on one
// for the resource manager.
func (c *Core) bearer(t *tenant, user uint64, text []byte) (*operator.Operator, int64, error) {
	home, err := c.tenant(0)
	if err != nil {
		return nil, 0, err
	}
	token, err := jose.Parse(string(text))
	if err != nil {
		return nil, 0, err
	}
	ssp.Do(func() {
		var mac []byte
		if mac, err = seal.MAC(home.key, tokenLabel, token.Signed()); err == nil {
			err = token.VerifyMAC(mac)
		}
	})
	if err != nil {
		return nil, 0, err
	}
	settings := home.rights()
	resource := ""
	switch flags := t.settings().flags; {
	case t.id.IsZero():
		resource = settings.setting(settingManager)
	case flags&flagVault != 0:
		resource = settings.setting(settingVault)
	case flags&flagManaged != 0:
		resource = settings.setting(settingManaged)
	}
	id, ok := parseUUID(token.Claims.Get("sub").String())
	generation, counted := token.Claims.Get("gen").Seconds()
	if !ok || !counted || token.Claims.Get("iss").String() != settings.setting(settingAuthority) {
		return nil, 0, fault.TokenInvalid.At("compare iss of token")
	}
	o := home.member(id)
	if o == nil {
		return nil, 0, fault.TokenInvalid.At("find the operator of a token")
	}
	exp, err := token.Times(c.Now(), 0)
	switch {
	case fault.Of(err) == fault.TokenInvalid && c.ahead(token): // issued on a node whose clock is ahead
		exp, _ = token.Claims.Get("exp").Seconds()
	case err != nil:
		return o.Operator, 0, err
	}
	switch {
	case !token.Audience(resource):
		return o.Operator, 0, fault.TokenInvalid.At("compare aud of token with the partition")
	case o.Role != operator.Service || o.Disabled || uint64(generation) != o.Generation:
		return o.Operator, 0, fault.TokenInvalid.At("compare token and operator")
	case user != channel.UserCrypto:
		return o.Operator, 0, fault.UserTypeInvalid.At("log in by token")
	case !t.limitsOf(o.Operator).Any():
		return o.Operator, 0, fault.Denied.At("log in by token: the identity has no role here")
	}
	return o.Operator, exp, nil
}

// ahead tells whether all that is wrong with a token's times is that it begins within the skew of two nodes' clocks.
func (c *Core) ahead(token *jose.Token) bool {
	_, err := token.Times(c.Now()+tokenSkew, 0)
	return err == nil
}
