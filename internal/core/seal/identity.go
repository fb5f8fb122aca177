// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// A node whose keeper is the other nodes has no sealed root key. In its place rests what it needs to be known by them: its own
// keys and their addresses, sealed like a root key under the 32 bytes of the keeper's file.

// SealIdentity seals that. With bound the secret is not the file's but one that a TPM keeps, which gave bound for it. Called inside
// ssp.Do.
func SealIdentity(secret ssp.Bytes, domain key.ID, plain, bound []byte) ([]byte, error) {
	h := RootHead{Keeper: KeeperPeers, Domain: domain}
	if bound != nil {
		h.Keeper = KeeperPeersTPM
	}
	head := h.encodeWith(bound)
	return appendSealed(head, secret, rootInfo+h.Keeper.String(), head, plain)
}

// OpenIdentity is the way back. KeeperRefused means that it is the wrong secret, or that what was sealed was altered.
func OpenIdentity(sealed []byte, secret ssp.Bytes) ([]byte, error) {
	h, err := ReadRootHead(sealed)
	if err != nil {
		return nil, err
	}
	if !h.Keeper.ByPeers() {
		return nil, fault.KeeperRefused.At("open identity")
	}
	return h.open(sealed, secret, "open identity")
}
