// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strconv"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/securitydomain"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of the security domain (docs/design/backup.md): what m of n holders need to rebuild this domain elsewhere.

// tagDomain is the one datum of our files: u8 1 | 16 domain | 32 root key.
const (
	tagDomain     = "genbu-domain"
	datumVersion  = 1
	rootKeyLen    = 32
	maxDomainData = 8
)

// transfer is the key to which holders wrap what they opened. It is drawn when it is first asked for, and spent by an upload.
type transfer struct {
	mu          sync.Mutex
	certificate []byte // guarded by mu
	resting     []byte // guarded by mu: the private half
}

var transferName = []byte("transfer key")

func (m *manager) domainDownload() error {
	quorum := m.r.U64()
	certificates := make([][]byte, m.r.Count(4))
	for i := range certificates {
		certificates[i] = m.r.Bytes()
	}
	if err := m.r.End(); err != nil || quorum > securitydomain.MaxHolders {
		return fault.ArgumentsBad.At("download security domain: quorum of 2 to 10")
	}
	c := m.core
	root, id := c.rootKey()
	var file *securitydomain.File
	var err error
	ssp.Do(func() {
		datum := wire.Writer{B: make([]byte, 0, 1+len(id)+rootKeyLen)}
		defer func() { clear(datum.B) }()
		datum.U8(datumVersion)
		datum.PutID(id)
		root.Use(access.Token{}, datum.Raw)
		var made *securitydomain.File
		if made, err = securitydomain.Seal([]securitydomain.Datum{{Tag: tagDomain, Plain: datum.B}}, certificates, int(quorum)); err == nil {
			file = made
		}
	})
	text := "security domain for " + strconv.Itoa(int(quorum)) + " of " + strconv.Itoa(len(certificates))
	if err := m.did(nil, wire.AuditState, text, err); err != nil {
		return err
	}
	m.putDomainFile(file)
	return nil
}

func (m *manager) putDomainFile(file *securitydomain.File) {
	m.w.U32(uint32(len(file.Shares)))
	for _, s := range file.Shares {
		m.w.Bytes(s.Thumbprint[:])
		m.w.String(s.JWE)
	}
	m.w.U32(uint32(len(file.Data)))
	for _, d := range file.Data {
		m.w.String(d.Tag)
		m.w.String(d.JWE)
	}
}

// domainTransfer answers the transfer key's certificate, the same one until an upload has spent it.
func (m *manager) domainTransfer() error {
	if err := m.r.End(); err != nil {
		return err
	}
	t := &m.core.transfer
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.certificate == nil {
		var certificate, resting []byte
		var err error
		ssp.Do(func() {
			var public, private []byte
			if public, private, err = securitydomain.NewTransfer(); err == nil {
				defer clear(private)
				certificate = public
				resting, err = m.core.rest.Seal(private, transferName)
			}
		})
		if err != nil {
			return err
		}
		t.certificate, t.resting = append([]byte{}, certificate...), append([]byte{}, resting...)
	}
	m.w.Bytes(t.certificate)
	return nil
}

// What DOMAIN_UPLOAD is for.
const uploadRestore uint64 = 1 // a restore follows; else the store that is here is opened

