// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/archive"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// maxUndone bounds the list that a restore answers: the message has 8 MiB, and people read some hundred lines.
const maxUndone = 20_000

// about tells what the record at a path is; false for change logs, heads and what people do not know by name.
func about(path string) (u wire.Undone, ok bool) {
	words := strings.Split(path, "/")
	if len(words) < 2 {
		return u, false
	}
	if u.Partition, ok = key.ParseID(words[1]); !ok {
		return u, false
	}
	switch {
	case len(words) == 2 && words[0] == "p":
		u.Kind, u.ID = wire.KindPartition, u.Partition
		return u, !u.ID.IsZero()
	case len(words) == 3 && words[2] == "access":
		u.ID = accessID
		return u, true
	case len(words) == 3 && words[2] == "domain":
		u.ID = hsmDomainID
		return u, true
	case len(words) != 4 || strings.Contains("c a n k j", words[2]): // logs, and what belongs to nodes: a restore begins with one
		return u, false
	case words[2] == "g":
		u.Kind = wire.KindAgent
	case words[2] == "o":
		u.Kind = wire.KindObject
	case words[2] == "u":
		u.Kind = wire.KindOperator
	}
	u.ID, ok = key.ParseID(words[3])
	return u, ok
}

// nameOf reads the name that people know a record by. owner is the partition whose key seals it.
func nameOf(f *archive.Follower, owner key.ID, u wire.Undone, rec wire.Record) (name []byte) {
	f.Open(owner, rec, func(plain []byte) {
		switch u.Kind {
		case wire.KindObject:
			if o, _, err := object.Decode(plain); err == nil {
				o.ID = u.ID
				name = append([]byte{}, o.Meta(u.Partition).Label...)
			}
		case wire.KindOperator:
			if o, err := operator.Decode(plain); err == nil {
				name = []byte(o.Name)
			}
		case wire.KindAgent:
			if a, err := membership.DecodeAgent(plain); err == nil {
				name = []byte(a.Name)
			}
		case wire.KindPartition:
			if i, err := decodeInfo(plain); err == nil {
				name = []byte(i.label)
			}
		default:
			switch u.ID {
			case accessID:
				name = []byte("roles and assignments")
			case hsmDomainID:
				name = []byte("security domain")
			}
		}
	})
	return append([]byte{}, name...)
}
