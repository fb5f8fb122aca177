// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Between clones of a domain objects move as sealed records, and are compared by digest.

// replicaGive answers the record of an object to its owner, or an admin. It is as good as what lies in the store: ciphertext.
func (m *manager) replicaGive() error {
	session, handle := m.r.U64(), m.r.U64()
	if err := m.r.End(); err != nil {
		return err
	}
	o, token, who, err := m.at.Object(session, handle)
	if err != nil {
		return err
	}
	if who == nil {
		return m.refuse(fault.NotLoggedIn.At("replicate object"))
	}
	m.who = *who
	if !o.Token() {
		return fault.ActionProhibited.At("replicate object: it is a session object")
	}
	if err := policy.Replicate(policyIdentity(who), o); err != nil {
		return m.refuse(err)
	}
	t, err := m.core.tenant(token.Slot)
	if err != nil {
		return err
	}
	record, err := t.vault.Sealed(o)
	if err := m.didObject(t, o.ID, "replica given", err); err != nil {
		return err
	}
	m.w.Bytes(t.id[:])
	m.w.Bytes(o.ID[:])
	m.w.Bytes(record)
	return nil
}

// replicaTake commits an object from a clone.
func (m *manager) replicaTake() error {
	m.r.U64() // the session says which channel asks; the login is that of the partition named
	var partition, id key.ID
	ok := copy(partition[:], m.r.Bytes()) == len(partition) && copy(id[:], m.r.Bytes()) == len(id)
	record := append([]byte{}, m.r.Bytes()...)
	if err := m.r.End(); err != nil || !ok {
		return fault.Malformed.At("take object")
	}
	t, err := m.core.tenantByID(partition)
	if err != nil || partition.IsZero() {
		return fault.PartitionUnknown
	}
	who := m.at.Who(t.settings().slot)
	if who == nil {
		return m.refuse(fault.NotLoggedIn.At("take object"))
	}
	m.who = *who
	if i := t.settings(); uint64(t.vault.Count()) >= i.maxObjects {
		return fault.QuotaExceeded.At("take object")
	}
	o, outcome, err := t.vault.TakeSealed(id, record, func(o *object.Object) error { return policy.Replicate(policyIdentity(who), o) })
	if err := m.didObject(t, id, "replica taken", err); err != nil {
		return err
	}
	m.w.U64(o.Handle())
	m.w.U64(outcome)
	return nil
}

func (m *manager) didObject(t *tenant, id key.ID, text string, err error) error {
	e := m.entry(t, wire.AuditKey, text, err)
	e.Object = id
	if failed := m.core.log.Append(e, true); err == nil {
		err = failed
	}
	return err
}

// digestPage bounds the records of one answer.
const digestPage = 1000

// recordDigests answers, page by page, the digests of what a partition holds: objects, operators and whatever else people put
// there; not the change log and head, which each clone has of its own.
func (m *manager) recordDigests() error {
	var partition key.ID
	ok := copy(partition[:], m.r.Bytes()) == len(partition)
	after, most := m.r.String(), m.r.U64()
	if err := m.r.End(); err != nil || !ok {
		return fault.Malformed.At("digest records")
	}
	t, err := m.core.tenantByID(partition)
	if err != nil {
		return err
	}
	prefix := "r/" + partition.String() + "/"
	page, err := m.core.host.Page(prefix, after, uint32(min(max(most, 1), digestPage)))
	if err != nil {
		return err
	}
	root, _ := m.core.rootKey()
	n := uint32(0)
	var list wire.Writer
	for _, rec := range page.Records {
		kind := strings.TrimPrefix(rec.Path, prefix)
		digest := [vault.DigestLen]byte{} // of what is no content: zeros, so that the page can go on from its path
		if kind != "h" && !strings.HasPrefix(kind, "c/") && !strings.HasPrefix(kind, "a/") {
			if digest, err = t.vault.Digest(root, rec); err != nil {
				return err
			}
		}
		list.String(rec.Path)
		list.Bytes(digest[:])
		n++
	}
	more := uint8(0)
	if page.More {
		more = 1
	}
	m.w.U8(more)
	m.w.U32(n)
	m.w.Raw(list.B)
	return nil
}
