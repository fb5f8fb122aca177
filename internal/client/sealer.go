// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/hpke"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Sealer seals requests with secrets to one run of a core: X25519 with ML-KEM-768 in HPKE. It belongs to one channel, since
// the core behind the next one may be another.
type Sealer struct{ to hpke.PublicKey }

// NewSealer takes what SEAL_KEY answered.
func NewSealer(public []byte) (*Sealer, error) {
	to, err := hpke.MLKEM768X25519().NewPublicKey(public)
	if err != nil {
		return nil, fault.PublicKeyInvalid.At("take the core's key")
	}
	return &Sealer{to}, nil
}

// Seal answers the body of a request as it goes out, with wire.FlagSealed in its header. The caller zeroes the clear one.
func (s *Sealer) Seal(call wire.Call, sequence uint32, body []byte) ([]byte, error) {
	enc, sender, err := hpke.NewSender(s.to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(wire.SealedInfo))
	if err != nil {
		return nil, fault.Internal.At("seal to the core")
	}
	sealed, err := sender.Seal(wire.SealedContext(call, sequence), body)
	if err != nil {
		return nil, fault.Internal.At("seal to the core")
	}
	return append(enc, sealed...), nil
}

// SealKey asks for the key of this run of the core.
func (c *Conn) SealKey() (public []byte, err error) {
	err = c.call(wire.CallSealKey, nil, func(r *wire.Reader) { public = keep(r.Bytes()) })
	return public, err
}

// seal replaces the body of the request in w, if it may carry secrets and the channel is one from afar.
func (c *Conn) seal(w *wire.Writer, call wire.Call) error {
	if c.sealer == nil || !call.Secret() {
		return nil
	}
	body := w.B[requestHeader:]
	sealed, err := c.sealer.Seal(call, c.sequence, body)
	clear(body)
	if err != nil {
		return err
	}
	w.B = w.B[:requestHeader]
	w.Raw(sealed)
	h := wire.Writer{B: w.B[:6]}
	h.U16(wire.FlagSealed)
	return nil
}
