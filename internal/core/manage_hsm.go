// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/hex"
	"strconv"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/securitydomain"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of a managed HSM's security domain (docs/design/backup.md): what m of n holders need to bring it to another HSM.

const (
	// tagHSM is the one datum of an HSM's file: u8 1 | 16 domain | 32 key.
	tagHSM = "genbu-hsm"

	transferLife  = 24 * 3600 // seconds in which holders wrap their shares
	transferSpare = 3600      // a key that ends sooner is replaced when somebody asks
)

// hsmDomains lets one change of a domain go after the other on this node: making a transfer key takes a while.
type hsmDomains struct{ mu sync.Mutex }

// managedTenant answers the managed HSM at a slot to who has the right: an admin of the partition or the domain, or who
// was granted the action. A crypto-user without limits has it not.
func (m *manager) managedTenant(slot uint64, a policy.Action) (*tenant, error) {
	t, err := m.accessAt(slot, a, false)
	if err == nil && t.settings().flags&flagManaged == 0 {
		err = fault.Unsupported.At("use the security domain of a partition that is no managed HSM")
	}
	return t, err
}

func (m *manager) hsmDomainDownload() error {
	t, err := m.managedTenant(m.r.U64(), policy.DomainDownload)
	quorum := m.r.U64()
	certificates := make([][]byte, m.r.Count(4))
	for i := range certificates {
		certificates[i] = m.r.Bytes()
	}
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	if quorum > securitydomain.MaxHolders {
		return fault.ArgumentsBad.At("download security domain: quorum of 2 to 10")
	}
	file, err := m.core.sealHSMDomain(t, certificates, int(quorum))
	text := "security domain for " + strconv.Itoa(int(quorum)) + " of " + strconv.Itoa(len(certificates))
	if err == nil {
		for _, s := range file.Shares {
			text += " " + hex.EncodeToString(s.Thumbprint[:4])
		}
	}
	if err := m.did(t, wire.AuditManage, text, err); err != nil {
		return err
	}
	m.putDomainFile(file)
	return nil
}

// sealHSMDomain makes a file of a managed HSM's domain.
func (c *Core) sealHSMDomain(t *tenant, certificates [][]byte, quorum int) (file *securitydomain.File, err error) {
	k, id, err := c.domainKey(t)
	if err != nil {
		return nil, err
	}
	defer k.Free()
	ssp.Do(func() {
		datum := wire.Writer{B: make([]byte, 0, 1+len(id)+rootKeyLen)}
		defer func() { clear(datum.B) }()
		datum.U8(datumVersion)
		datum.PutID(id)
		k.Use(access.Token{}, datum.Raw)
		file, err = securitydomain.Seal([]securitydomain.Datum{{Tag: tagHSM, Plain: datum.B}}, certificates, quorum)
	})
	return file, err
}

// hsmDomainTransfer answers the certificate of the HSM's transfer key, the same one until an upload has spent it or its day is over.
func (m *manager) hsmDomainTransfer() error {
	t, err := m.managedTenant(m.r.U64(), policy.DomainTransferKey)
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	c := m.core
	c.hsmDomains.mu.Lock()
	defer c.hsmDomains.mu.Unlock()
	d, err := c.hsmDomain(t)
	if err != nil {
		return err
	}
	defer func() { d.free() }()
	if len(d.certificate) == 0 || d.expires-c.Now() < transferSpare {
		d.dropTransfer()
		if err = d.drawTransfer(c.Now() + transferLife); err == nil {
			err = t.putHSMDomain(d)
		}
		if fault.Of(err) == fault.Conflict { // another node was quicker: its key is as good
			d.free()
			if d, err = c.hsmDomain(t); err == nil && len(d.certificate) == 0 {
				err = fault.Conflict.At("make transfer key")
			}
		}
		if err = m.done(t, wire.AuditManage, "transfer key for a security domain", err); !vault.Done(err) {
			return err
		}
	}
	m.w.Bytes(d.certificate)
	m.w.U64(uint64(d.expires))
	return err
}

func (d *hsmDomain) drawTransfer(expires int64) (err error) {
	ssp.Do(func() {
		var certificate, private []byte
		if certificate, private, err = securitydomain.NewTransfer(); err != nil {
			return
		}
		defer clear(private)
		if d.private, err = holdBytes(private); err == nil {
			d.certificate, d.expires = append([]byte{}, certificate...), expires
		}
	})
	return err
}

