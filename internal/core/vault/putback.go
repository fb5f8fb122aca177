// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Outcome of putting one object back.
type Outcome uint8

const (
	PutUnknown Outcome = iota
	PutSame            // it is as it was
	PutMade            // it was never here
	PutChanged         // it was here in another state
	PutRevived         // it had been destroyed, or was lost
)

const (
	atOnce   = maxBatch // changes under way together share a Txn
	putTries = 8        // somebody else may change the object meanwhile
	putBytes = 512 << 10
)

// Keep takes an object out of the plaintext of its record and puts its material to rest. Called inside ssp.Do.
func (p *Partition) Keep(plain []byte) (o *object.Object, err error) {
	o, m, err := object.Decode(plain)
	if err != nil {
		return nil, err
	}
	o.Resting, err = p.rest.Seal(m.Secret, o.ID[:])
	return o, err
}

// Compare tells what PutBack would do with an object that Keep answered; old is what is here, nil when nothing is.
func (p *Partition) Compare(o *object.Object) (what Outcome, old *object.Object, err error) {
	if _, gone := p.ledger.Expect(o.ID); gone {
		return PutRevived, nil, nil
	}
	old, err = p.LoadID(o.ID)
	switch code := fault.Of(err); {
	case code == fault.OK && p.alike(old, o):
		return PutSame, old, nil
	case code == fault.OK:
		return PutChanged, old, nil
	case code == fault.ObjectUnknown && p.ledger.Has(o.ID):
		return PutRevived, nil, nil
	case code == fault.ObjectUnknown:
		return PutMade, nil, nil
	}
	return PutUnknown, nil, err
}

// PutBack makes objects that Keep answered what they were: under their ids, whatever has become of them here. Their material is
// never changed, so one that is here keeps its own. Some may be done when it fails; doing it again is harmless.
func (p *Partition) PutBack(list []*object.Object) ([]Outcome, error) {
	done := make([]Outcome, len(list))
	var fresh, rest []int
	for i, o := range list {
		what, _, err := p.Compare(o)
		if err != nil {
			return nil, err
		}
		switch done[i] = what; what {
		case PutMade:
			fresh = append(fresh, i)
		case PutChanged, PutRevived:
			rest = append(rest, i)
		}
	}
	if err := p.makeAgain(list, fresh); err != nil {
		return nil, err
	}
	var late error
	return done, p.Each(len(rest), func(n int) error {
		i := rest[n]
		what, err := p.putBack(list[i])
		done[i] = what
		return err
	}, &late)
}

// Each runs do for 0 to n-1, some at once, and answers the first error that is none of InForceLater; that one is last.
func (p *Partition) Each(n int, do func(i int) error, late *error) error {
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i := range n {
		room <- struct{}{}
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop {
			break
		}
		wg.Go(func() {
			defer func() { <-room }()
			if err := do(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if Done(err) {
					*late = err
				} else if failed == nil {
					failed = err
				}
			}
		})
	}
	wg.Wait()
	if failed == nil {
		failed = *late
	}
	return failed
}

// makeAgain commits objects of which nothing is known here, as first versions, in Txns of a size that the store takes.
func (p *Partition) makeAgain(list []*object.Object, fresh []int) error {
	txn, size := &wire.Txn{}, 0
	var made []*object.Object
	flush := func() error {
		if len(made) == 0 {
			return nil
		}
		revision, err := p.host.Commit(txn)
		if err != nil {
			return err
		}
		for _, o := range made {
			p.cache.put(&held{object: o, revision: revision})
		}
		p.count.Add(int64(len(made)))
		txn, size, made = &wire.Txn{}, 0, nil
		return nil
	}
	for _, i := range fresh {
		o := *list[i]
		o.Version = 1
		put, err := p.sealRested(&o)
		if err != nil {
			return err
		}
		if size += len(put.Path) + len(put.Value); len(made) == atOnce || len(made) > 0 && size > putBytes {
			if err := flush(); err != nil {
				return err
			}
			size = len(put.Path) + len(put.Value)
		}
		txn.Compares, txn.Puts = append(txn.Compares, wire.Compare{Path: put.Path}), append(txn.Puts, put)
		made = append(made, &o)
	}
	return flush()
}

// putBack changes or revives one object.
func (p *Partition) putBack(o *object.Object) (what Outcome, err error) {
	for range putTries {
		var old *object.Object
		if what, old, err = p.Compare(o); err != nil {
			return what, err
		}
		switch what {
		case PutSame:
			return what, nil
		case PutChanged:
			_, err = p.Update(old, o)
		case PutRevived:
			err = p.revive(o)
		case PutMade:
			err = p.makeAgain([]*object.Object{o}, []int{0})
		}
		if fault.Of(err) != fault.Conflict {
			return what, err
		}
	}
	return what, err
}

// revive commits an object that the ledger knows and the store has not.
func (p *Partition) revive(o *object.Object) error {
	next := *o
	s := &step{id: o.ID, path: ObjectPath(p.ID, o.ID)}
	s.again = func(version uint64) (wire.Put, error) {
		next.Version = version
		return p.sealRested(&next)
	}
	revision, err := p.move(s)
	if Done(err) {
		p.count.Add(1)
		if revision != 0 {
			kept := next
			p.cache.put(&held{object: &kept, revision: revision})
		}
	}
	return err
}

// sealRested seals an object in the version that it says, with the material that rests beside it.
func (p *Partition) sealRested(o *object.Object) (put wire.Put, err error) {
	put = wire.Put{Path: ObjectPath(p.ID, o.ID), Meta: o.Meta(p.ID)}
	ssp.Do(func() {
		var secret []byte
		if secret, err = p.rest.Open(o.Resting, o.ID[:]); err != nil {
			return
		}
		defer clear(secret)
		var w wire.Writer
		o.Encode(&w, o.Material(secret))
		defer clear(w.B)
		put.Value, err = seal.Record(p.key, p.domain, put.Path, o.Version, w.B)
	})
	return put, err
}

// Away destroys an object that a restore takes back, or changes it into what instead answers, when that is not nil. One that is
// gone already is as it shall be.
func (p *Partition) Away(id key.ID, instead func(*object.Object) (*object.Object, error)) (err error) {
	for range putTries {
		var o *object.Object
		if o, err = p.LoadID(id); fault.Of(err) == fault.ObjectUnknown {
			return nil
		}
		if err != nil {
			return err
		}
		if instead == nil {
			err = p.Destroy(o)
		} else {
			var next *object.Object
			if next, err = instead(o); err == nil && next != nil {
				_, err = p.Update(o, next)
			}
		}
		if code := fault.Of(err); code != fault.Conflict && code != fault.ObjectUnknown {
			return err
		}
	}
	return err
}
