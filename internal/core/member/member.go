// SPDX-License-Identifier: Apache-2.0

// Package member knows who belongs to a domain: its nodes, its agents, the tokens by which they come in, the cluster's policy,
// and the certificates that the domain's own CA gives them. All of it lies in sealed records of the domain
// (docs/design/records.md); what a record does not name is no member, whatever certificate it shows.
//
//	ca, err := member.NewSigningKey()
//	der, err := member.NewCA(ca, domain, now)
//	cert, err := member.Issue(ca, domain, member.KindNode, node, k.SPKI(), now)
//	w := (&member.Node{...}).Encode(); n, err := member.DecodeNode(b)
package member

import (
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Places of the records, below r/<domain>.
const (
	prefix         = "r/00000000000000000000000000000000/"
	CAPath         = prefix + "i"
	SettingsPath   = prefix + "s"
	NodePrefix     = prefix + "n/"
	IdentityPrefix = prefix + "k/"
	TokenPrefix    = prefix + "j/"
	AgentPrefix    = prefix + "g/"
)

// RecordID is what the domain's ledger calls the record at a path. Other records of a node have the node's own id.
func RecordID(path string) (id key.ID) {
	sum := sha256.Sum256([]byte("genbu record of the domain 1\x00" + path))
	copy(id[:], sum[:])
	return id
}

// Node is one member: the plaintext of r/<domain>/n/<node>.
type Node struct {
	Node     key.ID
	Name     string
	Door     string // host:port where its core is reached
	Peer     string // URL of its store
	TLS      []byte // SubjectPublicKeyInfo of its identity
	KEM      []byte // what is for its core alone is sealed to this
	Keeper   string // who unseals its root key
	Admitted int64  // unix seconds
	By       key.ID // operator who made the token; zero for the first node

	// A newcomer whose answer was lost may ask for it again with the same token and the same keys, for as long as the token
	// would have been good.
	Token      key.ID
	TokenKey   []byte
	TokenUntil int64
}

// Agent is one application machine: the plaintext of r/<domain>/g/<agent>.
type Agent struct {
	ID       key.ID
	Name     string
	TLS      []byte
	Disabled bool
	Enrolled int64
	By       key.ID

	Token      key.ID // as for a Node
	TokenKey   []byte
	TokenUntil int64
}

// Token lets one newcomer in, once: the plaintext of r/<domain>/j/<token>.
type Token struct {
	ID      key.ID // eight bytes at random, then zeros
	Kind    Kind
	Name    string // what the newcomer will be called
	Key     []byte // HKDF of the secret: see wire.TokenKey
	Expires int64  // unix seconds
	By      key.ID

	// What is known once a newcomer has shown the secret: from then on the token is good for these keys only.
	Fingerprint []byte // nil before
	Approvals   []key.ID
}

// Settings are the cluster's policy: the plaintext of r/<domain>/s.
type Settings struct {
	Approvals  uint32 // admins who must approve a node's keys before it is let in
	AutoUnlock bool   // a restarted node whose keeper is "peers" is unlocked without asking anybody
	LeaseMS    uint32
}

// Limits.
const (
	MaxName      = 63 // a label of the domain name system, which node names often are
	MaxApprovals = 16
	MinLeaseMS   = 1000
	MaxLeaseMS   = 60_000
	DefaultLease = 3000
	maxAddress   = 512
)

// ValidName tells whether a node or agent can be called so.
func ValidName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '.' && c != '_') {
			return false
		}
	}
	return name != "" && len(name) <= MaxName
}

// ValidAddresses tells whether a member's record has room for how its node is reached.
func ValidAddresses(door, peer string) bool {
	return len(door) <= maxAddress && len(peer) <= maxAddress
}

const recordVersion = 1

func (n *Node) Encode() []byte {
	var w wire.Writer
	w.U8(recordVersion)
	w.PutID(n.Node)
	w.String(n.Name)
	w.String(n.Door)
	w.String(n.Peer)
	w.Bytes(n.TLS)
	w.Bytes(n.KEM)
	w.String(n.Keeper)
	w.U64(uint64(n.Admitted))
	w.PutID(n.By)
	w.PutID(n.Token)
	w.Bytes(n.TokenKey)
	w.U64(uint64(n.TokenUntil))
	return w.B
}

