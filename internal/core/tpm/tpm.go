// SPDX-License-Identifier: Apache-2.0

// Package tpm seals a secret to this machine's TPM 2.0 and gets it back: the keepers "tpm" and "peers-tpm"
// (docs/design/tpm.md).
//
//	sealed, err := tpm.Seal(exchange, secret, pcrs)
//	secret, err := sealed.Unseal(exchange)
//
// The host carries commands and answers and is not believed: the core runs the sessions itself. Sessions are salted to
// the TPM's storage root key, whose name is kept with what was sealed; each command and answer of theirs is authenticated,
// and the secret passes encrypted (TPM 2.0 Library Part 1, clauses 19 and 21). Only the ten commands that this takes are
// written here, since a general library would bring reflection into the module.
package tpm

import (
	"crypto/hmac"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
)

// Exchange carries one command to the TPM and its answer back. What comes back is the host's word.
type Exchange func(command []byte) ([]byte, error)

// SecretLen is the length of what is sealed.
const SecretLen = 32

// Seal gives a secret to the TPM, from which it comes back only there, and while the registers of the mask pcrs (of the SHA-256
// bank, 0 for none) hold what they hold now. That it does come back is tried before it is answered: so a host that lied about
// the registers is found out too.
func Seal(x Exchange, secret ssp.Bytes, pcrs uint32) (*Sealed, error) {
	if pcrs > maxPCRs || secret.Len() != SecretLen {
		return nil, fault.ArgumentsBad.At("seal to the TPM")
	}
	t := &talk{exchange: x}
	defer t.close()
	root, err := t.storageRoot(nil)
	if err != nil {
		return nil, err
	}
	policy, err := t.policyNow(pcrs)
	if err != nil {
		return nil, err
	}
	s := &Sealed{SRK: root.name, PCRs: pcrs}
	if err := t.create(root, secret, policy, s); err != nil {
		return nil, err
	}
	again, err := t.unseal(root, s)
	if err != nil {
		return nil, err
	}
	defer again.Free()
	if !again.Equal(secret) {
		return nil, altered("try what was sealed")
	}
	return s, nil
}

// Unseal gets the secret back. TPMOther: this is another TPM, or it was cleared since. TPMChanged: its registers hold something
// else. KeeperRefused: what was sealed was altered.
func (s *Sealed) Unseal(x Exchange) (ssp.Bytes, error) {
	t := &talk{exchange: x}
	defer t.close()
	root, err := t.storageRoot(s.SRK)
	if err != nil {
		return ssp.Bytes{}, err
	}
	return t.unseal(root, s)
}

// create makes the sealed object. Its secret travels encrypted to the storage root key.
func (t *talk) create(root *storageRoot, secret ssp.Bytes, policy []byte, s *Sealed) error {
	session, err := t.start(root, sessionHMAC)
	if err != nil {
		return err
	}
	template := objectTemplate(policy)
	c := command{code: ccCreate, handles: []handle{{root.handle, root.name}}, fill: func(w *writer) {
		secret.Use(access.Token{}, func(p []byte) {
			var inner writer
			inner.b16(nil) // no authorization value: there is nothing to guess
			inner.b16(p)
			w.b16(inner.b)
			clear(inner.b)
		})
		w.b16(template)
		w.b16(nil)
		w.u32(0)
	}}
	_, err = t.run(c, session, attrDecrypt, func(r *reader) {
		s.Private, s.Public = r.copy16(), r.copy16()
	})
	if err != nil {
		return err
	}
	// All but its last field, which the TPM draws, is what was asked for.
	if n := len(template) - 2; len(s.Private) == 0 || len(s.Public) < n || !hmac.Equal(s.Public[:n], template[:n]) {
		return altered("create the sealed object")
	}
	return nil
}

// unseal loads the object and asks for what is in it, in a policy session of its own.
func (t *talk) unseal(root *storageRoot, s *Sealed) (secret ssp.Bytes, err error) {
	object, err := t.load(root, s)
	if err != nil {
		return secret, err
	}
	session, err := t.start(root, sessionPolicy)
	if err != nil {
		return secret, err
	}
	if err := t.satisfy(session, s.PCRs); err != nil {
		return secret, err
	}
	c := command{code: ccUnseal, handles: []handle{object}}
	_, err = t.run(c, session, attrEncrypt, func(r *reader) {
		p := r.b16()
		if r.end() != nil || len(p) != SecretLen {
			r.bad = true
			return
		}
		var failed error
		if secret, failed = ssp.Alloc(SecretLen); failed != nil {
			r.bad = true
			return
		}
		secret.Use(access.Token{}, func(to []byte) { copy(to, p) })
	})
	if is(err, rcPolicyFail) || is(err, rcPCRChanged) {
		return secret, fault.TPMChanged.At("unseal by the TPM")
	}
	return secret, err
}

// load brings the object back. The password session of the storage root key, whose authorization is empty, is enough: what
// Unseal is asked for is bound to the object's name, which is computed here.
func (t *talk) load(root *storageRoot, s *Sealed) (handle, error) {
	c := command{code: ccLoad, handles: []handle{{root.handle, root.name}}, answers: true, fill: func(w *writer) {
		w.b16(s.Private)
		w.b16(s.Public)
	}}
	number, err := t.run(c, password, 0, nil)
	if is(err, rcIntegrity) || is(err, rcSize) || is(err, rcValue) || is(err, rcType) || is(err, rcBinding) {
		err = fault.KeeperRefused.At("load the sealed object into the TPM: it was altered")
	}
	return handle{number, nameOf(s.Public)}, err
}
