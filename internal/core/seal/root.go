// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Keeper is who can give the secret that opens the sealed root.
type Keeper uint8

const (
	KeeperUnknown    Keeper = iota
	KeeperFile              // a file of 32 random bytes, read by core/process from a descriptor
	KeeperCustodians        // people, of whom a threshold must give their shares
	KeeperPeers             // the other nodes' cores, who know this node by its keys (identity.go)
	KeeperTPM               // this machine's TPM, which holds 32 bytes as the file does (bound.go)
	KeeperPeersTPM          // the other nodes' cores, and the keys by which they know this node are with the TPM
)

// String is the keeper's name in configuration, in root/<keeper> and in the derivation of its key.
func (k Keeper) String() string {
	switch k {
	case KeeperFile:
		return "file"
	case KeeperCustodians:
		return "custodians"
	case KeeperPeers:
		return "peers"
	case KeeperTPM:
		return "tpm"
	case KeeperPeersTPM:
		return "peers-tpm"
	}
	return ""
}

// ByPeers tells whether it is the other nodes who give the root key.
func (k Keeper) ByPeers() bool { return k == KeeperPeers || k == KeeperPeersTPM }

// ByTPM tells whether it takes this machine's TPM.
func (k Keeper) ByTPM() bool { return k == KeeperTPM || k == KeeperPeersTPM }

// ParseKeeper reads what String printed.
func ParseKeeper(name string) (Keeper, bool) {
	for _, k := range []Keeper{KeeperFile, KeeperCustodians, KeeperPeers, KeeperTPM, KeeperPeersTPM} {
		if name == k.String() {
			return k, true
		}
	}
	return KeeperUnknown, false
}

// RootHead is what a sealed root tells before it is opened. It is bound as associated data.
type RootHead struct {
	Keeper    Keeper
	Domain    key.ID
	Set       uint32 // which splitting the shares are of; for custodians
	Threshold uint8  // shares needed
	Shares    uint8  // shares made
}

const (
	rootMagic = "GBS1"
	rootHead  = len(rootMagic) + 1 + 1 + 16 + 4 + 1 + 1
	rootInfo  = "genbu root 1 "
)

func (h *RootHead) encode() []byte {
	w := wire.Writer{B: make([]byte, 0, rootHead)}
	w.Raw([]byte(rootMagic))
	w.U8(suite)
	w.U8(uint8(h.Keeper))
	w.PutID(h.Domain)
	w.U32(h.Set)
	w.U8(h.Threshold)
	w.U8(h.Shares)
	return w.B
}

// ReadRootHead reads the head of a sealed root: the host's word, until OpenRoot has succeeded.
func ReadRootHead(sealed []byte) (h RootHead, err error) {
	r := wire.NewReader(sealed)
	if string(r.Raw(len(rootMagic))) != rootMagic || r.U8() != suite {
		r.Fail()
	}
	h.Keeper, h.Domain, h.Set, h.Threshold, h.Shares = Keeper(r.U8()), r.ID(), r.U32(), r.U8(), r.U8()
	if h.Keeper.ByTPM() {
		r.Bytes()
	}
	known := h.Keeper.String() != "" && h.Set == 0 && h.Threshold == 0 && h.Shares == 0
	if h.Keeper == KeeperCustodians {
		known = h.Threshold >= 1 && h.Threshold <= h.Shares
	}
	if r.Err() != nil || !h.Keeper.ByPeers() && r.Len() != saltLen+keyLen+tagLen || !known {
		return RootHead{}, fault.RecordInvalid.At("read sealed root")
	}
	return h, nil
}

func sealRoot(root, secret ssp.Bytes, h RootHead, bound []byte) (sealed []byte, err error) {
	useKey(root, func(p []byte) {
		head := h.encodeWith(bound)
		sealed, err = appendSealed(head, secret, rootInfo+h.Keeper.String(), head, p)
	})
	return sealed, err
}

// SealRootToFile seals the root key under the 32 bytes of a keeper's file.
func SealRootToFile(root, secret ssp.Bytes, domain key.ID) ([]byte, error) {
	return sealRoot(root, secret, RootHead{Keeper: KeeperFile, Domain: domain}, nil)
}

// SealRootToCustodians seals the root key under a fresh secret and splits that among n custodians, any m of whom can
// give it back. The shares are texts for people; the secret itself is forgotten.
func SealRootToCustodians(root ssp.Bytes, domain key.ID, m, n int) (sealed []byte, shares [][]byte, err error) {
	if m < 1 || m > n || n > maxShares {
		return nil, nil, fault.ArgumentsBad.At("split root secret")
	}
	secret, err := NewKey()
	if err != nil {
		return nil, nil, err
	}
	defer secret.Free()
	var set [4]byte
	rand.Read(set[:])
	r := wire.NewReader(set[:])
	h := RootHead{KeeperCustodians, domain, r.U32(), uint8(m), uint8(n)}
	if sealed, err = sealRoot(root, secret, h, nil); err != nil {
		return nil, nil, err
	}
	useKey(secret, func(p []byte) { shares = split(p, h) })
	return sealed, shares, nil
}

// OpenRoot opens the root key with the keeper's secret: the bytes of the file or of the TPM, or what a Gathering answered.
// KeeperRefused means that it is the wrong secret, or that the sealed root was altered.
func OpenRoot(sealed []byte, secret ssp.Bytes) (ssp.Bytes, error) {
	h, err := ReadRootHead(sealed)
	if err == nil && h.Keeper.ByPeers() {
		err = fault.KeeperRefused.At("open root key: it is with the other nodes")
	}
	if err != nil {
		return ssp.Bytes{}, err
	}
	plain, err := h.open(sealed, secret, "open root key")
	if err != nil {
		return ssp.Bytes{}, err
	}
	return hold(plain)
}
