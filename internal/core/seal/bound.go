// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Where the keeper's secret lies in a TPM, what that gave for it rests between the head of the sealed root and its salt, and is
// part of the associated data: u32 length, bytes (core/tpm).

func (h *RootHead) encodeWith(bound []byte) []byte {
	w := wire.Writer{B: h.encode()}
	if h.Keeper.ByTPM() {
		w.Bytes(bound)
	}
	return w.B
}

// Bound is what the TPM gave, of a sealed root or identity whose keeper it is.
func Bound(sealed []byte) ([]byte, error) {
	h, err := ReadRootHead(sealed)
	if err != nil || !h.Keeper.ByTPM() {
		return nil, fault.RecordInvalid.At("read what the TPM sealed")
	}
	r := wire.NewReader(sealed[rootHead:])
	return append([]byte(nil), r.Bytes()...), nil
}

// open opens what rests behind a head that ReadRootHead has read.
func (h *RootHead) open(sealed []byte, secret ssp.Bytes, step string) ([]byte, error) {
	at := rootHead
	if h.Keeper.ByTPM() {
		r := wire.NewReader(sealed[rootHead:])
		at += 4 + len(r.Bytes())
	}
	return openSealed(sealed[at:], secret, rootInfo+h.Keeper.String(), sealed[:at], fault.KeeperRefused, step)
}

// SealRootToTPM seals the root key under a secret that a TPM keeps; bound is what it gave for that.
func SealRootToTPM(root, secret ssp.Bytes, domain key.ID, bound []byte) ([]byte, error) {
	return sealRoot(root, secret, RootHead{Keeper: KeeperTPM, Domain: domain}, bound)
}
