// SPDX-License-Identifier: Apache-2.0

package core

import (
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Flags of a partition's policy, as management calls number them.
const (
	flagInitToken uint64 = 1 // C_InitToken and C_InitPIN may work on it
	flagUIDLogin  uint64 = 2 // operators may log in by the uid that the host asserts
	flagAuditEach uint64 = 4 // every use of a key is an entry of its own
	flagVault     uint64 = 8 // it is a vault of the web doors; set when it is made, as is the next
	flagManaged   uint64 = 16
	kindFlags            = flagVault | flagManaged
	allFlags             = flagInitToken | flagUIDLogin | flagAuditEach | kindFlags
)

// Names of the operators that PKCS #11's two user types mean when no name is given.
const (
	nameAdmin   = "admin" // of the domain
	nameOfficer = "so"
	nameUser    = "user"
)

// Quotas of a new partition.
const (
	defaultObjects   = 2_000_000 // etcd is comfortable with some millions of records
	defaultOperators = 1000
	maxLabel         = 32 // CK_TOKEN_INFO has room for 32 bytes
)

// info is the plaintext of a partition's record, but for its key.
type info struct {
	id           key.ID
	slot         uint64
	label        string
	flags        uint64
	maxObjects   uint64
	maxOperators uint64
	initialized  bool   // has a security officer's PIN
	wrapped      []byte // the partition key under the root key
	retention    uint64 // days that what is deleted can be recovered; 0: it is destroyed
	protected    bool   // and nobody purges it before
	deleted      int64  // when the whole partition was deleted, in unix seconds; 0 while it lives
}

const infoVersion = 3 // 1 ended with the key, 2 with protected

func (i *info) encode() []byte {
	var w wire.Writer
	w.U8(infoVersion)
	w.PutID(i.id)
	w.U64(i.slot)
	w.String(i.label)
	w.U64(i.flags)
	w.U64(i.maxObjects)
	w.U64(i.maxOperators)
	w.Bool(i.initialized)
	w.Bytes(i.wrapped)
	w.U64(i.retention)
	w.Bool(i.protected)
	w.U64(uint64(i.deleted))
	return w.B
}

func decodeInfo(b []byte) (*info, error) {
	r := wire.NewReader(b)
	i := &info{}
	version := r.U8()
	if version == 0 || version > infoVersion {
		r.Fail()
	}
	i.id, i.slot, i.label, i.flags = r.ID(), r.U64(), r.String(), r.U64()
	i.maxObjects, i.maxOperators, i.initialized = r.U64(), r.U64(), r.Bool()
	i.wrapped = append([]byte{}, r.Bytes()...)
	if version > 1 {
		i.retention, i.protected = r.U64(), r.Bool()
	}
	if version > 2 {
		i.deleted = int64(r.U64())
	}
	if r.End() != nil || len(i.label) > maxLabel {
		return nil, fault.RecordInvalid.At("read partition")
	}
	return i, nil
}

func partitionPath(id key.ID) string { return "p/" + id.String() }

const partitionPrefix = "p/"

// tenant is one partition in memory: slot 0 is the domain itself.
type tenant struct {
	id    key.ID
	key   ssp.Bytes
	vault *vault.Partition

	mu        sync.RWMutex
	info      *info              // guarded by mu; replaced, never changed
	entry     vault.Entry        // guarded by mu: where info rests
	operators map[key.ID]*member // guarded by mu
	access    *charter           // guarded by mu: roles and assignments; replaced, never changed
	accessAt  vault.Entry        // guarded by mu: where access rests; without a path while it has no record

	limits map[key.ID]*policy.Limits // guarded by mu: of those who asked for them; follow access

	stale atomic.Bool // something that others changed could not be read, and is not served until it can
}

// member is an operator with the place of its record; replaced, never changed.
type member struct {
	*operator.Operator
	entry vault.Entry
}

func (t *tenant) settings() *info {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.info
}

// setInfo keeps the settings, unless newer ones are there already.
func (t *tenant) setInfo(i *info, e vault.Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Version >= t.entry.Version {
		t.info, t.entry = i, e
	}
}

func (t *tenant) member(id key.ID) *member {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.operators[id]
}

// named finds an operator by name; nil when there is none.
func (t *tenant) named(name string) *member {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, m := range t.operators {
		if m.Name == name {
			return m
		}
	}
	return nil
}

func (t *tenant) members() []*member {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*member, 0, len(t.operators))
	for _, m := range t.operators {
		list = append(list, m)
	}
	return list
}

// keep keeps an operator, unless a newer version of it is there already.
func (t *tenant) keep(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.operators[m.ID]; old == nil || m.entry.Version >= old.entry.Version {
		t.operators[m.ID] = m
	}
}

func (t *tenant) lose(id key.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.operators, id)
}

// settle commits the next version of an operator's record and keeps it. When that is not what is stored any more, or nobody
// could say, the record is read anew: the next attempt begins from there.
func (t *tenant) settle(old *member, next *operator.Operator) error {
	_, err := t.vault.ChangeThen(old.entry, encodeOperator(next), func(e vault.Entry) { t.keep(&member{next, e}) })
	return t.settled(old, err)
}

