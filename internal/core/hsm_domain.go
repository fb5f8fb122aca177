// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// A managed HSM has a security domain of its own (docs/design/backup.md): a key under which its backups are sealed, so that they open
// in it, and where its security domain was uploaded, and nowhere else. It gives no other partition away, and not the root key.

const domainLabel = "genbu managed hsm domain 1"

// domainKey answers a managed HSM's security-domain key, which is the caller's to free, and which domain that is: an HSM's own has the
// partition's id.
func (c *Core) domainKey(t *tenant) (k ssp.Bytes, id key.ID, err error) {
	if t.settings().flags&flagManaged == 0 {
		return k, id, fault.Unsupported.At("use the security domain of a partition that is no managed HSM")
	}
	root, _ := c.rootKey()
	ssp.Do(func() { k, err = seal.Derive(root, t.id[:], domainLabel) })
	return k, t.id, err
}
