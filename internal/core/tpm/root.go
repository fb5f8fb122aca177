// SPDX-License-Identifier: Apache-2.0

package tpm

import (
	"bytes"
	"crypto/ecdh"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// Algorithms (Part 2, TPM_ALG_ID).
const (
	algAES       uint16 = 0x0006
	algKeyedHash uint16 = 0x0008
	algSHA256    uint16 = 0x000B
	algNull      uint16 = 0x0010
	algECC       uint16 = 0x0023
	algCFB       uint16 = 0x0043
	curveP256    uint16 = 0x0003
)

// Attributes of objects (Part 2, TPMA_OBJECT).
const (
	fixedTPM            uint32 = 1 << 1
	fixedParent         uint32 = 1 << 4
	sensitiveDataOrigin uint32 = 1 << 5
	userWithAuth        uint32 = 1 << 6
	adminWithPolicy     uint32 = 1 << 7
	noDA                uint32 = 1 << 10
	restricted          uint32 = 1 << 16
	decrypts            uint32 = 1 << 17

	rootAttributes = fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | restricted | decrypts
)

// storageRoot is the key under which all others of the TPM's owner lie. It never leaves, and comes anew from the owner's seed
// each time: until the TPM is cleared it is the same.
type storageRoot struct {
	handle uint32
	name   []byte
	public *ecdh.PublicKey
}

// rootTemplate is the one of the TCG's TPM v2.0 Provisioning Guidance, clause 7.5.1, ECC P-256, so that other programs make the
// same key of it.
func rootTemplate() []byte {
	w := writer{b: rootHead(noDA)}
	w.b16(make([]byte, 32))
	w.b16(make([]byte, 32))
	return w.b
}

// rootHead is a root's public area up to its point.
func rootHead(da uint32) []byte {
	var w writer
	w.u16(algECC)
	w.u16(algSHA256)
	w.u32(rootAttributes | da)
	w.b16(nil)
	w.u16(algAES)
	w.u16(128)
	w.u16(algCFB)
	w.u16(algNull)
	w.u16(curveP256)
	w.u16(algNull)
	return w.b
}

// handlePersistent is where machines' installers leave the storage root key (TCG registry of reserved handles).
const handlePersistent uint32 = 0x81000001

// storageRoot finds the storage root key: the one of this name, or any if it is nil. It is made from the owner's seed, and where
// the owner has set a password, found where the installer left it. Nothing is encrypted to a key of another name.
func (t *talk) storageRoot(name []byte) (*storageRoot, error) {
	root, err := t.createPrimary()
	if err == nil && (name == nil || bytes.Equal(root.name, name)) {
		return root, nil
	}
	if err != nil && !is(err, rcBadAuth) && !is(err, rcAuthFail) {
		return nil, err
	}
	left, missing := t.persistent()
	switch {
	case missing == nil && (name == nil || bytes.Equal(left.name, name)):
		return left, nil
	case missing != nil && !is(missing, rcHandle) && fault.Of(missing) != fault.TPMOther:
		return nil, missing
	case name != nil:
		return nil, fault.TPMOther.At("find the storage root key")
	}
	return nil, fault.TPMFailed.At("make the storage root key: the TPM's owner has a password, and none lies at 0x81000001")
}

func (t *talk) createPrimary() (root *storageRoot, err error) {
	c := command{code: ccCreatePrimary, handles: []handle{{number: handleOwner}}, answers: true, fill: func(w *writer) {
		var sensitive writer
		sensitive.b16(nil)
		sensitive.b16(nil)
		w.b16(sensitive.b)
		w.b16(rootTemplate())
		w.b16(nil)
		w.u32(0)
	}}
	var public []byte
	number, err := t.run(c, password, 0, func(r *reader) { public = r.copy16() })
	if err != nil {
		return nil, err
	}
	return readRoot(number, public)
}

func (t *talk) persistent() (*storageRoot, error) {
	var public []byte
	c := command{code: ccReadPublic, handles: []handle{{number: handlePersistent}}}
	if _, err := t.run(c, nil, 0, func(r *reader) { public = r.copy16() }); err != nil {
		return nil, err
	}
	return readRoot(handlePersistent, public)
}

// readRoot takes a storage root key's public area, which must be one of P-256 that never leaves its TPM.
func readRoot(number uint32, public []byte) (*storageRoot, error) {
	head := rootHead(noDA)
	if !bytes.HasPrefix(public, head) {
		head = rootHead(0)
	}
	if !bytes.HasPrefix(public, head) {
		return nil, fault.TPMOther.At("read the storage root key: it is of another kind")
	}
	r := reader{b: public[len(head):]}
	x, y := r.b16(), r.b16()
	if r.end() != nil || len(x) > 32 || len(y) > 32 {
		return nil, altered("read the storage root key")
	}
	var point [65]byte
	point[0] = 4
	copy(point[33-len(x):33], x)
	copy(point[65-len(y):], y)
	key, err := ecdh.P256().NewPublicKey(point[:])
	if err != nil {
		return nil, altered("read the storage root key")
	}
	return &storageRoot{number, nameOf(public), key}, nil
}

// objectTemplate is the public area of a sealed object: it never leaves this TPM, opens by its policy only, and since there is no
// value to guess, guesses made at other objects of the TPM do not lock it (noDA).
func objectTemplate(policy []byte) []byte {
	var w writer
	w.u16(algKeyedHash)
	w.u16(algSHA256)
	w.u32(fixedTPM | fixedParent | adminWithPolicy | noDA)
	w.b16(policy)
	w.u16(algNull)
	w.b16(nil)
	return w.b
}
