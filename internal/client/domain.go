// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The security domain and what moves between clones (docs/design/backup.md).

// DomainShare is a share as a JWE, and the SHA-256 of the certificate of whose it is; DomainDatum a datum as a JWE.
type DomainShare struct {
	Thumbprint [32]byte
	JWE        string
}

type DomainDatum struct{ Tag, JWE string }

// DomainDownload answers the parts of a security domain file for the holders of the certificates (DER).
func (c *Conn) DomainDownload(quorum int, certificates [][]byte) (shares []DomainShare, data []DomainDatum, err error) {
	err = c.call(wire.CallDomainDownload, func(w *wire.Writer) { putHolders(w, quorum, certificates) },
		func(r *wire.Reader) { shares, data = domainFile(r) })
	return shares, data, err
}

func putHolders(w *wire.Writer, quorum int, certificates [][]byte) {
	w.U64(uint64(quorum))
	w.U32(uint32(len(certificates)))
	for _, der := range certificates {
		w.Bytes(der)
	}
}

func domainFile(r *wire.Reader) (shares []DomainShare, data []DomainDatum) {
	for range r.Count(8) {
		var s DomainShare
		if copy(s.Thumbprint[:], r.Bytes()) != len(s.Thumbprint) {
			r.Fail()
		}
		s.JWE = r.String()
		shares = append(shares, s)
	}
	for range r.Count(8) {
		data = append(data, DomainDatum{r.String(), r.String()})
	}
	return shares, data
}

// DomainTransfer answers the certificate of the key to which holders wrap their shares for this core.
func (c *Conn) DomainTransfer() (certificate []byte, err error) {
	err = c.call(wire.CallDomainTransfer, nil, func(r *wire.Reader) { certificate = keep(r.Bytes()) })
	return certificate, err
}

// DomainUpload is what the holders bring: wrapped shares, or a wrapped fresh master key, and the data.
type DomainUpload struct {
	Restore           bool   // a restore follows; else what is here is opened
	Keeper            string // of the root from now on; empty: as it is, or a file
	Threshold, Shares int    // of custodians
	Quorum            int
	Wrapped           []DomainShare
	Master            string
	Data              []DomainDatum
}

// DomainUpload brings a domain to a core, and answers its id and the shares of its custodians, if those were asked for.
func (c *Conn) DomainUpload(u *DomainUpload) (domain key.ID, shares [][]byte, err error) {
	err = c.call(wire.CallDomainUpload, func(w *wire.Writer) {
		w.U64(bit(u.Restore))
		w.String(u.Keeper)
		w.U64(uint64(u.Threshold))
		w.U64(uint64(u.Shares))
		u.put(w)
	}, func(r *wire.Reader) { domain, shares = idBytes(r), shareList(r) })
	return domain, shares, err
}

// put writes what the holders bring.
func (u *DomainUpload) put(w *wire.Writer) {
	w.U64(uint64(u.Quorum))
	w.U32(uint32(len(u.Wrapped)))
	for _, s := range u.Wrapped {
		w.Bytes(s.Thumbprint[:])
		w.String(s.JWE)
	}
	w.String(u.Master)
	w.U32(uint32(len(u.Data)))
	for _, d := range u.Data {
		w.String(d.Tag)
		w.String(d.JWE)
	}
}

// DomainKeeper brings the domain of a sealed root in the node's directory, for a restore: with the keeper's file, or one
// custodian's share, which is zeroed. It answers how many shares are missing.
func (c *Conn) DomainKeeper(share []byte) (missing uint64, err error) {
	defer clear(share)
	err = c.call(wire.CallDomainKeeper, func(w *wire.Writer) { w.Bytes(share) }, func(r *wire.Reader) { missing = r.U64() })
	return missing, err
}

// Replica is an object as a sealed record.
type Replica struct {
	Partition, Object key.ID
	Record            []byte
}

// ReplicaGive answers an object's sealed record, which every clone of the domain can open.
func (s *Session) ReplicaGive(object uint64) (r Replica, err error) {
	err = s.conn.call(wire.CallReplicaGive, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(object)
	}, func(in *wire.Reader) { r = Replica{idBytes(in), idBytes(in), keep(in.Bytes())} })
	return r, err
}

// What ReplicaTake did.
const (
	ReplicaNew     uint64 = 1
	ReplicaChanged uint64 = 2
	ReplicaSame    uint64 = 3
)

// ReplicaTake commits an object from a clone, under the login on its partition.
func (s *Session) ReplicaTake(r Replica) (object, outcome uint64, err error) {
	err = s.conn.call(wire.CallReplicaTake, func(w *wire.Writer) {
		w.U64(s.ID)
		w.Bytes(r.Partition[:])
		w.Bytes(r.Object[:])
		w.Bytes(r.Record)
	}, func(in *wire.Reader) { object, outcome = in.U64(), in.U64() })
	return object, outcome, err
}

// RecordDigests answers a digest for each record of a partition, the domain's own being zero, by path. Clones of a domain that hold
// the same have the same.
func (c *Conn) RecordDigests(partition key.ID) (map[string][32]byte, error) {
	all := map[string][32]byte{}
	for after := ""; ; {
		more, last := uint8(0), after
		err := c.call(wire.CallRecordDigests, func(w *wire.Writer) {
			w.Bytes(partition[:])
			w.String(after)
			w.U64(1000)
		}, func(r *wire.Reader) {
			more = r.U8()
			for range r.Count(8) {
				var d [32]byte
				path := r.String()
				if copy(d[:], r.Bytes()) != len(d) {
					r.Fail()
				}
				if last = path; d != [32]byte{} { // zero: no content, only where the page ends
					all[path] = d
				}
			}
		})
		if err != nil || more == 0 {
			return all, err
		}
		if last <= after {
			return nil, fault.Malformed.At("list digests")
		}
		after = last
	}
}
