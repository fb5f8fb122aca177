// SPDX-License-Identifier: Apache-2.0

package client

import "github.com/genbu-hsm/genbu/internal/wire"

// bytes makes a call that answers one string of bytes.
func (s *Session) bytes(call wire.Call, put func(w *wire.Writer)) (out []byte, err error) {
	err = s.conn.call(call, func(w *wire.Writer) {
		w.U64(s.ID)
		put(w)
	}, func(r *wire.Reader) { out = keep(r.Bytes()) })
	return out, err
}

func (s *Session) use(call wire.Call, m Mechanism, k uint64, data []byte) ([]byte, error) {
	return s.bytes(call, func(w *wire.Writer) {
		m.put(w)
		w.U64(k)
		w.Bytes(data)
	})
}

// Encrypt, Decrypt and Sign are whole operations in one round trip.
func (s *Session) Encrypt(m Mechanism, k uint64, plain []byte) ([]byte, error) {
	return s.use(wire.CallEncrypt, m, k, plain)
}

func (s *Session) Decrypt(m Mechanism, k uint64, ct []byte) ([]byte, error) {
	return s.use(wire.CallDecrypt, m, k, ct)
}

func (s *Session) Sign(m Mechanism, k uint64, data []byte) ([]byte, error) {
	return s.use(wire.CallSign, m, k, data)
}

// Verify is nil when the signature is good; SignatureInvalid or SignatureLength when it is not.
func (s *Session) Verify(m Mechanism, k uint64, data, signature []byte) error {
	return s.conn.call(wire.CallVerify, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		w.U64(k)
		w.Bytes(data)
		w.Bytes(signature)
	}, nil)
}

// Digest hashes.
func (s *Session) Digest(m Mechanism, data []byte) ([]byte, error) {
	return s.bytes(wire.CallDigest, func(w *wire.Writer) {
		m.put(w)
		w.Bytes(data)
	})
}

// SealMessage encrypts one message (C_EncryptMessage); iv is the one used, which the core may have made.
func (s *Session) SealMessage(m Mechanism, k uint64, aad, plain []byte) (iv, ct, tag []byte, err error) {
	err = s.conn.call(wire.CallMsgEncrypt, func(w *wire.Writer) {
		w.U64(s.ID)
		m.put(w)
		w.U64(k)
		w.Bytes(aad)
		w.Bytes(plain)
	}, func(r *wire.Reader) { iv, ct, tag = keep(r.Bytes()), keep(r.Bytes()), keep(r.Bytes()) })
	return iv, ct, tag, err
}

// OpenMessage decrypts what SealMessage made; AEADFailed when anything was changed.
func (s *Session) OpenMessage(m Mechanism, k uint64, aad, ct, tag []byte) ([]byte, error) {
	return s.bytes(wire.CallMsgDecrypt, func(w *wire.Writer) {
		m.put(w)
		w.U64(k)
		w.Bytes(aad)
		w.Bytes(ct)
		w.Bytes(tag)
	})
}

// Use is what a multi-part operation does.
type Use uint64

const (
	UseEncrypt Use = 1
	UseDecrypt Use = 2
	UseSign    Use = 3
	UseVerify  Use = 4
	UseDigest  Use = 5
)

// Begin starts an operation of several parts; k is 0 for digests.
func (s *Session) Begin(u Use, m Mechanism, k uint64) error {
	return s.conn.call(wire.CallBegin, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(u))
		m.put(w)
		w.U64(k)
	}, nil)
}

// Update gives a part and takes what output there is already.
func (s *Session) Update(u Use, part []byte) ([]byte, error) {
	return s.part(wire.CallUpdate, u, part)
}

// Final gives the last part (the signature, to verify) and takes the rest of the output.
func (s *Session) Final(u Use, last []byte) ([]byte, error) {
	return s.part(wire.CallFinal, u, last)
}

func (s *Session) part(call wire.Call, u Use, data []byte) ([]byte, error) {
	return s.bytes(call, func(w *wire.Writer) {
		w.U64(uint64(u))
		w.Bytes(data)
	})
}

// Cancel gives an operation up.
func (s *Session) Cancel(u Use) error {
	return s.conn.call(wire.CallCancel, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(u))
	}, nil)
}

// DigestKey adds the value of a key to the running digest.
func (s *Session) DigestKey(k uint64) error {
	return s.conn.call(wire.CallDigestKey, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(k)
	}, nil)
}

// Save and Restore take and put back the state of the running digest.
func (s *Session) Save() ([]byte, error) {
	return s.bytes(wire.CallSave, func(*wire.Writer) {})
}

func (s *Session) Restore(state []byte) error {
	return s.conn.call(wire.CallRestore, func(w *wire.Writer) {
		w.U64(s.ID)
		w.Bytes(state)
	}, nil)
}
