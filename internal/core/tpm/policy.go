// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"crypto/sha256"
	"math/bits"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// A sealed object opens for TPM2_Unseal and nothing else, and if registers were named, while they hold what they held.

// policyNow is the policy's digest for the registers' present values. They come unauthenticated; Seal tries the policy at once.
func (t *talk) policyNow(pcrs uint32) ([]byte, error) {
	policy := make([]byte, sha256.Size)
	var code writer
	if pcrs != 0 {
		values, err := t.readPCRs(pcrs)
		if err != nil {
			return nil, err
		}
		var w writer
		w.u32(ccPolicyPCR)
		selection(&w, pcrs)
		policy = digest(policy, w.b, digest(values))
	}
	code.u32(ccPolicyCommandCode)
	code.u32(ccUnseal)
	return digest(policy, code.b), nil
}

// satisfy brings a policy session to that digest.
func (t *talk) satisfy(s *session, pcrs uint32) error {
	if pcrs != 0 {
		c := command{code: ccPolicyPCR, handles: []handle{{number: s.number}}, fill: func(w *writer) {
			w.b16(nil) // the TPM takes the present values
			selection(w, pcrs)
		}}
		if _, err := t.run(c, nil, 0, nil); err != nil {
			return err
		}
	}
	c := command{code: ccPolicyCommandCode, handles: []handle{{number: s.number}}, fill: func(w *writer) { w.u32(ccUnseal) }}
	_, err := t.run(c, nil, 0, nil)
	return err
}

// readPCRs answers the values of the registers, in their order. A TPM gives a few at a time.
func (t *talk) readPCRs(pcrs uint32) (values []byte, err error) {
	for left := pcrs; left != 0; {
		var got uint32
		c := command{code: ccPCRRead, fill: func(w *writer) { selection(w, left) }}
		_, err := t.run(c, nil, 0, func(r *reader) {
			r.u32() // how often registers were changed
			got = readSelection(r)
			n := r.u32()
			if int(n) != bits.OnesCount32(got) {
				r.bad = true
			}
			for range min(n, 24) {
				value := r.b16()
				if len(value) != sha256.Size {
					r.bad = true
				}
				values = append(values, value...)
			}
		})
		if err != nil {
			return nil, err
		}
		// They come in their order, so what was given is the lowest of what was asked for.
		if got == 0 || got&^left != 0 || left&^got != 0 && bits.Len32(got) > bits.TrailingZeros32(left&^got) {
			return nil, fault.TPMFailed.At("read the TPM's registers: it has none of them in its SHA-256 bank")
		}
		left &^= got
	}
	return values, nil
}

// selection writes a TPML_PCR_SELECTION of the SHA-256 bank.
func selection(w *writer, pcrs uint32) {
	w.u32(1)
	w.u16(algSHA256)
	w.u8(3)
	w.raw([]byte{byte(pcrs), byte(pcrs >> 8), byte(pcrs >> 16)})
}

func readSelection(r *reader) (pcrs uint32) {
	if r.u32() != 1 || r.u16() != algSHA256 {
		r.bad = true
	}
	mask := r.raw(int(r.u8()))
	for i, b := range mask {
		if i >= 3 && b != 0 {
			r.bad = true
		} else if i < 3 {
			pcrs |= uint32(b) << (8 * i)
		}
	}
	return pcrs
}
