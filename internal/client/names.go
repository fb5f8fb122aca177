// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// The calls of docs/design/names.md: keys, secrets and certificates by name and version, as the web doors have them.

// Named is one version of a name.
type Named struct {
	Name    string
	Version string // 32 hex digits
	Handle  uint64
	Values  []Value // of the attributes asked for, in their order
}

// Value finds an attribute among those that were asked for; the zero Value when it was not, or is not there.
func (n Named) Value(t key.Attr) Value {
	for _, v := range n.Values {
		if v.Type == t && v.Status == Given {
			return v
		}
	}
	return Value{}
}

// List says which names, or versions of a name, are wanted.
type List struct {
	Group   key.Group
	Deleted bool   // those that were deleted and can still be recovered
	Name    string // empty: the current version of each name in the order of names; else the versions of one, newest first
	After   []byte // what the page before answered; nil for the first
	Most    int
}

// Names answers one page with the attributes asked for; after is nil when there is no other. A page may be shorter than
// Most, even empty, although more follow.
func (s *Session) Names(l List, types ...key.Attr) (list []Named, after []byte, err error) {
	err = s.conn.call(wire.CallNameList, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(l.Group))
		w.U64(bit(l.Deleted))
		w.String(l.Name)
		w.Bytes(l.After)
		w.U64(uint64(l.Most))
		putTypes(w, types)
	}, func(r *wire.Reader) {
		if b := r.Bytes(); len(b) > 0 {
			after = keep(b)
		}
		for range r.Count(20) {
			list = append(list, named(r))
		}
	})
	return list, after, err
}

// Name answers one version of a name, or its current one where version is empty. ObjectUnknown when there is none.
func (s *Session) Name(group key.Group, name, version string, deleted bool, types ...key.Attr) (n Named, err error) {
	err = s.conn.call(wire.CallNameGet, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(group))
		w.U64(bit(deleted))
		w.String(name)
		w.String(version)
		putTypes(w, types)
	}, func(r *wire.Reader) { n = named(r) })
	return n, err
}

func named(r *wire.Reader) Named { return Named{r.String(), r.String(), r.U64(), values(r)} }

func putTypes(w *wire.Writer, types []key.Attr) {
	w.U32(uint32(len(types)))
	for _, t := range types {
		w.U64(uint64(t))
	}
}

func (s *Session) onName(call wire.Call, group key.Group, name string) error {
	return s.conn.call(call, func(w *wire.Writer) {
		w.U64(s.ID)
		w.U64(uint64(group))
		w.String(name)
	}, nil)
}

// DeleteName deletes every version of a name, so that it can be recovered until its purge date.
func (s *Session) DeleteName(group key.Group, name string) error {
	return s.onName(wire.CallNameDelete, group, name)
}

// RecoverName takes a deletion back.
func (s *Session) RecoverName(group key.Group, name string) error {
	return s.onName(wire.CallNameRecover, group, name)
}

// PurgeName destroys every version of a deleted name. ActionProhibited where the partition has purge protection.
func (s *Session) PurgeName(group key.Group, name string) error {
	return s.onName(wire.CallNamePurge, group, name)
}

// BackupName answers every version of a name, sealed for this security domain.
func (s *Session) BackupName(group key.Group, name string) (blob []byte, err error) {
	return s.bytes(wire.CallNameBackup, func(w *wire.Writer) {
		w.U64(uint64(group))
		w.String(name)
	})
}

// RestoreName makes again what BackupName sealed and answers its name. NameTaken when there is one already.
func (s *Session) RestoreName(group key.Group, blob []byte) (name string, err error) {
	b, err := s.bytes(wire.CallNameRestore, func(w *wire.Writer) {
		w.U64(uint64(group))
		w.Bytes(blob)
	})
	return string(b), err
}
