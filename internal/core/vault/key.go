// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

// Key answers the parsed key of an object. In strict mode a secret one is opened for this call, which is inside ssp.Do,
// and is gone with the next collection after it; in fast mode, and for public keys, it stays parsed beside its object.
func (p *Partition) Key(o *object.Object) (mech.Key, error) {
	keep := p.fast || !o.HasSecret()
	h := p.cache.id(o.ID)
	if h != nil && h.stopped.Load() {
		return nil, p.stopped(o.ID, fault.KeyUnknown)
	}
	if keep && h != nil && h.object.Version == o.Version {
		if k := h.parsed.Load(); k != nil {
			return k.key, nil
		}
	}
	k, err := p.parse(o)
	if err == nil && keep && h != nil && h.object.Version == o.Version {
		h.parsed.Store(&parsed{k})
	}
	return k, err
}

func (p *Partition) parse(o *object.Object) (k mech.Key, err error) {
	err = p.Material(o, func(m mech.Material) error {
		family := all.Family(m.Type)
		if family == nil {
			return fault.KeyTypeMismatch.At("parse key")
		}
		k, err = family.Parse(m, false) // from an authenticated record: its halves belong together
		return err
	})
	return k, err
}

// Material opens an object's material for the length of f, inside ssp.Do.
func (p *Partition) Material(o *object.Object, f func(mech.Material) error) (err error) {
	ssp.Do(func() {
		var secret []byte
		if secret, err = p.rest.Open(o.Resting, o.ID[:]); err == nil {
			defer clear(secret)
			err = f(o.Material(secret))
		}
	})
	return err
}
