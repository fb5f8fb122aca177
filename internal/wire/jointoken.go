// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// JoinToken lets a node or an agent into a domain, once. Its text is what one person gives another:
//
//	genbu-join1...   Bech32m of: u8 version (1) | u8 kind | 8 id | 32 secret | 16 domain | 32 SHA-256 of the CA's key | doors
//
// Doors are u8 count, and for each u8 length and host:port. The secret never leaves the two ends: what is derived from it
// authenticates both to each other, and the hash tells the newcomer whom it may believe.
type JoinToken struct {
	Kind   uint8
	ID     key.ID // its first eight bytes; the rest is zero
	Domain key.ID
	CA     [32]byte // SHA-256 of the CA's SubjectPublicKeyInfo
	Doors  []string

	secret func() []byte // behind a closure, so that no printer reaches it
}

// Kinds of tokens.
const (
	JoinNode  uint8 = 1
	JoinAgent uint8 = 2
)

const (
	joinPrefix  = "genbu-join"
	joinVersion = 1
	joinSecret  = 32
	joinID      = 8
	maxDoors    = 8
	maxJoinText = 2048
)

// Text writes a token with its secret.
func (t *JoinToken) Text(secret []byte) []byte {
	var w Writer
	w.U8(joinVersion)
	w.U8(t.Kind)
	w.Raw(t.ID[:joinID])
	w.Raw(secret)
	w.PutID(t.Domain)
	w.Raw(t.CA[:])
	doors := t.Doors[:min(len(t.Doors), maxDoors)]
	w.U8(uint8(len(doors)))
	for _, d := range doors {
		d = d[:min(len(d), 255)]
		w.U8(uint8(len(d)))
		w.Raw([]byte(d))
	}
	defer clear(w.B)
	return ToBech32(joinPrefix, w.B)
}

// ParseJoinToken reads a text as people hand it on: blanks and line ends do not matter.
func ParseJoinToken(text []byte) (*JoinToken, error) {
	plain := make([]byte, 0, len(text))
	defer func() { clear(plain) }()
	for _, c := range text {
		switch {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c+'a'-'A')
		default:
			plain = append(plain, c)
		}
	}
	bad := fault.TokenRefused.At("read join token: it is not one, or has a slip")
	if len(text) > maxJoinText {
		return nil, bad
	}
	data, ok := FromBech32(joinPrefix, plain)
	if !ok {
		return nil, bad
	}
	r := NewReader(data)
	t := &JoinToken{}
	version := r.U8()
	t.Kind = r.U8()
	copy(t.ID[:], r.Raw(joinID))
	secret := r.Raw(joinSecret)
	t.secret = func() []byte { return secret }
	t.Domain = r.ID()
	copy(t.CA[:], r.Raw(len(t.CA)))
	n := int(r.U8())
	for range min(n, maxDoors) {
		t.Doors = append(t.Doors, string(r.Raw(int(r.U8()))))
	}
	if r.End() != nil || version != joinVersion || n == 0 || n > maxDoors || t.Kind != JoinNode && t.Kind != JoinAgent {
		return nil, bad
	}
	return t, nil
}

// Key is what both ends derive from the secret and the member's core keeps in place of it.
func (t *JoinToken) Key() []byte { return JoinKey(t.ID, t.secret()) }

// Clear zeroes the secret.
func (t *JoinToken) Clear() { clear(t.secret()) }

// JoinKey derives a token's key from its secret.
func JoinKey(id key.ID, secret []byte) []byte {
	k, err := hkdf.Key(sha256.New, secret, id[:joinID], "genbu join token 1", sha256.Size)
	if err != nil {
		panic("wire: HKDF with fixed lengths failed")
	}
	return k
}

// What a JoinMAC is for.
const (
	JoinAsks      = "genbu join request 1"
	JoinAnswers   = "genbu join answer 1"
	EnrolAsks     = "genbu enrol request 1"
	EnrolAnswers  = "genbu enrol answer 1"
	exporterBytes = 32
)

// JoinMAC authenticates a message of admission under a token's key, in one TLS connection, which its exporter stands for.
func JoinMAC(k []byte, what string, exporter [exporterBytes]byte, message []byte) []byte {
	m := hmac.New(sha256.New, k)
	var w Writer
	w.String(what)
	w.Raw(exporter[:])
	w.Bytes(message)
	m.Write(w.B)
	return m.Sum(nil)
}

// Fingerprint is what people compare: it stands for a newcomer's id and keys. SHA-256, cut to 128 bits, in groups of four
// hexadecimal digits.
func Fingerprint(node key.ID, tls, kem []byte) string {
	var w Writer
	w.String("genbu newcomer 1")
	w.PutID(node)
	w.Bytes(tls)
	w.Bytes(kem)
	sum := sha256.Sum256(w.B)
	const digits = "0123456789abcdef"
	var text []byte
	for i, b := range sum[:16] {
		if i > 0 && i%2 == 0 {
			text = append(text, '-')
		}
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

// ProofDigest is what a ProofRequest signs: one ask, by one holder, in one TLS connection.
func ProofDigest(ask uint8, id key.ID, exporter [exporterBytes]byte) [32]byte {
	var w Writer
	w.String("genbu proof 1")
	w.U8(ask)
	w.PutID(id)
	w.Raw(exporter[:])
	return sha256.Sum256(w.B)
}

// MAC'd messages end in their MAC.

// Authenticate appends the MAC of a message to it.
func Authenticate(k []byte, what string, exporter [exporterBytes]byte, message []byte) []byte {
	return append(message, JoinMAC(k, what, exporter, message)...)
}

// Authentic checks and takes off what Authenticate appended.
func Authentic(k []byte, what string, exporter [exporterBytes]byte, message []byte) ([]byte, bool) {
	n := len(message) - sha256.Size
	if n < 0 || !hmac.Equal(message[n:], JoinMAC(k, what, exporter, message[:n])) {
		return nil, false
	}
	return message[:n], true
}