// charge is settle for the tries charged, which a majority of the nodes has to know.
func (t *tenant) charge(old *member, next *operator.Operator) error {
	_, err := t.vault.Tally(old.entry, encodeOperator(next), func(e vault.Entry) { t.keep(&member{next, e}) })
	return t.settled(old, err)
}

func (t *tenant) settled(old *member, err error) error {
	switch fault.Of(err) {
	case fault.Conflict, fault.OutcomeUnknown:
		t.reread(old)
	}
	return err
}

// reread keeps an operator as the store has it.
func (t *tenant) reread(old *member) {
	var op *operator.Operator
	e, err := t.vault.Read(old.entry.Path, old.ID, func(plain []byte) (err error) {
		op, err = operator.Decode(plain)
		return err
	})
	switch {
	case err == nil && op.ID == old.ID && op.Partition == t.id:
		t.keep(&member{op, e})
	case fault.Of(err) == fault.RecordUnknown:
		t.lose(old.ID)
	}
}

// add commits a new operator and keeps it. Conflict when others have changed the partition since the caller looked whether
// the name is free.
func (t *tenant) add(o *operator.Operator) error {
	_, err := t.vault.Introduce(operator.Path(t.id, o.ID), o.ID, encodeOperator(o), nil, func(e vault.Entry) { t.keep(&member{o, e}) })
	return err
}

// remove destroys an operator's record and forgets the operator.
func (t *tenant) remove(m *member) error {
	err := t.vault.RemoveThen(m.entry, func() { t.lose(m.ID) })
	if code := fault.Of(err); code == fault.Conflict || code == fault.OutcomeUnknown {
		t.reread(m)
	}
	return err
}

func encodeOperator(o *operator.Operator) func() []byte {
	return func() []byte {
		var w wire.Writer
		o.Encode(&w)
		return w.B
	}
}

// close forgets the tenant's key and objects.
func (t *tenant) close() {
	t.vault.Close()
	t.key.Free()
}

// openTenant unwraps a partition's key and reads its ledger and operators. Operators whose records are refused are
// reported and left out.
func (c *Core) openTenant(i *info, e vault.Entry) (*tenant, error) {
	var k ssp.Bytes
	var err error
	ssp.Do(func() { k, err = seal.UnwrapPartition(c.root, c.domain, i.id, i.wrapped) })
	if err != nil {
		return nil, err
	}
	t := c.newTenant(i, e, k)
	if err := t.vault.LoadLedger(); err != nil {
		t.close()
		return nil, err
	}
	records, err := c.host.List(operator.Prefix(t.id))
	if err != nil {
		t.close()
		return nil, err
	}
	for _, rec := range records {
		id, ok := key.ParseID(rec.Path[len(operator.Prefix(t.id)):])
		if !ok {
			c.alarm(rec.Path, fault.RecordInvalid.At("read operator's path"))
			continue
		}
		var op *operator.Operator
		entry, err := t.vault.Take(rec, id, func(plain []byte) (err error) {
			op, err = operator.Decode(plain)
			return err
		})
		if err == nil && op.ID == id && op.Partition == t.id {
			t.keep(&member{op, entry})
		}
	}
	return t, t.loadAccess()
}

func (c *Core) newTenant(i *info, e vault.Entry, k ssp.Bytes) *tenant {
	s := vault.Settings{Domain: c.domain, Host: c.host, Rest: c.rest, Fast: c.config.Fast, Alarm: c.alarm}
	t := &tenant{id: i.id, key: k, vault: vault.Open(s, i.id, k), info: i, entry: e, operators: map[key.ID]*member{},
		access: &charter{}, limits: map[key.ID]*policy.Limits{}}
	if !t.id.IsZero() { // the domain's own head says which incarnation this is
		c.mu.RLock()
		defer c.mu.RUnlock()
		t.vault.Bind(c.birth)
	}
	return t
}

// tenant answers the partition at a slot. One that was deleted is nobody's until it is recovered.
func (c *Core) tenant(slot uint64) (*tenant, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.tenants[slot]; t != nil && t.settings().deleted == 0 {
		return t, nil
	}
	return nil, fault.PartitionUnknown
}

func (c *Core) tenantByID(id key.ID) (*tenant, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.byID[id]; t != nil {
		return t, nil
	}
	return nil, fault.PartitionUnknown
}

// admit makes a tenant reachable, dismiss ends that.
func (c *Core) admit(t *tenant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slot := t.settings().slot
	c.tenants[slot], c.byID[t.id], c.topSlot = t, t, max(c.topSlot, slot)
}

func (c *Core) dismiss(t *tenant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tenants, t.settings().slot)
	delete(c.byID, t.id)
}

// alarm tells of a record that was refused: in the operator's log by name, and in the audit log.
func (c *Core) alarm(path string, err error) {
	c.host.Log(wire.LogWarn, 0, "record "+path+" is refused: "+err.Error())
	c.log.Append(wire.AuditEntry{Kind: wire.AuditAlarm, Time: c.system.Now(), Result: fault.Of(err), Text: path}, false)
}
