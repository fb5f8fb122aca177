// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/key"

// This file holds the host calls of a cluster (docs/design/boundary.md). Transport is the host's: it dials, accepts and
// runs the store's members; who is a member, and who may speak to whom, the core says.

// Ops of a cluster, as those of host.go.
const (
	OpNodeCertificate uint16 = 8
	OpNodeAddress     uint16 = 9
	OpDial            uint16 = 24
	OpMember          uint16 = 25
	OpJoined          uint16 = 26
)

// Preface is what a dialler sends to a node's door before TLS begins, followed by one byte that says for what it comes. The
// host reads these five bytes and no more, and passes the connection to the core.
const Preface = "GNBR"

// What somebody comes to a door for.
const (
	DoorChannel   uint8 = 1 // an agent's client channel
	DoorLink      uint8 = 2 // a link from another core
	DoorAdmission uint8 = 3 // to join, to be unlocked, to enrol
)

// DoorLocked follows the Preface where a core that is locked turns somebody away: it has no key to shake hands with, so nobody proves
// this, and it is good for telling people only.
const DoorLocked uint8 = 'L'

// DoorNumberAgent stands in audit entries and metrics for channels that agents open from their own machines.
const DoorNumberAgent uint8 = 2

// CertificateRequest asks for a certificate of the host's own transport key, for the store's peer traffic. The core
// issues it for its own node only, and it opens nothing but that. The core of a newcomer answers Uninitialized: it keeps the
// request for its admission, and the reply comes with JoinedRequest.
type CertificateRequest struct {
	Public []byte // SubjectPublicKeyInfo, DER: an ECDSA key on P-256
	DNS    []string
	IPs    [][]byte // 4 or 16 bytes each
}

// CertificateReply is a certificate with the CA's own, both DER.
type CertificateReply struct {
	Certificate []byte
	CA          []byte
	NotAfter    uint64 // unix seconds
}

// NodeAddress tells the core how its node is reached from elsewhere. Empty texts mean that the host does not know yet.
type NodeAddress struct {
	Door string // host:port, where connections end in the core
	Peer string // URL of the store's peer traffic
}

// DialRequest asks for a connected socket to a door. Once it is connected the host passes it as a descriptor of kind 4
// with the same id, and answers; Unavailable says that nobody answered there.
type DialRequest struct {
	ID      key.ID // of the node wanted; any number of the core's choice where it is not known
	Address string
}

// MemberVerb is what OpMember does to the store's membership.
type MemberVerb uint8

const (
	MemberUnknown MemberVerb = iota
	MemberAdd                // as a learner; adding one that is there already answers the same
	MemberRemove             // removing one that is not there succeeds
	MemberDoor               // none is changed: this node is to be found by others, so its door is opened if it is not
)

// MemberRequest changes the store's membership.
type MemberRequest struct {
	Verb MemberVerb
	Node key.ID
	Name string
	Peer string // URL; empty for MemberRemove
}

// MemberReply says with which members the new one begins, in the store's own words, which the core carries unread; for
// MemberDoor it is the door's address, host:port.
type MemberReply struct{ Initial string }

// ClusterMember is one node as the others reach it.
type ClusterMember struct {
	Node key.ID
	Name string
	Door string
	Peer string
}

// JoinedRequest tells the host of a newcomer that its node was admitted. The host starts the store as a learner, waits until it
// is caught up, and answers; from then on it answers loads and commits.
type JoinedRequest struct {
	Name    string
	Initial string // of MemberReply
	Members []ClusterMember

	Transport []byte // CertificateReply to what the host asked for before; empty if it did not
}

func (v *CertificateRequest) Encode(w *Writer) {
	w.Bytes(v.Public)
	w.strings(v.DNS)
	w.slices(v.IPs)
}

func (v *CertificateRequest) Decode(r *Reader) {
	v.Public, v.DNS, v.IPs = r.Bytes(), r.strings(), r.slices()
}

func (v *CertificateReply) Encode(w *Writer) {
	w.Bytes(v.Certificate)
	w.Bytes(v.CA)
	w.U64(v.NotAfter)
}

func (v *CertificateReply) Decode(r *Reader) {
	v.Certificate, v.CA, v.NotAfter = r.Bytes(), r.Bytes(), r.U64()
}

func (v *NodeAddress) Encode(w *Writer) {
	w.String(v.Door)
	w.String(v.Peer)
}

func (v *NodeAddress) Decode(r *Reader) { v.Door, v.Peer = r.String(), r.String() }

func (v *DialRequest) Encode(w *Writer) {
	w.PutID(v.ID)
	w.String(v.Address)
}

func (v *DialRequest) Decode(r *Reader) { v.ID, v.Address = r.ID(), r.String() }

func (v *MemberRequest) Encode(w *Writer) {
	w.U8(uint8(v.Verb))
	w.PutID(v.Node)
	w.String(v.Name)
	w.String(v.Peer)
}

func (v *MemberRequest) Decode(r *Reader) {
	v.Verb, v.Node, v.Name, v.Peer = MemberVerb(r.U8()), r.ID(), r.String(), r.String()
}

func (v *MemberReply) Encode(w *Writer) { w.String(v.Initial) }
func (v *MemberReply) Decode(r *Reader) { v.Initial = r.String() }

func (v *ClusterMember) Encode(w *Writer) {
	w.PutID(v.Node)
	w.String(v.Name)
	w.String(v.Door)
	w.String(v.Peer)
}

func (v *ClusterMember) Decode(r *Reader) {
	v.Node, v.Name, v.Door, v.Peer = r.ID(), r.String(), r.String(), r.String()
}

func (v *JoinedRequest) Encode(w *Writer) {
	w.String(v.Name)
	w.String(v.Initial)
	w.Members(v.Members)
	w.Bytes(v.Transport)
}

func (v *JoinedRequest) Decode(r *Reader) {
	v.Name, v.Initial, v.Members, v.Transport = r.String(), r.String(), r.Members(), r.Bytes()
}

// Members and the Reader's Members carry a list of nodes.
func (w *Writer) Members(list []ClusterMember) {
	w.U32(uint32(len(list)))
	for i := range list {
		list[i].Encode(w)
	}
}

func (r *Reader) Members() []ClusterMember {
	list := make([]ClusterMember, r.Count(28))
	for i := range list {
		list[i].Decode(r)
	}
	return list
}

func (w *Writer) slices(list [][]byte) {
	w.U32(uint32(len(list)))
	for _, b := range list {
		w.Bytes(b)
	}
}

func (r *Reader) slices() [][]byte {
	list := make([][]byte, r.Count(4))
	for i := range list {
		list[i] = r.Bytes()
	}
	return list
}
