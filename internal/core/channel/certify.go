// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"encoding/base64"

	"github.com/genbu-hsm/genbu/internal/core/certificate"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of this file make certificates of keys (docs/design/certificates.md): the core looks at what it signs, and keeps a
// key with its certificates in a secret that the host does not see on the way.

// certifyBy is the mechanism by which a key signs certificates.
func certifyBy(o *object.Object) *mech.Row {
	m := key.MechSHA256RSAPKCS
	if o.KeyType() == key.TypeEC {
		switch bits := o.Bits(); {
		case bits > 384:
			m = key.MechECDSASHA512
		case bits > 256:
			m = key.MechECDSASHA384
		default:
			m = key.MechECDSASHA256
		}
	}
	return all.Row(m)
}

// certify signs a request or a certificate, by the key itself (of is 0) or for another key.
func certify(c *channel) error {
	id, handle, name, of, tbs := c.r.U64(), c.r.U64(), c.r.Bytes(), c.r.U64(), c.r.Bytes()
	if err := c.r.End(); err != nil {
		return err
	}
	v, r, err := c.keyNamed(id, handle, name)
	if err != nil {
		return err
	}
	subject := r
	if of != 0 {
		if subject, err = v.find(of); err != nil {
			return err
		}
	}
	c.about.Object = r.ID
	if r.KeyType() != key.TypeRSA && r.KeyType() != key.TypeEC || r.Class() != key.ClassPrivate {
		return fault.KeyTypeMismatch.At("certify key")
	}
	row := certifyBy(r.Object)
	c.about.Mechanism = row.ID
	wanted, err := certificate.Read(tbs)
	if err != nil {
		return err
	}
	if err := policy.Certify(v.who(), r.Object, subject.Object, row, wanted.Authority, c.module.Now()); err != nil {
		return err
	}
	spki, err := wrap.SPKI(subject.Material(nil))
	switch {
	case err != nil:
		return err
	case !bytes.Equal(spki, wanted.SPKI):
		return fault.ArgumentsBad.At("compare the key in what is to be signed with the key that it is for")
	case wanted.Request && subject.ID != r.ID:
		return fault.ArgumentsBad.At("sign a request of another key")
	}
	j := job{v: v, key: r, row: row, how: mech.Sign, data: tbs}
	j.do = func(c *channel, j *job, k mech.Key) error {
		op, err := j.row.Begin(mech.Sign, k, nil)
		if err != nil {
			return err
		}
		at := c.startBytes(maxSignature)
		err = c.append(mech.OneShot(op, c.w.B, j.data))
		c.endBytes(at)
		return err
	}
	return c.useKey(j)
}

// maxSignature: RSA of 8192 bits.
const maxSignature = 1024

// Formats of a certificate's file.
const (
	fileUnknown uint64 = iota
	filePEM
	filePFX // base64, as Key Vault has it
)

// file makes a secret whose value is an extractable private key with its certificates.
func file(c *channel) error {
	id, handle, name, format := c.r.U64(), c.r.U64(), c.r.Bytes(), c.r.U64()
	var chain [][]byte
	for range c.r.Count(4) {
		chain = append(chain, c.r.Bytes())
	}
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	v, r, err := c.keyNamed(id, handle, name)
	if err != nil {
		return err
	}
	_, given := t.Find(key.AttrValue)
	if given || len(chain) == 0 || len(chain) > maxChain || format != filePEM && format != filePFX || r.Class() != key.ClassPrivate {
		return fault.ArgumentsBad.At("read key, format and certificates of a file")
	}
	c.about.Object = r.ID
	ssp.Do(func() {
		err = c.material(v, r, func(m mech.Material) error {
			plain, err := wrap.PKCS8(m)
			if err != nil {
				return err
			}
			defer clear(plain)
			value := []byte(nil)
			if format == filePEM {
				value = certificate.PEM(plain, chain)
			} else {
				der, err := certificate.PFX(plain, chain)
				if err != nil {
					return err
				}
				value = base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(der))), der)
				clear(der)
			}
			defer clear(value)
			o, secret, err := object.Create(append(t, object.Attribute{Type: key.AttrValue, Value: value}), v.rules())
			if err != nil {
				return err
			}
			if err := policy.File(v.who(), r.Object, o); err != nil {
				return err
			}
			list, err := c.keep(v, NewObject{o, secret})
			if err == nil {
				c.answerObjects(list...)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	return c.record(r.ID)
}
