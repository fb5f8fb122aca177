// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// A managed HSM has a security domain of its own (docs/design/backup.md): a key under which its backups are sealed, so that they open
// in it, and where its security domain was uploaded, and nowhere else. It gives no other partition away, and not the root key.

const domainLabel = "genbu managed hsm domain 1"

// hsmDomain is the plaintext of the record at r/<partition>/domain. An HSM without the record has the domain that is derived, and no
// transfer key. It is read anew each time, and freed: it is asked for a few times in an HSM's life.
type hsmDomain struct {
	id    key.ID    // of the domain: the partition's own, or that of the HSM where it began
	key   ssp.Bytes // that was uploaded; without one it is derived
	since int64     // unix seconds of the upload

	certificate []byte    // of the transfer key; empty when there is none
	private     ssp.Bytes // its private half
	expires     int64     // unix seconds

	entry vault.Entry // without a path while there is no record
}

const hsmDomainVersion = 1

func hsmDomainPath(partition key.ID) string { return "r/" + partition.String() + "/domain" }

// hsmDomainID is the record's name in the partition's ledger, as accessID is.
var hsmDomainID = key.ID{'g', 'e', 'n', 'b', 'u', ' ', 'd', 'o', 'm', 'a', 'i', 'n'}

// encode is called inside ssp.Do.
func (d *hsmDomain) encode() []byte {
	w := wire.Writer{B: make([]byte, 0, 64+d.key.Len()+len(d.certificate)+d.private.Len())} // never outgrown, so no half of a key is left behind
	w.U8(hsmDomainVersion)
	w.PutID(d.id)
	putHeld(&w, d.key)
	w.U64(uint64(d.since))
	w.Bytes(d.certificate)
	putHeld(&w, d.private)
	w.U64(uint64(d.expires))
	return w.B
}

func putHeld(w *wire.Writer, k ssp.Bytes) {
	if k.Len() == 0 {
		w.Bytes(nil)
		return
	}
	k.Use(access.Token{}, func(p []byte) { w.Bytes(p) })
}

// decode is called inside ssp.Do.
func (d *hsmDomain) decode(plain []byte) error {
	r := wire.NewReader(plain)
	if r.U8() != hsmDomainVersion {
		r.Fail()
	}
	d.id = r.ID()
	k := r.Bytes()
	d.since = int64(r.U64())
	d.certificate = append([]byte{}, r.Bytes()...)
	private := r.Bytes()
	d.expires = int64(r.U64())
	if r.End() != nil || len(k) != 0 && len(k) != rootKeyLen || (len(private) == 0) != (len(d.certificate) == 0) {
		return fault.RecordInvalid.At("read the HSM's security domain")
	}
	var err error
	if len(k) > 0 {
		if d.key, err = holdBytes(k); err != nil {
			return err
		}
	}
	if len(private) > 0 {
		d.private, err = holdBytes(private)
	}
	return err
}

func (d *hsmDomain) free() {
	d.key.Free()
	d.dropTransfer()
}

func (d *hsmDomain) dropTransfer() {
	d.private.Free()
	d.certificate, d.private, d.expires = nil, ssp.Bytes{}, 0
}

// hsmDomain reads a managed HSM's domain, which is the caller's to free.
func (c *Core) hsmDomain(t *tenant) (*hsmDomain, error) {
	if t.settings().flags&flagManaged == 0 {
		return nil, fault.Unsupported.At("use the security domain of a partition that is no managed HSM")
	}
	d := &hsmDomain{id: t.id}
	e, err := t.vault.Read(hsmDomainPath(t.id), hsmDomainID, d.decode)
	switch {
	case err == nil:
		d.entry = e
		return d, nil
	case fault.Of(err) != fault.RecordUnknown:
		d.free()
		return nil, err
	case t.vault.Changed(hsmDomainID): // it was there: a host that withholds it shall not bring an earlier key back
		err = fault.RecordInvalid.At("read the HSM's security domain: its record is missing")
		c.alarm(hsmDomainPath(t.id), err)
		return nil, err
	}
	return d, nil
}

// putHSMDomain commits what the domain is from now on. Conflict when others have changed it since it was read.
func (t *tenant) putHSMDomain(d *hsmDomain) (err error) {
	if d.entry.Path == "" {
		_, err = t.vault.Introduce(hsmDomainPath(t.id), hsmDomainID, d.encode, nil, nil)
	} else {
		_, err = t.vault.Change(d.entry, d.encode)
	}
	return err
}

// domainKey answers a managed HSM's security-domain key, which is the caller's to free, and which domain that is: an HSM's own has the
// partition's id.
func (c *Core) domainKey(t *tenant) (k ssp.Bytes, id key.ID, err error) {
	d, err := c.hsmDomain(t)
	if err != nil {
		return k, id, err
	}
	defer d.free()
	if d.key.Len() > 0 {
		k, d.key = d.key, ssp.Bytes{}
		return k, d.id, nil
	}
	root, _ := c.rootKey()
	ssp.Do(func() { k, err = seal.Derive(root, t.id[:], domainLabel) })
	return k, d.id, err
}
