// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// What is asked at a door by one who has no link yet (docs/design/cluster.md): one request on each connection, inside TLS in
// which only the node has shown a certificate.
//
//	request   u32 length (of all that follows) | u8 ask | body
//	answer    u32 length (of all that follows) | u16 fault | body, or words

// Asks.
const (
	AskJoin   uint8 = 1
	AskEnrol  uint8 = 2
	AskUnlock uint8 = 3
	AskRenew  uint8 = 4
)

// maxAsk bounds what strangers may send and what is answered: members' addresses, certificates and keys, no more.
const maxAsk = 64 << 10

// AskDoor sends one request and reads its answer.
func AskDoor(conn io.ReadWriter, ask uint8, body []byte) ([]byte, error) {
	var w Writer
	w.U32(uint32(1 + len(body)))
	w.U8(ask)
	w.Raw(body)
	if _, err := conn.Write(w.B); err != nil {
		return nil, fault.Unavailable.At("ask a node")
	}
	b, err := readAsk(conn)
	if err != nil {
		return nil, fault.Unavailable.At("read a node's answer")
	}
	r := NewReader(b)
	code := fault.Code(r.U16())
	if r.Err() != nil {
		return nil, fault.Malformed.At("read a node's answer")
	}
	if code != fault.OK {
		return nil, &fault.Error{Code: code, Step: string(r.Rest()), Left: -1}
	}
	return r.Rest(), nil
}

// AnswerDoor reads one request and sends what answer makes of it.
func AnswerDoor(conn io.ReadWriter, answer func(ask uint8, body []byte) ([]byte, error)) error {
	b, err := readAsk(conn)
	if err != nil || len(b) == 0 {
		return fault.Malformed.At("read a request at the door")
	}
	body, failed := answer(b[0], b[1:])
	if failed != nil {
		body = nil
		if e, ok := failed.(*fault.Error); ok {
			body = []byte(e.Step)
		}
	}
	var w Writer
	w.U32(uint32(2 + len(body)))
	w.U16(uint16(fault.Of(failed)))
	w.Raw(body)
	if _, err := conn.Write(w.B); err != nil {
		return fault.Unavailable.At("answer at the door")
	}
	return failed
}

func readAsk(conn io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	r := NewReader(head[:])
	n := r.U32()
	if n > maxAsk {
		return nil, fault.TooLarge.At("read at the door")
	}
	b := make([]byte, n)
	_, err := io.ReadFull(conn, b)
	return b, err
}

// JoinRequest is a node that asks to be let in.
type JoinRequest struct {
	Token  key.ID
	Node   key.ID
	TLS    []byte // SubjectPublicKeyInfo of its identity
	KEM    []byte // what is for its core alone is sealed to this
	Door   string
	Peer   string
	Keeper string

	// Transport is the CertificateRequest of the newcomer's host, which speaks to the other members' stores before its core has
	// any record. Empty where the host has made none.
	Transport []byte
}

// States of a JoinReply.
const (
	JoinPending  uint8 = 1 // approvals are missing: ask again
	JoinAdmitted uint8 = 2
)

// JoinReply answers it. Of one that is pending, only the first four fields are set.
type JoinReply struct {
	State  uint8
	Name   string
	Given  uint32 // approvals
	Wanted uint32

	Root        []byte // the root key, under the token's key and then sealed to the newcomer's KEM key
	CA          []byte // DER
	Certificate []byte // DER, of the newcomer's identity
	Custodians  []byte // the root key as custodians' shares open it; empty where the domain has none
	Transport   []byte // CertificateReply for the newcomer's host
	Initial     string // of MemberReply
	Members     []ClusterMember
}

// EnrolRequest is an agent that asks for its first certificate, EnrolReply what it gets.
type EnrolRequest struct {
	Token key.ID
	TLS   []byte
}

type EnrolReply struct {
	Agent       key.ID
	Name        string
	Certificate []byte
	Members     []ClusterMember
}

// ProofRequest is a node that asks to be unlocked, or an agent that asks for its next certificate: it signs with the key that
// its record names.
type ProofRequest struct {
	ID        key.ID
	Signature []byte // over ProofDigest
}

// UnlockReply is the root key, sealed to the node's KEM key.
type UnlockReply struct {
	Root    []byte
	Members []ClusterMember
}

// RenewReply is the next certificate.
type RenewReply struct {
	Certificate []byte
	Members     []ClusterMember
}

func (v *JoinRequest) Encode(w *Writer) {
	w.PutID(v.Token)
	w.PutID(v.Node)
	w.Bytes(v.TLS)
	w.Bytes(v.KEM)
	w.String(v.Door)
	w.String(v.Peer)
	w.String(v.Keeper)
	w.Bytes(v.Transport)
}

func (v *JoinRequest) Decode(r *Reader) {
	v.Token, v.Node, v.TLS, v.KEM = r.ID(), r.ID(), r.Bytes(), r.Bytes()
	v.Door, v.Peer, v.Keeper, v.Transport = r.String(), r.String(), r.String(), r.Bytes()
}

func (v *JoinReply) Encode(w *Writer) {
	w.U8(v.State)
	w.String(v.Name)
	w.U32(v.Given)
	w.U32(v.Wanted)
	w.Bytes(v.Root)
	w.Bytes(v.CA)
	w.Bytes(v.Certificate)
	w.Bytes(v.Custodians)
	w.Bytes(v.Transport)
	w.String(v.Initial)
	w.Members(v.Members)
}

func (v *JoinReply) Decode(r *Reader) {
	v.State, v.Name, v.Given, v.Wanted = r.U8(), r.String(), r.U32(), r.U32()
	v.Root, v.CA, v.Certificate, v.Custodians, v.Transport = r.Bytes(), r.Bytes(), r.Bytes(), r.Bytes(), r.Bytes()
	v.Initial, v.Members = r.String(), r.Members()
}

func (v *EnrolRequest) Encode(w *Writer) {
	w.PutID(v.Token)
	w.Bytes(v.TLS)
}

func (v *EnrolRequest) Decode(r *Reader) { v.Token, v.TLS = r.ID(), r.Bytes() }

func (v *EnrolReply) Encode(w *Writer) {
	w.PutID(v.Agent)
	w.String(v.Name)
	w.Bytes(v.Certificate)
	w.Members(v.Members)
}

func (v *EnrolReply) Decode(r *Reader) {
	v.Agent, v.Name, v.Certificate, v.Members = r.ID(), r.String(), r.Bytes(), r.Members()
}

func (v *ProofRequest) Encode(w *Writer) {
	w.PutID(v.ID)
	w.Bytes(v.Signature)
}

func (v *ProofRequest) Decode(r *Reader) { v.ID, v.Signature = r.ID(), r.Bytes() }

func (v *UnlockReply) Encode(w *Writer) {
	w.Bytes(v.Root)
	w.Members(v.Members)
}

func (v *UnlockReply) Decode(r *Reader) { v.Root, v.Members = r.Bytes(), r.Members() }

func (v *RenewReply) Encode(w *Writer) {
	w.Bytes(v.Certificate)
	w.Members(v.Members)
}

func (v *RenewReply) Decode(r *Reader) { v.Certificate, v.Members = r.Bytes(), r.Members() }
