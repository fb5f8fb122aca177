// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"encoding/hex"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/tpm"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The keepers "tpm" and "peers-tpm": the 32 bytes that the keeper's file would hold are with this machine's TPM instead, to which
// the host carries what the core says (docs/design/tpm.md).

type tpmKeeper struct {
	talking sync.Mutex   // one conversation with the TPM after the other
	next    atomic.Int64 // Boot time before which it is not tried again

	mu     sync.Mutex
	bound  []byte      // guarded by mu: what the TPM gave for the secret
	sealed *tpm.Sealed // guarded by mu: the same, read
	secret ssp.Bytes   // guarded by mu: while it is known, that of bound
	tried  *keeping    // guarded by mu: the TPM was seen to take this
}

// tpmPause is between attempts of a node that the TPM does not unlock: its device may come late, or somebody puts the machine right.
const tpmPause = 10 * second

// shown is what status says.
func (k *tpmKeeper) shown() (root []byte, pcrs uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sealed == nil {
		return nil, 0
	}
	return k.sealed.SRK, k.sealed.PCRs
}

// keep notes what the TPM holds; of secret it takes a copy.
func (k *tpmKeeper) keep(bound []byte, sealed *tpm.Sealed, secret ssp.Bytes) error {
	again, err := copyOf(secret)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.secret.Free()
	k.bound, k.sealed, k.secret = bound, sealed, again
	return nil
}

func copyOf(secret ssp.Bytes) (again ssp.Bytes, err error) {
	if again, err = ssp.Alloc(secret.Len()); err == nil {
		secret.Use(access.Token{}, func(p []byte) { again.Use(access.Token{}, func(to []byte) { copy(to, p) }) })
	}
	return again, err
}

// converse has one conversation with the TPM.
func (c *Core) converse(f func(tpm.Exchange) error) error {
	c.tpm.talking.Lock()
	defer c.tpm.talking.Unlock()
	defer c.host.TPM(nil)
	return f(c.host.TPM)
}

// sealToTPM draws a secret and gives it to the TPM.
func (c *Core) sealToTPM(pcrs uint32) (secret ssp.Bytes, bound []byte, err error) {
	if secret, err = seal.NewKey(); err != nil {
		return secret, nil, err
	}
	var sealed *tpm.Sealed
	err = c.converse(func(x tpm.Exchange) (err error) {
		sealed, err = tpm.Seal(x, secret, pcrs)
		return err
	})
	if err == nil {
		bound = sealed.Encode()
		err = c.tpm.keep(bound, sealed, secret)
	}
	if err != nil {
		secret.Free()
		return ssp.Bytes{}, nil, err
	}
	return secret, bound, nil
}

// openByTPM gets the secret back under which sealed was sealed. One that is known already it does not ask for again.
func (c *Core) openByTPM(sealed []byte) (ssp.Bytes, error) {
	bound, err := seal.Bound(sealed)
	if err != nil {
		return ssp.Bytes{}, err
	}
	s, err := tpm.Decode(bound)
	if err != nil {
		return ssp.Bytes{}, err
	}
	k := &c.tpm
	k.mu.Lock()
	if k.secret.Len() > 0 && bytes.Equal(k.bound, bound) {
		defer k.mu.Unlock()
		return copyOf(k.secret)
	}
	k.mu.Unlock()
	var secret ssp.Bytes
	err = c.converse(func(x tpm.Exchange) (err error) {
		secret, err = s.Unseal(x)
		return err
	})
	if err != nil {
		return ssp.Bytes{}, err
	}
	if err := k.keep(bound, s, secret); err != nil {
		secret.Free()
		return ssp.Bytes{}, err
	}
	return secret, nil
}

// noteBound reads what status is to say of a sealed root before the TPM was asked.
func (c *Core) noteBound(sealed []byte) {
	bound, err := seal.Bound(sealed)
	if err != nil {
		return
	}
	if s, err := tpm.Decode(bound); err == nil {
		c.tpm.mu.Lock()
		c.tpm.bound, c.tpm.sealed = bound, s
		c.tpm.mu.Unlock()
	}
}