func (m *manager) domainUpload() error {
	flags, name, threshold, n, u := m.r.U64(), m.r.String(), m.r.U64(), m.r.U64(), m.readUpload()
	if err := m.r.End(); err != nil {
		return err
	}
	by, ok := parseKeeping(name, threshold, n)
	if flags&^uploadRestore != 0 || !boundedUpload(u) || !ok && name != "" || by.keeper.ByPeers() {
		return fault.ArgumentsBad.At("upload security domain")
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	var t *taking
	var shares [][]byte
	err := c.mayTake(flags)
	if err == nil {
		t, err = c.openUpload(u)
	}
	if err == nil {
		shares, err = c.entrustTaken(t, by)
	}
	if err == nil && flags == 0 {
		err = c.openTaken(t)
	}
	if err := m.did(nil, wire.AuditState, "security domain brought by its holders", err); err != nil {
		if t != nil {
			t.root.Free()
		}
		return err
	}
	if flags&uploadRestore != 0 {
		c.await(t)
	}
	m.w.Bytes(t.domain[:])
	m.w.U32(uint32(len(shares)))
	for _, s := range shares {
		m.w.Bytes(s)
		clear(s)
	}
	return nil
}

// readUpload reads what holders bring: quorum, wrapped shares, wrapped key, data.
func (m *manager) readUpload() *securitydomain.Upload {
	quorum := m.r.U64()
	u := &securitydomain.Upload{Quorum: int(min(quorum, securitydomain.MaxHolders+1)), Shares: make([]securitydomain.Share, m.r.Count(8))}
	for i := range u.Shares {
		if copy(u.Shares[i].Thumbprint[:], m.r.Bytes()) != len(u.Shares[i].Thumbprint) {
			m.r.Fail()
		}
		u.Shares[i].JWE = m.r.String()
	}
	u.Wrapped = m.r.String()
	u.Data = make([]securitydomain.Sealed, m.r.Count(8))
	for i := range u.Data {
		u.Data[i] = securitydomain.Sealed{Tag: m.r.String(), JWE: m.r.String()}
	}
	return u
}

func boundedUpload(u *securitydomain.Upload) bool {
	return len(u.Shares) <= securitydomain.MaxHolders && len(u.Data) <= maxDomainData
}

// mayTake tells whether this state leaves room for a domain.
func (c *Core) mayTake(flags uint64) error {
	switch state := c.State(); {
	case state == wire.StateOperational:
		return fault.AlreadyInitialized.At("take domain: the module is open; lock it first")
	case state == wire.StateUninitialized && flags&uploadRestore == 0:
		return fault.Uninitialized.At("take domain: there is nothing here that it would open; restore a backup")
	}
	return nil
}

// openUpload opens what the holders brought, and spends the transfer key.
func (c *Core) openUpload(u *securitydomain.Upload) (*taking, error) {
	t := &c.transfer
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resting == nil {
		return nil, fault.ArgumentsBad.At("upload security domain: no transfer key was asked for")
	}
	taken := &taking{head: c.head}
	var err error
	ssp.Do(func() {
		var private []byte
		if private, err = c.rest.Open(t.resting, transferName); err != nil {
			return
		}
		defer clear(private)
		var data []securitydomain.Datum
		if data, taken.said, err = securitydomain.Open(private, u); err == nil {
			err = taken.read(data)
		}
	})
	if err != nil {
		return nil, err
	}
	t.resting, t.certificate = nil, nil
	return taken, nil
}

// read takes the root key out of the data.
func (t *taking) read(data []securitydomain.Datum) error {
	bad := fault.RecordInvalid.At("read the domain's data: they are not of a domain of this kind")
	if len(data) != 1 || data[0].Tag != tagDomain {
		return bad
	}
	defer clear(data[0].Plain)
	r := wire.NewReader(data[0].Plain)
	if r.U8() != datumVersion {
		r.Fail()
	}
	t.domain = r.ID()
	root := r.Raw(rootKeyLen)
	if r.End() != nil {
		return bad
	}
	var err error
	t.root, err = seal.Hold(root)
	return err
}

// entrustTaken seals the root for this node's keeper. Where the node has this domain's root sealed already, and nobody asks for
// another keeper, that one stays.
func (c *Core) entrustTaken(t *taking, by keeping) (shares [][]byte, err error) {
	if by.keeper == seal.KeeperUnknown {
		if c.State() == wire.StateLocked && c.head.Domain == t.domain {
			return nil, nil
		}
		by.keeper = seal.KeeperFile
	}
	if t.sealed, shares, err = c.sealFor(t.root, t.domain, by); err != nil {
		return nil, err
	}
	t.head, err = seal.ReadRootHead(t.sealed)
	return shares, err
}

// openTaken opens the store that is here with the root that was brought, which the keeper is given once it has shown to fit.
func (c *Core) openTaken(t *taking) error {
	rec, err := c.host.Load(partitionPath(key.ID{}))
	if err != nil {
		return err
	}
	var k ssp.Bytes
	ssp.Do(func() { k, err = seal.UnwrapPartition(t.root, t.domain, key.ID{}, rec.Value) })
	if err != nil {
		return fault.DomainOther.At("open what is here")
	}
	k.Free()
	if t.sealed != nil {
		if err := c.putRoot(t.head.Keeper, t.sealed); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.domain, c.head = t.domain, t.head
	c.mu.Unlock()
	root := t.root
	t.root = ssp.Bytes{}
	return c.unlockWith(root)
}

// wanting is how many shares are missing.
func (c *Core) wanting(head seal.RootHead) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.gathering != nil {
		return c.gathering.Missing()
	}
	return int(head.Threshold)
}

// domainKeeper brings the domain of a sealed root that lies in this node's directory, by the root's own keeper: with the file, or
// share by share.
func (m *manager) domainKeeper() error {
	share := m.r.Bytes()
	if err := m.r.End(); err != nil {
		return err
	}
	c := m.core
	c.change.Lock()
	defer c.change.Unlock()
	missing, err := c.takeByKeeper(share)
	m.w.U64(uint64(missing))
	return m.did(nil, wire.AuditState, "domain brought by its keeper", err)
}

func (c *Core) takeByKeeper(share []byte) (missing int, err error) {
	if err := c.mayTake(uploadRestore); err != nil {
		return 0, err
	}
	sealed, head, err := c.findRoot()
	if err != nil {
		return 0, err
	}
	var secret ssp.Bytes
	switch {
	case head.Keeper == seal.KeeperFile:
		secret, err = c.system.ReadKeeper()
	case head.Keeper == seal.KeeperTPM:
		secret, err = c.openByTPM(sealed)
	case head.Keeper.ByPeers():
		err = fault.KeeperRefused.At("bring domain: the keeper of this node's root key are the other nodes")
	case len(share) == 0: // how many are wanted
		return c.wanting(head), nil
	default:
		secret, missing, err = c.gather(head, share)
	}
	if err != nil || missing > 0 {
		return missing, err
	}
	defer secret.Free()
	t := &taking{domain: head.Domain, head: head}
	ssp.Do(func() { t.root, err = seal.OpenRoot(sealed, secret) })
	if err == nil {
		c.await(t)
	}
	return 0, err
}
