// SPDX-License-Identifier: Apache-2.0

// Package jose reads and checks JSON web tokens (RFC 7519, RFC 7515 compact) and key sets (RFC 7517), as far as the core
// needs them: as evidence of who logs in.
//
//	t, err := jose.Parse(text)              // nothing is believed yet
//	err = t.Verify(keys)                    // by one of the keys that the credential pins
//
// The algorithm is the key's, not the token's: an RSA key checks RS and PS signatures, an EC key the ES of its curve, and
// a MAC is only ever checked by VerifyMAC. So no token can choose "none", or have a public key taken for a MAC key.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Token is a token that was read. Whether it says the truth, Verify tells.
type Token struct {
	Header, Claims Value
	signed         string
	signature      []byte
}

var encoding = base64.RawURLEncoding.Strict()

// Parse reads header, claims and signature of a token in compact form.
func Parse(text string) (*Token, error) {
	bad := fault.TokenInvalid.At("read token")
	if len(text) > MaxText {
		return nil, bad
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, bad
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = encoding.DecodeString(p); err != nil || strings.ContainsAny(p, "\r\n") {
			return nil, bad
		}
	}
	t := &Token{signed: text[:len(parts[0])+1+len(parts[1])], signature: raw[2]}
	var err error
	if t.Header, err = ParseJSON(raw[0]); err != nil {
		return nil, err
	}
	if t.Claims, err = ParseJSON(raw[1]); err != nil {
		return nil, err
	}
	if t.Header.Kind != Object || t.Claims.Kind != Object || t.Header.Get("crit").Kind != Unknown || len(t.signature) == 0 {
		return nil, bad
	}
	return t, nil
}

// Verify checks the signature with one of the keys: the one whose id the header names, or each.
func (t *Token) Verify(keys []Key) error {
	kid := t.Header.Get("kid").String()
	for _, k := range keys {
		if (kid == "" || k.ID == "" || k.ID == kid) && k.verify(t.Header.Get("alg").String(), []byte(t.signed), t.signature) {
			return nil
		}
	}
	return fault.TokenInvalid.At("check signature of token")
}

// Signed is what a MAC goes over.
func (t *Token) Signed() []byte { return []byte(t.signed) }

// VerifyMAC checks a token that the core made itself, whose MAC the caller computed over Signed.
func (t *Token) VerifyMAC(mac []byte) error {
	if t.Header.Get("alg").String() != "HS256" || subtle.ConstantTimeCompare(mac, t.signature) != 1 {
		return fault.TokenInvalid.At("check mac of token")
	}
	return nil
}

// Times checks exp, which must be there, nbf and iat against now, with skew seconds of grace for other clocks, and answers
// exp.
func (t *Token) Times(now, skew int64) (exp int64, err error) {
	exp, ok := t.Claims.Get("exp").Seconds()
	if !ok {
		return 0, fault.TokenInvalid.At("read exp of token")
	}
	if now >= exp+skew {
		return 0, fault.TokenExpired.At("compare exp of token and clock")
	}
	for _, name := range []string{"nbf", "iat"} {
		if v := t.Claims.Get(name); v.Kind != Unknown {
			if from, ok := v.Seconds(); !ok || from > now+skew {
				return 0, fault.TokenInvalid.At("compare " + name + " of token and clock")
			}
		}
	}
	return exp, nil
}

// Audience tells whether aud names one of these: it is a string or a list of them.
func (t *Token) Audience(wanted ...string) bool {
	aud := t.Claims.Get("aud")
	list := []Value{aud}
	if aud.Kind == Array {
		list = aud.Items
	}
	for _, v := range list {
		for _, w := range wanted {
			if w != "" && v.String() == w {
				return true
			}
		}
	}
	return false
}

// Compact joins header and claims, and what mac makes of them.
func Compact(header, claims string, mac func(signed []byte) []byte) string {
	signed := encoding.EncodeToString([]byte(header)) + "." + encoding.EncodeToString([]byte(claims))
	return signed + "." + encoding.EncodeToString(mac([]byte(signed)))
}

// Key is one public key that tokens are checked by.
type Key struct {
	ID  string
	RSA *rsa.PublicKey
	EC  *ecdsa.PublicKey
}

func (k Key) verify(alg string, signed, signature []byte) bool {
	if len(alg) != 5 {
		return false
	}
	var h crypto.Hash
	var sum []byte
	switch alg[2:] {
	case "256":
		s := sha256.Sum256(signed)
		h, sum = crypto.SHA256, s[:]
	case "384":
		s := sha512.Sum384(signed)
		h, sum = crypto.SHA384, s[:]
	case "512":
		s := sha512.Sum512(signed)
		h, sum = crypto.SHA512, s[:]
	default:
		return false
	}
	switch {
	case alg[:2] == "RS" && k.RSA != nil:
		return rsa.VerifyPKCS1v15(k.RSA, h, sum, signature) == nil
	case alg[:2] == "PS" && k.RSA != nil:
		return rsa.VerifyPSS(k.RSA, h, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	case alg[:2] == "ES" && k.EC != nil && esBits[alg] == k.EC.Curve.Params().BitSize:
		n := (k.EC.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*n {
			return false
		}
		return ecdsa.Verify(k.EC, sum, new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	}
	return false
}

// esBits are the curves of RFC 7518 section 3.4: each algorithm has one.
var esBits = map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}
