// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"slices"

	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// cursor is a search under way (C_FindObjectsInit). It keeps no object: session objects by handle, token objects by the
// id where it stands, so a search over a million objects costs what its batches cost. Session objects come first, then
// the built-in ones, then those of the store in the order of their ids.
type cursor struct {
	match   object.Template
	session []uint64 // handles of session objects that are still to be looked at
	builtIn []*object.Object
	query   wire.Query
	after   key.ID
	done    bool // no more token objects
}

// find is C_FindObjectsInit with the first C_FindObjects.
func find(c *channel) error {
	id := c.r.U64()
	t, err := template(&c.r)
	most := c.r.U64()
	if err := c.end(err); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	q, empty := queryOf(v.partition, t)
	x := &cursor{match: cloneTemplate(t), query: q, done: empty}
	v.app.mu.Lock()
	for h, o := range v.app.objects {
		if o.partition == v.partition && o.object.Matches(t) {
			x.session = append(x.session, h)
		}
	}
	v.app.mu.Unlock()
	slices.Sort(x.session)
	x.builtIn = builtIn
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cursor = x
	return c.batch(v, most)
}

// findNext is C_FindObjects.
func findNext(c *channel) error {
	id, most := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cursor == nil {
		return fault.OperationNotActive.At("find on")
	}
	return c.batch(v, most)
}

// findEnd is C_FindObjectsFinal.
func findEnd(c *channel) error {
	id := c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cursor == nil {
		return fault.OperationNotActive.At("end find")
	}
	v.cursor = nil
	return nil
}

// batch answers up to most objects of the session's cursor. The caller holds v.mu.
func (c *channel) batch(v view, most uint64) error {
	x, n := v.cursor, int(min(most, maxFindBatch))
	more := len(c.w.B)
	c.w.Bool(true)
	count := len(c.w.B)
	c.w.U32(0)
	found := 0
	give := func(o *object.Object) {
		if found < n && policy.Visible(v.who(), o) && o.Matches(x.match) {
			o.Summary(c.w)
			found++
		}
	}
	for found < n && len(x.session) > 0 {
		if r, err := v.find(x.session[0]); err == nil { // gone meanwhile otherwise
			give(r.Object)
		}
		x.session = x.session[1:]
	}
	for found < n && len(x.builtIn) > 0 {
		give(x.builtIn[0])
		x.builtIn = x.builtIn[1:]
	}
	for found < n && !x.done {
		page, rest, err := v.tokens.Find(x.query, x.after, min(findPage, n-found))
		if err != nil {
			v.cursor = nil
			return err
		}
		for _, o := range page {
			x.after = o.ID
			give(o)
		}
		x.done = !rest || len(page) == 0
	}
	c.w.B[more] = 0
	if len(x.session) > 0 || len(x.builtIn) > 0 || !x.done {
		c.w.B[more] = 1
	}
	h := wire.Writer{B: c.w.B[count:count]}
	h.U32(uint32(found))
	return nil
}

// queryOf says what of a template the index can look up; empty when no token object can match at all.
func queryOf(partition key.ID, t object.Template) (q wire.Query, empty bool) {
	q.Partition = partition
	q.Label, _ = t.Find(key.AttrLabel)
	q.ID, _ = t.Find(key.AttrID)
	q.Label, q.ID = bytes.Clone(q.Label), bytes.Clone(q.ID)
	if n, ok := t.ULong(key.AttrClass); ok {
		class := key.Class(n)
		q.Class = &class
	}
	if n, ok := t.ULong(key.AttrKeyType); ok {
		typ := key.Type(n)
		q.KeyType = &typ
	}
	if v, ok := t.Find(key.AttrUniqueID); ok {
		id, ok := key.ParseID(string(v))
		if !ok {
			return q, true
		}
		q.Object = &id
	}
	return q, !t.Bool(key.AttrToken, true)
}

func cloneTemplate(t object.Template) object.Template {
	t = slices.Clone(t)
	for i := range t {
		t[i].Value = bytes.Clone(t[i].Value)
	}
	return t
}
