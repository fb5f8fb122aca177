// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Names answers the objects that the index proposes for q, and q moved on behind them. Like Find it leaves out what is
// refused. That an object is what was asked for, the caller looks at the object; that none is missing, and which is the
// newest, is the index's word.
func (p *Partition) Names(q wire.FindNamesRequest) ([]*object.Object, wire.FindNamesRequest, bool, error) {
	q.Partition = p.ID
	hits, more, err := p.host.FindNames(q)
	if err != nil {
		return nil, q, false, err
	}
	found := make([]*object.Object, 0, len(hits))
	for _, h := range hits {
		q.After, q.AfterCreated, q.AfterObject = h.Label, h.Created, h.Object
		o, err := p.LoadID(h.Object)
		switch fault.Of(err) {
		case fault.OK:
			found = append(found, o)
		case fault.ObjectUnknown, fault.RecordInvalid, fault.RecordOld, fault.RecordRevived, fault.HeadOld, fault.Conflict, fault.OutcomeUnknown:
		default:
			return nil, q, false, err
		}
	}
	return found, q, more && len(hits) > 0, nil
}
