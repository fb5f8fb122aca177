// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"fmt"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// What is derived, agreed upon and encapsulated is secret as well: it is read back, since a client may ask for that.

func (p *planter) derived(o client.Summary, name string) error {
	v, err := p.read(o.Handle, key.AttrValue)
	if err != nil {
		return err
	}
	p.keepParts(name, secretParts(key.TypeGeneric, v[0]))
	return nil
}

func (p *planter) derive(m client.MechanismInfo, k *held, _ []byte) error {
	size := uint64(32)
	t := append(common(key.ClassSecret, key.TypeGeneric, "derived", len(p.did)%2 == 0), readable...)
	if m.ID == key.MechHKDFData {
		t = client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrPrivate, true)}
	} else if k.typ == key.TypeEC || k.typ == key.TypeMontgomery {
		size = map[uint64]uint64{224: 28, 256: 32, 255: 32, 384: 48, 521: 66, 448: 56}[k.bits]
	}
	o, _, err := p.s.Derive(parameters(m, k, nil), k.handle, append(t, client.ULong(key.AttrValueLen, size)))
	if err != nil {
		return err
	}
	return p.derived(o, fmt.Sprintf("derived of %s by %#x", k.name, uint64(m.ID)))
}

func (p *planter) decapsulate(m client.MechanismInfo, k *held, _ []byte) error {
	t := append(common(key.ClassSecret, key.TypeAES, "encapsulated", false), append(readable, client.ULong(key.AttrValueLen, uint64(32)))...)
	ct, o, err := p.s.Encapsulate(client.Mech(m.ID), k.public, t)
	if err != nil {
		return err
	}
	if err := p.derived(o, "encapsulated to "+k.name); err != nil {
		return err
	}
	p.did[useName(m.ID, "encapsulate")] = true
	_, err = p.s.Decapsulate(client.Mech(m.ID), k.handle, ct, t)
	return err
}

// deriveSecrets makes several keys of one derivation.
func (p *planter) deriveSecrets() error {
	t := append(append(common(key.ClassSecret, key.TypeGeneric, "first of two", false), readable...), client.ULong(key.AttrValueLen, uint64(32)))
	o, further, err := p.s.Derive(client.KBKDF(key.MechSHA256HMAC, []client.KBKDFData{{Type: client.KBKDFIteration, Value: client.KBKDFCounter(32)}}, t), p.target.handle, t)
	if err != nil {
		return err
	}
	if err := p.derived(o, "first of two"); err != nil {
		return err
	}
	for _, h := range further {
		if err := p.derived(client.Summary{Handle: h}, "second of two"); err != nil {
			return err
		}
	}
	return nil
}
