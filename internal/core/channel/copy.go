// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"maps"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/ssp"
)

// copy makes what a forked child is to have: sessions, logins, session objects and operations as they stand, with the
// handles and numbers they have, from then on its own (CKF_INTERFACE_FORK_SAFE). It is nil when the application was
// dropped meanwhile.
//
// Immutable parts (logins, objects, sealed material) are shared. Operations that cannot be copied, encryption above all,
// are not there in the child: two continuations of one cipher stream would break it.
func (a *application) copy() *application {
	b := newApplication(a.owner)
	a.mu.Lock()
	if a.gone {
		a.mu.Unlock()
		return nil
	}
	for slot, l := range a.logins {
		b.logins[slot] = l
	}
	maps.Copy(b.ended, a.ended)
	for h, o := range a.objects {
		b.objects[h] = &held{object: o.object, slot: o.slot, partition: o.partition}
	}
	sessions := make([]*session, 0, len(a.sessions))
	for _, x := range a.sessions {
		sessions = append(sessions, x)
	}
	a.mu.Unlock()
	for _, x := range sessions { // without a.mu: a part of an operation may be running in x
		b.sessions[x.id] = x.copy()
	}
	return b
}

func (x *session) copy() *session {
	y := &session{id: x.id, slot: x.slot, partition: x.partition, rw: x.rw, tokens: x.tokens}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cursor != nil {
		c := *x.cursor
		c.session = slices.Clone(c.session)
		y.cursor = &c
	}
	for how, o := range x.ops {
		if o != nil {
			ssp.Do(func() { y.ops[how] = o.copy() })
		}
	}
	return y
}

// copy is nil when the operation cannot be copied.
func (o *operation) copy() *operation {
	n := *o
	running := any(o.op)
	if o.verifier != nil {
		running = o.verifier
	}
	c, ok := running.(mech.Cloner)
	if !ok {
		return nil
	}
	copied, err := c.CloneOp()
	if err != nil {
		return nil
	}
	if o.verifier != nil {
		n.verifier, ok = copied.(mech.Verifier)
	} else {
		n.op, ok = copied.(mech.Op)
	}
	if !ok {
		return nil
	}
	return &n
}
