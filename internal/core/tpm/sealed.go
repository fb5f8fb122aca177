// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Sealed is what is kept of a secret that a TPM holds: of no use without that TPM.
type Sealed struct {
	SRK             []byte // name of the storage root key that it was sealed under
	PCRs            uint32 // mask of the registers of the SHA-256 bank that it is bound to
	Private, Public []byte // the object, as the TPM gave it
}

const (
	sealedVersion = 1
	maxPCRs       = 1<<24 - 1
	maxObject     = 1024 // a sealed object of 32 bytes has less than 300
)

// Encode is the form in which it rests.
func (s *Sealed) Encode() []byte {
	var w wire.Writer
	w.U8(sealedVersion)
	w.Raw(s.SRK)
	w.U32(s.PCRs)
	w.Bytes(s.Private)
	w.Bytes(s.Public)
	return w.B
}

// Decode reads what Encode made. Whether it is authentic only the TPM knows, and who opens what was sealed with the secret.
func Decode(b []byte) (*Sealed, error) {
	r := wire.NewReader(b)
	s := &Sealed{}
	version := r.U8()
	s.SRK = append(s.SRK, r.Raw(nameLen)...)
	s.PCRs = r.U32()
	s.Private = append(s.Private, r.Bytes()...)
	s.Public = append(s.Public, r.Bytes()...)
	if r.End() != nil || version != sealedVersion || s.PCRs > maxPCRs || !fits(s.Private) || !fits(s.Public) {
		return nil, fault.RecordInvalid.At("read what the TPM sealed")
	}
	return s, nil
}

func fits(object []byte) bool { return len(object) > 0 && len(object) <= maxObject }
