// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Operation is one use of a key as the web doors have it: by the handle of a private or secret key, for operations with
// its public half too, under the rights that its key_ops give.
type Operation struct {
	Op   key.Ops // one of them
	Mech Mechanism
	Key  uint64
	Name string // refused unless the key has it; empty for any
	Data []byte
	AAD  []byte
	Tag  []byte // of an AEAD; the signature, to verify
}

// Result is what came of it. IV is the one that was used, where the core made it or the mechanism names one.
type Result struct{ IV, Out, Tag []byte }

// Operate does it. SignatureInvalid when a signature does not verify.
func (s *Session) Operate(o Operation) (res Result, err error) {
	err = s.conn.call(wire.CallOperate, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(o.Op))
		o.Mech.put(w)
		w.U64(o.Key)
		w.String(o.Name)
		w.Bytes(o.Data)
		w.Bytes(o.AAD)
		w.Bytes(o.Tag)
	}, func(r *wire.Reader) { res = Result{keep(r.Bytes()), keep(r.Bytes()), keep(r.Bytes())} })
	return res, err
}

// Release is a key that goes out to an attested environment.
type Release struct {
	Key        uint64
	Name       string
	Token      string   // the environment's attestation token
	Hash       key.Hash // of CKM_RSA_AES_KEY_WRAP
	Nonce      string   // for the statement, as the next
	APIVersion string
}

// Release answers a key wrapped to the environment that an attestation token speaks for, where the key's release policy allows
// it, and the domain's statement about that: a JWS with the wrapped key in it.
func (s *Session) Release(q Release) (wrapped []byte, statement string, err error) {
	err = s.conn.call(wire.CallRelease, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(q.Key)
		w.String(q.Name)
		w.String(q.Token)
		w.U64(uint64(q.Hash))
		w.String(q.Nonce)
		w.String(q.APIVersion)
	}, func(r *wire.Reader) { wrapped, statement = keep(r.Bytes()), r.String() })
	return wrapped, statement, err
}

// Attest answers the domain's statements that a key is in the module, and what it is there; public is empty for a key that has
// no public half.
func (s *Session) Attest(k uint64, name, nonce string) (private, public string, err error) {
	err = s.conn.call(wire.CallKeyAttest, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(k)
		w.String(name)
		w.String(nonce)
	}, func(r *wire.Reader) { private, public = r.String(), r.String() })
	return private, public, err
}

// Certify has a private key sign a certification request or a certificate, as they are before they are signed: for itself, or
// for another key (of is 0, or that key). RSA with PKCS #1 v1.5, or ECDSA as r and s.
func (s *Session) Certify(by uint64, name string, of uint64, wanted []byte) ([]byte, error) {
	return s.bytes(wire.CallCertify, func(w *wire.Writer) {
		w.U64(by)
		w.String(name)
		w.U64(of)
		w.Bytes(wanted)
	})
}

// Formats of CertFile.
const (
	FilePEM uint64 = 1
	FilePFX uint64 = 2 // PKCS #12 under the empty password, in base64
)

// CertFile makes a secret of the template, which has no value: that is an extractable private key with its certificates, and
// does not leave the core here.
func (s *Session) CertFile(k uint64, name string, format uint64, chain [][]byte, t Template) (Summary, error) {
	return s.one(wire.CallCertFile, func(w *wire.Writer) {
		w.U64(k)
		w.String(name)
		w.U64(format)
		w.U32(uint32(len(chain)))
		for _, der := range chain {
			w.Bytes(der)
		}
		t.put(w)
	})
}
