// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// answer is what a client knows of something it asked for.
type answer int

const (
	never   answer = iota // not asked
	unknown               // asked, and no answer came
	yes                   // answered
)

// thing is a key pair or a secret key that one client made, and what was answered about it. It is the client's alone
// while clients run, and the checker's while they wait.
type thing struct {
	label  string
	pair   bool // EC P-256, else AES-256
	made   answer
	told   bool             // the creation was answered to its client
	public *ecdsa.PublicKey // of a pair, noted at creation
	iv     []byte           // of a secret: used once, at creation
	sealed []byte           // what it made of probe then
	half   [2]half          // 0 the private or secret key, 1 the public key
}

// half is one object of a thing.
type half struct {
	handle uint64
	gone   answer
	told   bool     // the destruction was answered to its client
	id     []byte   // CKA_ID as answered last
	maybe  [][]byte // asked for since, without an answer
}

// probe is what secrets encrypt, and pairs sign.
var probe = []byte("what was answered is a promise")

// history is everything that all clients did.
type history struct {
	mu     sync.Mutex
	things []*thing // guarded by mu; what they hold is their client's
	counts map[string]int
}

func newHistory() *history { return &history{counts: map[string]int{}} }

func (h *history) add(x *thing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.things = append(h.things, x)
}

func (h *history) count(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[what]++
}

func (h *history) counted(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[what]
}

// lines are the counts for people.
func (h *history) lines() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for what, n := range h.counts {
		out = append(out, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(out)
	return out
}

var (
	p256     = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07} // OID of prime256v1
	errWrong = errors.New("wrong result")
)

func pairTemplates(label string, id []byte) (public, private client.Template) {
	common := client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, label), client.Bytes(key.AttrID, id)}
	return append(slices.Clone(common), client.Bytes(key.AttrECParams, p256), client.Bool(key.AttrVerify, true)),
		append(slices.Clone(common), client.Bool(key.AttrPrivate, true), client.Bool(key.AttrSign, true))
}

func secretTemplate(label string, id []byte) client.Template {
	return client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, label), client.Bytes(key.AttrID, id),
		client.ULong(key.AttrValueLen, uint64(32)), client.Bool(key.AttrEncrypt, true), client.Bool(key.AttrDecrypt, true),
		client.Bool(key.AttrPrivate, true)}
}

// publicKey reads the public key of an object into Go's own type.
func publicKey(s *client.Session, handle uint64) (*ecdsa.PublicKey, error) {
	v, err := s.Get(handle, key.AttrECPoint)
	if err != nil {
		return nil, err
	}
	if len(v) != 1 || len(v[0].Value) != 67 || v[0].Value[0] != 4 || v[0].Value[1] != 65 { // DER OCTET STRING of 04 | X | Y
		return nil, fmt.Errorf("EC_POINT is %x", v[0].Value)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), v[0].Value[2:])
}

// signs has the private key sign and Go's own crypto verify.
func signs(s *client.Session, private uint64, public *ecdsa.PublicKey) error {
	sig, err := s.Sign(client.Mech(key.MechECDSASHA256), private, probe)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(probe)
	n := len(sig) / 2
	if len(sig) != 64 || !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:])) {
		return fmt.Errorf("the signature is not of the key that was made: %w", errWrong)
	}
	return nil
}

// opens has the secret key open what it sealed when it was made.
func (x *thing) opens(s *client.Session, handle uint64) error {
	plain, err := s.Decrypt(client.GCM(x.iv, nil, 128), handle, x.sealed)
	if err == nil && !bytes.Equal(plain, probe) {
		err = errWrong
	}
	return err
}

// dying tells whether an error means that node or channel is going away, so that nobody knows what became of the call:
// AuditUnavailable is the answer to an act that was committed when the host died before it took the act's entry.
func dying(err error) bool {
	switch codeOf(err) {
	case fault.Unavailable, fault.OutcomeUnknown, fault.Timeout, fault.IndexNotReady, fault.Locked, fault.AuditUnavailable:
		return true
	}
	return false
}

// absent is how the node answers for an object that is not there.
func absent(err error) bool {
	code := codeOf(err)
	return code == fault.ObjectUnknown || code == fault.KeyUnknown
}
