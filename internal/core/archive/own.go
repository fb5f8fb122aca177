// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Own takes the records of a node's own store as they rest, where a Reader takes those of a backup. Nobody vouches for them but the
// Follower: they are of one moment, and of this domain.
type Own struct {
	f     *Follower
	ended bool
}

// NewOwn begins.
func NewOwn(f *Follower) *Own { return &Own{f: f} }

// Take answers the next records as the Follower answers them.
func (o *Own) Take(records []wire.Record, last bool) (kept []wire.Record, err error) {
	if o.ended {
		return nil, fault.ArgumentsBad.At("take records: the last ones have come")
	}
	for _, rec := range records {
		if rec, err = o.f.Add(rec); err != nil {
			return nil, err
		}
		if !o.f.Drops(rec) {
			kept = append(kept, rec)
		}
	}
	o.ended = last
	return kept, nil
}

// End is called when all have come.
func (o *Own) End() error {
	if !o.ended {
		return fault.ArgumentsBad.At("end of records: some are missing")
	}
	return o.f.End()
}
