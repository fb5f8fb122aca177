// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// own is a Txn of our core that is under way, or answered and not yet seen in the watch.
type own struct{ txn *wire.Txn }

// meta is what the core said the record at path would be; nil if it said nothing.
func (o *own) meta(path string) *wire.Meta {
	for i := range o.txn.Puts {
		if o.txn.Puts[i].Path == path {
			return o.txn.Puts[i].Meta
		}
	}
	return nil
}

// matches tells whether the event is o's doing. Two Txns never write the same bytes, since every record is sealed with a
// salt of its own; so a Meta is only ever believed of the very record that it came with.
func (o *own) matches(e *store.Event) bool {
	if e.Deleted {
		return slices.Contains(o.txn.Deletes, e.Path)
	}
	for i := range o.txn.Puts {
		if p := &o.txn.Puts[i]; p.Path == e.Path {
			return bytes.Equal(p.Value, e.Value)
		}
	}
	return false
}

func (o *own) paths(visit func(path string)) {
	for i := range o.txn.Puts {
		visit(o.txn.Puts[i].Path)
	}
	for _, path := range o.txn.Deletes {
		visit(path)
	}
}

// begin notes a Txn before the store gets it, since the watch may show it before the store has answered. It returns nil
// while nobody follows the watch.
func (f *feed) begin(t *wire.Txn) *own {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run == nil {
		return nil
	}
	o := &own{t}
	o.paths(func(path string) { f.owns[path] = append(f.owns[path], o) })
	return o
}

// end takes in the store's answer. After an error the Txn is forgotten: should it have happened all the same, it is
// taken for somebody else's, which is slower and just as right.
func (f *feed) end(o *own, revision int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.answers = max(f.answers, revision)
	}
	switch {
	case o == nil:
	case f.run == nil || err != nil || f.x != nil && revision <= f.applied:
		f.forget(o)
	default:
		f.settled[revision] = append(f.settled[revision], o)
	}
}

// settle forgets what the index shows up to a revision; the caller holds mu. A handful is waiting at any time.
func (f *feed) settle(at int64) {
	for revision, list := range f.settled {
		if revision <= at {
			for _, o := range list {
				f.forget(o)
			}
			delete(f.settled, revision)
		}
	}
}

// forget takes o out; the caller holds mu.
func (f *feed) forget(o *own) {
	o.paths(func(path string) {
		left := slices.DeleteFunc(f.owns[path], func(other *own) bool { return other == o })
		if len(left) == 0 {
			delete(f.owns, path)
		} else {
			f.owns[path] = left
		}
	})
}

func (f *feed) ownOf(e *store.Event) *own {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.owns[e.Path] {
		if o.matches(e) {
			return o
		}
	}
	return nil
}