// DecodeNode reads what Encode wrote.
func DecodeNode(b []byte) (*Node, error) {
	r := wire.NewReader(b)
	n := &Node{}
	ok := r.U8() == recordVersion
	n.Node, n.Name, n.Door, n.Peer = r.ID(), r.String(), r.String(), r.String()
	n.TLS, n.KEM, n.Keeper, n.Admitted, n.By = bytes(&r), bytes(&r), r.String(), int64(r.U64()), r.ID()
	n.Token, n.TokenKey, n.TokenUntil = r.ID(), bytes(&r), int64(r.U64())
	if r.End() != nil || !ok || !ValidName(n.Name) || !ValidAddresses(n.Door, n.Peer) {
		return nil, fault.RecordInvalid.At("read member")
	}
	return n, nil
}

func (a *Agent) Encode() []byte {
	var w wire.Writer
	w.U8(recordVersion)
	w.PutID(a.ID)
	w.String(a.Name)
	w.Bytes(a.TLS)
	w.Bool(a.Disabled)
	w.U64(uint64(a.Enrolled))
	w.PutID(a.By)
	w.PutID(a.Token)
	w.Bytes(a.TokenKey)
	w.U64(uint64(a.TokenUntil))
	return w.B
}

// DecodeAgent reads what Encode wrote.
func DecodeAgent(b []byte) (*Agent, error) {
	r := wire.NewReader(b)
	a := &Agent{}
	ok := r.U8() == recordVersion
	a.ID, a.Name, a.TLS, a.Disabled, a.Enrolled, a.By = r.ID(), r.String(), bytes(&r), r.Bool(), int64(r.U64()), r.ID()
	a.Token, a.TokenKey, a.TokenUntil = r.ID(), bytes(&r), int64(r.U64())
	if r.End() != nil || !ok || !ValidName(a.Name) {
		return nil, fault.RecordInvalid.At("read agent")
	}
	return a, nil
}

func (t *Token) Encode() []byte {
	var w wire.Writer
	w.U8(recordVersion)
	w.PutID(t.ID)
	w.U8(uint8(t.Kind))
	w.String(t.Name)
	w.Bytes(t.Key)
	w.U64(uint64(t.Expires))
	w.PutID(t.By)
	w.Bytes(t.Fingerprint)
	w.U32(uint32(len(t.Approvals)))
	for _, id := range t.Approvals {
		w.PutID(id)
	}
	return w.B
}

// DecodeToken reads what Encode wrote.
func DecodeToken(b []byte) (*Token, error) {
	r := wire.NewReader(b)
	t := &Token{}
	ok := r.U8() == recordVersion
	t.ID, t.Kind, t.Name, t.Key, t.Expires, t.By = r.ID(), Kind(r.U8()), r.String(), bytes(&r), int64(r.U64()), r.ID()
	t.Fingerprint = bytes(&r)
	for range r.Count(16) {
		t.Approvals = append(t.Approvals, r.ID())
	}
	if r.End() != nil || !ok || !ValidName(t.Name) || t.Kind != KindNode && t.Kind != KindAgent || len(t.Key) != keyLen {
		return nil, fault.RecordInvalid.At("read join token")
	}
	return t, nil
}

func (s *Settings) Encode() []byte {
	var w wire.Writer
	w.U8(recordVersion)
	w.U32(s.Approvals)
	w.Bool(s.AutoUnlock)
	w.U32(s.LeaseMS)
	return w.B
}

// DecodeSettings reads what Encode wrote.
func DecodeSettings(b []byte) (*Settings, error) {
	r := wire.NewReader(b)
	ok := r.U8() == recordVersion
	s := &Settings{Approvals: r.U32(), AutoUnlock: r.Bool(), LeaseMS: r.U32()}
	if r.End() != nil || !ok || !s.Valid() {
		return nil, fault.RecordInvalid.At("read settings of the domain")
	}
	return s, nil
}

// Valid tells whether the values are within their limits.
func (s *Settings) Valid() bool {
	return s.Approvals <= MaxApprovals && s.LeaseMS >= MinLeaseMS && s.LeaseMS <= MaxLeaseMS
}

// bytes copies a field out of the record's plaintext, which is erased; nil for an empty one.
func bytes(r *wire.Reader) []byte { return append([]byte(nil), r.Bytes()...) }
