// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto/rand"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/audit"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// auditKeyPath is where a node's audit key rests, among the domain's records.
func auditKeyPath(node key.ID) string { return "r/" + key.ID{}.String() + "/a/" + node.String() }

// initialize makes a new domain: root key, domain key, its admin, this node's audit key. The sealed root is on disk before
// the domain's records are, since records without a root would be noise for ever. The caller holds change.
func (c *Core) initialize(by keeping, adminPIN []byte) (shares [][]byte, err error) {
	if err := operator.CheckPINLength(adminPIN); err != nil {
		return nil, err
	}
	root, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	k, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.root, c.birth = root, key.ID{}
	rand.Read(c.domain[:])
	c.mu.Unlock()
	defer func() {
		if err != nil { // nothing was made: the next attempt starts afresh
			c.forget(root)
			k.Free()
			c.mu.Lock()
			c.domain, c.head = key.ID{}, seal.RootHead{}
			c.mu.Unlock()
		}
	}()

	t := c.newTenant(domainInfo(), vault.Entry{}, k)
	admin, err := operator.New(t.id, randomID(), nameAdmin, operator.Admin)
	if err != nil {
		return nil, err
	}
	node, err := audit.NewKey()
	if err != nil {
		return nil, err
	}
	txn := &wire.Txn{Compares: []wire.Compare{{Path: partitionPath(key.ID{})}}}
	var wrapped []byte
	ssp.Do(func() {
		if admin, err = admin.WithPIN(adminPIN); err == nil {
			wrapped, err = seal.WrapPartition(root, c.domain, t.id, k)
		}
	})
	if err != nil {
		return nil, err
	}
	txn.Puts = append(txn.Puts, wire.Put{Path: partitionPath(t.id), Value: wrapped})
	for _, put := range []func() (wire.Put, error){
		t.vault.Begin,
		func() (wire.Put, error) { return t.vault.First(operator.Path(t.id, admin.ID), encodeOperator(admin)) },
		func() (wire.Put, error) { return t.vault.First(auditKeyPath(c.config.Node), seedOf(node)) },
	} {
		p, err := put()
		if err != nil {
			return nil, err
		}
		txn.Puts = append(txn.Puts, p)
	}
	if shares, err = c.sealRoot(by); err != nil {
		return nil, err
	}
	revision, err := c.host.Commit(txn)
	if err != nil {
		return nil, err
	}
	t.vault.Began(revision)
	t.keep(&member{admin, vault.Entry{ID: admin.ID, Path: operator.Path(t.id, admin.ID), Version: 1, Revision: revision}})
	return shares, c.open(t, node)
}

// sealRoot seals the root key to a keeper and takes away what other keepers had.
func (c *Core) sealRoot(by keeping) ([][]byte, error) {
	if by.keeper.ByPeers() {
		return nil, c.entrustPeers(by)
	}
	sealed, shares, err := c.sealFor(c.root, c.domain, by)
	if err != nil {
		return nil, err
	}
	if err := c.putRoot(by.keeper, sealed); err != nil {
		return nil, err
	}
	head, err := seal.ReadRootHead(sealed)
	c.setHead(head)
	return shares, err
}

// sealFor seals a root key for a keeper.
func (c *Core) sealFor(root ssp.Bytes, domain key.ID, by keeping) (sealed []byte, shares [][]byte, err error) {
	switch by.keeper {
	case seal.KeeperFile:
		var secret ssp.Bytes
		if secret, err = c.keeperSecret(); err != nil {
			return nil, nil, err
		}
		defer secret.Free()
		ssp.Do(func() { sealed, err = seal.SealRootToFile(root, secret, domain) })
	case seal.KeeperCustodians:
		ssp.Do(func() { sealed, shares, err = seal.SealRootToCustodians(root, domain, by.m, by.n) })
	case seal.KeeperTPM:
		secret, bound, failed := c.sealToTPM(by.pcrs)
		if failed != nil {
			return nil, nil, failed
		}
		defer secret.Free()
		ssp.Do(func() { sealed, err = seal.SealRootToTPM(root, secret, domain, bound) })
	default:
		err = fault.ArgumentsBad.At("choose keeper")
	}
	return sealed, shares, err
}

