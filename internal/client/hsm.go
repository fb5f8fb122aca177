// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The security domain of one managed HSM (docs/design/backup.md).

// HSMDomainDownload answers the parts of a managed HSM's security domain file for the holders of the certificates (DER).
func (c *Conn) HSMDomainDownload(slot uint64, quorum int, certificates [][]byte) (shares []DomainShare, data []DomainDatum, err error) {
	err = c.call(wire.CallHsmDomainDownload, func(w *wire.Writer) {
		w.U64(slot)
		putHolders(w, quorum, certificates)
	}, func(r *wire.Reader) { shares, data = domainFile(r) })
	return shares, data, err
}

// HSMDomainTransfer answers the certificate of the key to which holders wrap for a managed HSM, and when it expires (unix seconds).
func (c *Conn) HSMDomainTransfer(slot uint64) (certificate []byte, expires int64, err error) {
	err = c.call(wire.CallHsmDomainTransfer, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) {
		certificate, expires = keep(r.Bytes()), int64(r.U64())
	})
	return certificate, expires, err
}

// HSMDomainUpload brings a domain to a managed HSM that holds no keys, and answers its id. Of u count quorum, shares or master key,
// and data.
func (c *Conn) HSMDomainUpload(slot uint64, u *DomainUpload) (domain key.ID, err error) {
	err = c.call(wire.CallHsmDomainUpload, func(w *wire.Writer) {
		w.U64(slot)
		u.put(w)
	}, func(r *wire.Reader) { domain = idBytes(r) })
	return domain, err
}

// What the state of a managed HSM's domain is asked for: each needs its own right.
const (
	OfDownload uint64 = 1
	OfUpload   uint64 = 2
)

// HSMDomain tells which domain a managed HSM has.
type HSMDomain struct {
	ID       key.ID // the partition's, or that of the HSM where it began
	Uploaded int64  // unix seconds; 0: it is the HSM's own
	Transfer int64  // when the transfer key expires, unix seconds; 0: there is none
}

// HSMDomainState answers which domain a managed HSM has.
func (c *Conn) HSMDomainState(slot, of uint64) (d HSMDomain, err error) {
	err = c.call(wire.CallHsmDomainState, func(w *wire.Writer) {
		w.U64(slot)
		w.U64(of)
	}, func(r *wire.Reader) { d = HSMDomain{idBytes(r), int64(r.U64()), int64(r.U64())} })
	return d, err
}