func (m *manager) hsmDomainUpload() error {
	t, err := m.managedTenant(m.r.U64(), policy.DomainUpload)
	u := m.readUpload()
	if end := m.r.End(); end != nil {
		return end
	}
	if err != nil {
		return err
	}
	if !boundedUpload(u) {
		return fault.ArgumentsBad.At("upload security domain")
	}
	c := m.core
	c.hsmDomains.mu.Lock()
	defer c.hsmDomains.mu.Unlock()
	id, err := c.takeHSMDomain(t, u)
	text := "security domain brought by its holders"
	if err == nil {
		text += ": that of " + id.String()
	}
	if err := m.done(t, wire.AuditManage, text, err); err != nil {
		return err
	}
	m.w.Bytes(id[:])
	return nil
}

// takeHSMDomain gives an HSM that is empty the domain that holders bring. The transfer key is spent by the change that does so.
func (c *Core) takeHSMDomain(t *tenant, u *securitydomain.Upload) (was key.ID, err error) {
	d, err := c.hsmDomain(t)
	if err != nil {
		return was, err
	}
	defer func() { d.free() }()
	// Deleted keys count: they can be recovered. What a host hides here it could as well have withheld from a backup.
	page, err := c.host.Page("r/"+t.id.String()+"/o/", "", 1)
	switch {
	case err != nil:
		return was, err
	case len(page.Records) > 0:
		return was, fault.PartitionNotEmpty.At("upload security domain")
	case len(d.certificate) == 0:
		return was, fault.ShareBad.At("upload security domain: no transfer key was asked for, or an upload has spent it")
	case d.expires < c.Now():
		return was, fault.ShareBad.At("upload security domain: the transfer key has expired")
	}
	next := &hsmDomain{since: c.Now(), entry: d.entry}
	defer next.free()
	ssp.Do(func() { err = next.open(d, u) })
	if err == nil {
		err = t.putHSMDomain(next)
	}
	return next.id, err
}

// open takes the domain out of an upload, by the transfer key of d. Called inside ssp.Do.
func (next *hsmDomain) open(d *hsmDomain, u *securitydomain.Upload) (err error) {
	var data []securitydomain.Datum
	var said securitydomain.Statement
	d.private.Use(access.Token{}, func(private []byte) { data, said, err = securitydomain.Open(private, u) })
	defer func() {
		for _, datum := range data {
			clear(datum.Plain)
		}
	}()
	switch {
	case fault.Of(err) == fault.RecordInvalid:
		return fault.ShareBad.At("upload security domain: the data is damaged, or of another file than the shares")
	case err != nil:
		return err
	case said != securitydomain.Statement{}:
		return fault.ArgumentsBad.At("upload security domain: the holders speak of a backup, and an HSM's domain brings none")
	case len(data) != 1 || data[0].Tag != tagHSM:
		return fault.DomainOther.At("upload security domain: it is not that of a managed HSM")
	}
	r := wire.NewReader(data[0].Plain)
	if r.U8() != datumVersion {
		r.Fail()
	}
	next.id = r.ID()
	k := r.Raw(rootKeyLen)
	if r.End() != nil {
		return fault.DomainOther.At("upload security domain: it is of a kind that is not known here")
	}
	next.key, err = seal.Hold(k)
	return err
}

// What HSM_DOMAIN_STATE is asked for.
const (
	stateOfDownload uint64 = 1
	stateOfUpload   uint64 = 2
)

// hsmDomainState tells who may download, or upload, which domain an HSM has.
func (m *manager) hsmDomainState() error {
	slot, of := m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	a := policy.DomainDownload
	switch of {
	case stateOfDownload:
	case stateOfUpload:
		a = policy.DomainUpload
	default:
		return fault.ArgumentsBad.At("ask for the state of a security domain")
	}
	t, err := m.managedTenant(slot, a)
	if err != nil {
		return err
	}
	d, err := m.core.hsmDomain(t)
	if err != nil {
		return err
	}
	defer d.free()
	m.w.Bytes(d.id[:])
	m.w.U64(uint64(d.since))
	m.w.U64(uint64(d.expires))
	return nil
}