// putRoot keeps a sealed root and takes away what other keepers had. Where it takes other nodes or a TPM, the custodians stay:
// they are the way back when those are gone.
func (c *Core) putRoot(keeper seal.Keeper, sealed []byte) error {
	if _, err := c.host.Root(wire.RootPut, keeper.String(), sealed); err != nil {
		return err
	}
	for _, other := range keepers {
		if other == keeper || other == seal.KeeperCustodians && (keeper.ByPeers() || keeper.ByTPM()) {
			continue
		}
		if _, err := c.host.Root(wire.RootDestroy, other.String(), nil); err != nil {
			return err
		}
	}
	return nil
}

// keepers are all there are. A node whose keeper is the other nodes or a TPM may have the custodians' sealed root besides, so that
// comes last.
var keepers = []seal.Keeper{seal.KeeperPeersTPM, seal.KeeperPeers, seal.KeeperTPM, seal.KeeperFile, seal.KeeperCustodians}

// keeperSecret is what the keeper's file holds; a new one is drawn for a file that is empty.
func (c *Core) keeperSecret() (ssp.Bytes, error) {
	if secret, err := c.system.ReadKeeper(); err == nil {
		return secret, nil
	}
	secret, err := seal.NewKey()
	if err != nil {
		return secret, err
	}
	if err := c.system.WriteKeeper(secret); err != nil { // refuses a file that is not empty
		secret.Free()
		return ssp.Bytes{}, err
	}
	return secret, nil
}

// unlockByFile unlocks with the keeper's file. The caller holds change.
func (c *Core) unlockByFile() error {
	secret, err := c.system.ReadKeeper()
	if err != nil {
		return err
	}
	defer secret.Free()
	return c.unlock(seal.KeeperFile, secret)
}

// unlockByShare takes one custodian's share and answers how many are missing; with the last one the module unlocks. The
// caller holds change.
func (c *Core) unlockByShare(share []byte) (missing int, err error) {
	h := c.head
	if h.Keeper != seal.KeeperCustodians { // they can do what the other nodes or the TPM will not
		if h, err = seal.ReadRootHead(c.custodians()); err != nil {
			return 0, fault.ArgumentsBad.At("unlock with a share: the root key has no custodians here")
		}
	}
	secret, missing, err := c.gather(h, share)
	if err != nil || missing > 0 {
		return missing, err
	}
	defer secret.Free()
	return 0, c.unlock(seal.KeeperCustodians, secret)
}

// gather takes one share of the root with this head, and with the last one answers the keeper's secret.
func (c *Core) gather(head seal.RootHead, share []byte) (secret ssp.Bytes, missing int, err error) {
	c.mu.Lock()
	if c.gathering == nil {
		if c.gathering, err = seal.NewGathering(head); err != nil {
			c.mu.Unlock()
			return secret, 0, err
		}
	}
	g := c.gathering
	ssp.Do(func() { missing, err = g.Add(share) })
	c.mu.Unlock()
	if err != nil || missing > 0 {
		return secret, missing, err
	}
	secret, err = g.Secret()
	c.mu.Lock()
	g.Clear() // also when they do not open the root: one of them was not ours, and nobody can tell which
	c.gathering = nil
	c.mu.Unlock()
	return secret, 0, err
}

// unlock opens the root key with a keeper's secret, and then the rest.
func (c *Core) unlock(keeper seal.Keeper, secret ssp.Bytes) (err error) {
	sealed, err := c.host.Root(wire.RootGet, keeper.String(), nil)
	if err != nil {
		return err
	}
	var root ssp.Bytes
	ssp.Do(func() { root, err = seal.OpenRoot(sealed, secret) })
	if err != nil {
		return err
	}
	return c.unlockWith(root)
}

// unlockWith opens everything under a root key, which is the core's from here on.
func (c *Core) unlockWith(root ssp.Bytes) (err error) {
	var k ssp.Bytes
	defer func() {
		if err != nil {
			c.forget(root)
		}
	}()
	rec, err := c.host.Load(partitionPath(key.ID{}))
	if err != nil {
		return err
	}
	ssp.Do(func() { k, err = seal.UnwrapPartition(root, c.domain, key.ID{}, rec.Value) })
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.root = root
	c.mu.Unlock()
	t, err := c.openDomain(k)
	if err != nil {
		return err
	}
	node, err := c.nodeKey(t)
	if err != nil {
		t.close()
		return err
	}
	return c.open(t, node)
}