// tpmNoted is what the audit log keeps of the TPM that was met, so that it can be compared later too.
func (c *Core) tpmNoted() string {
	root, _ := c.tpm.shown()
	if root == nil || !c.keptBy().ByTPM() {
		return ""
	}
	return ", storage root key " + hex.EncodeToString(root)
}

// tryTPM finds out whether the TPM would keep a secret, for who must know before it does what cannot be undone.
func (c *Core) tryTPM(by keeping) error {
	if !by.keeper.ByTPM() {
		return nil
	}
	c.tpm.mu.Lock()
	known := c.tpm.tried != nil && *c.tpm.tried == by
	c.tpm.mu.Unlock()
	if known {
		return nil
	}
	secret, _, err := c.sealToTPM(by.pcrs)
	if err != nil {
		return err
	}
	secret.Free()
	c.tpm.mu.Lock()
	c.tpm.tried = &by
	c.tpm.mu.Unlock()
	return nil
}

// identitySecret is a secret under which a node that the others unlock can keep its identity.
func (c *Core) identitySecret(by keeping) (secret ssp.Bytes, bound []byte, err error) {
	if by.keeper.ByTPM() {
		return c.sealToTPM(by.pcrs)
	}
	secret, err = c.keeperSecret()
	return secret, nil, err
}

// sameSecret is the one under which the identity rests already: a change of the others' addresses needs no TPM, and does not bind
// it to other registers.
func (c *Core) sameSecret() (secret ssp.Bytes, bound []byte, err error) {
	keeper := c.keptBy()
	if !keeper.ByTPM() {
		return c.identitySecret(keeping{keeper: keeper})
	}
	sealed, err := c.host.Root(wire.RootGet, keeper.String(), nil)
	if err != nil {
		return secret, nil, err
	}
	if secret, err = c.openByTPM(sealed); err != nil {
		return secret, nil, err
	}
	bound, err = seal.Bound(sealed)
	return secret, bound, err
}

// unlockByTPM unlocks with what the TPM gives. The caller holds change.
func (c *Core) unlockByTPM() error {
	sealed, err := c.host.Root(wire.RootGet, seal.KeeperTPM.String(), nil)
	if err != nil {
		return err
	}
	secret, err := c.openByTPM(sealed)
	if err != nil {
		return err
	}
	defer secret.Free()
	return c.unlock(seal.KeeperTPM, secret)
}

// tryTPMAtStart unlocks by the TPM, if that is the keeper and nobody asked to stay locked. The caller holds change.
func (c *Core) tryTPMAtStart() {
	if c.State() != wire.StateLocked || c.config.Hold || c.keptBy() != seal.KeeperTPM {
		return
	}
	err := c.unlockByTPM()
	c.tpm.next.Store(c.system.Boot() + tpmPause)
	e := wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: uint16(wire.CallUnlock), Result: fault.Of(err), Text: "keeper tpm, at start"}
	c.log.Append(e, false)
	if err != nil {
		c.host.Log(wire.LogError, 0, "the TPM does not unlock the module: "+err.Error())
	}
}

// seekTPM is called by Tick: it tries again.
func (c *Core) seekTPM(now int64) {
	if c.State() != wire.StateLocked || c.config.Hold || c.keptBy() != seal.KeeperTPM || now < c.tpm.next.Load() || !c.change.TryLock() {
		return
	}
	c.tpm.next.Store(now + tpmPause)
	go func() {
		defer process.LastWords()
		defer c.change.Unlock()
		if c.State() == wire.StateLocked && c.unlockByTPM() == nil {
			c.log.Append(wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: uint16(wire.CallUnlock), Text: "keeper tpm, at a later attempt"}, false)
		}
	}()
}