// forget takes back what an unlock that failed brought into memory: the module stays locked, and holds nothing.
func (c *Core) forget(root ssp.Bytes) {
	for _, t := range c.all() {
		c.dismiss(t)
		t.close()
	}
	c.mu.Lock()
	c.root, c.gate, c.auditKey = ssp.Bytes{}, nil, nil
	c.mu.Unlock()
	c.endCoherence()
	c.closeCluster()
	c.stopVouching()
	root.Free()
}

// domainInfo is what the domain has instead of a partition's record.
func domainInfo() *info {
	return &info{maxOperators: defaultOperators, initialized: true, label: "domain"}
}

// openDomain reads the domain's own ledger and operators.
func (c *Core) openDomain(k ssp.Bytes) (*tenant, error) {
	i := domainInfo()
	ssp.Do(func() { i.wrapped, _ = seal.WrapPartition(c.root, c.domain, key.ID{}, k) }) // so that it opens like the others
	k.Free()
	t, err := c.openTenant(i, vault.Entry{})
	if err == nil {
		c.mu.Lock()
		c.birth = t.vault.Incarnation()
		c.mu.Unlock()
	}
	return t, err
}

// nodeKey reads this node's audit key, or makes one for a node that is new to the domain.
func (c *Core) nodeKey(t *tenant) (k *audit.Key, err error) {
	path := auditKeyPath(c.config.Node)
	_, err = t.vault.Read(path, c.config.Node, func(plain []byte) (err error) {
		k, err = audit.KeyFromSeed(plain)
		return err
	})
	if fault.Of(err) != fault.RecordUnknown {
		return k, err
	}
	if k, err = audit.NewKey(); err != nil {
		return nil, err
	}
	_, err = t.vault.Add(path, c.config.Node, seedOf(k))
	return k, err
}

func seedOf(k *audit.Key) func() []byte {
	return func() (seed []byte) {
		k.Seed().Use(access.Token{}, func(p []byte) { seed = append(seed, p...) })
		return seed
	}
}

// open makes the module operational: the domain is there, the other partitions are read.
func (c *Core) open(domain *tenant, node *audit.Key) error {
	gate, err := operator.NewGate(&charger{c})
	if err != nil {
		return err
	}
	if err := c.openCluster(domain); err != nil {
		return err
	}
	tenants := []*tenant{domain}
	records, err := c.host.List(partitionPrefix)
	if err != nil {
		return err
	}
	for _, rec := range records {
		id, ok := key.ParseID(rec.Path[len(partitionPrefix):])
		if ok && id.IsZero() {
			continue
		}
		var i *info
		e, err := domain.vault.Take(rec, id, func(plain []byte) (err error) {
			i, err = decodeInfo(plain)
			return err
		})
		if err != nil || i.id != id {
			continue // reported by Take; the others go on
		}
		t, err := c.openTenant(i, e)
		if err != nil {
			c.alarm(rec.Path, err)
			continue
		}
		tenants = append(tenants, t)
	}
	c.mu.Lock()
	c.gate, c.auditKey = gate, node
	c.mu.Unlock()
	for _, t := range tenants {
		c.admit(t)
	}
	if err := c.beginCoherence(domain); err != nil {
		return err
	}
	if err := c.log.SetSigner(node, c.system.Now()); err != nil {
		return err
	}
	c.setState(wire.StateOperational)
	return nil
}

// erase destroys every secret in memory and ends the process: the next core of this host starts locked. The host is given
// a moment to take the last entries of the audit log, and no more: it shall not keep secrets alive by not answering.
func (c *Core) erase(code int) {
	end := sync.OnceFunc(func() {
		process.Ending(code)
		ssp.ZeroizeAll()
		c.system.Exit(code)
	})
	c.system.After(lastEntriesTime, end)
	c.log.Close(c.system.Now())
	end()
}

// lastEntriesTime is long for a disk and short for whoever waits for a zeroization.
const lastEntriesTime = 3_000_000_000

func randomID() (id key.ID) {
	rand.Read(id[:])
	return id
}
