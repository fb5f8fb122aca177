// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// newID draws the id of an object.
func newID() (id key.ID) {
	for id.IsZero() {
		rand.Read(id[:])
	}
	return id
}

// rules is what making an object in this session needs from outside.
func (v view) rules() object.Rules {
	return object.Rules{Who: policy.Actor(v.who()), Owner: policy.Owner(v.who()), NewID: newID, Family: all.Family,
		Now: v.channel.module.Clock()}
}

// mayMake decides about an object that is to be.
func (v view) mayMake(o *object.Object) error {
	if p := o.ReleasePolicy(); p != nil {
		if err := policy.CheckRelease(p); err != nil {
			return err
		}
	}
	if err := policy.Write(v.rw, o.Token()); err != nil {
		return err
	}
	return policy.Create(v.who(), o)
}

// mayTry refuses, by a template alone, what mayMake would refuse after the work of generating a key. private is what the
// object is unless the template says otherwise.
func (v view) mayTry(t object.Template, private bool) error {
	token := t.Bool(key.AttrToken, false)
	if v.login == nil && (token || t.Bool(key.AttrPrivate, private)) {
		return fault.NotLoggedIn.At("make object")
	}
	return policy.Write(v.rw, token)
}

// keep makes objects exist: token objects in the store, durable on return and with their audit entries, session objects
// in the application. The caller is inside ssp.Do. Token objects go first, since only they can fail to fit.
func (c *channel) keep(v view, list ...NewObject) ([]*object.Object, error) {
	var tokens []NewObject
	for i := range list {
		n := &list[i]
		err := v.mayMake(n.Object)
		if n.Object.Token() && (err == nil || fault.Of(err) == fault.Denied) {
			var live bool
			var misplaced error
			n.Object, live, misplaced = c.place(v, n.Object)
			if misplaced != nil && err == nil {
				return nil, misplaced
			}
			if err != nil && live && policy.Rotate(v.who(), n.Object) == nil {
				err = nil
			}
		}
		if err != nil {
			return nil, err
		}
		if n.Object.Token() {
			tokens = append(tokens, *n)
		} else if n.Object.Session = v.id; n.Object.HasSecret() {
			if err := c.module.Rest(n.Object, n.Material.Secret); err != nil {
				return nil, err
			}
		}
	}
	var kept []*object.Object
	if len(tokens) > 0 {
		err := c.module.Leased() // what they were made with was used until now
		if err != nil {
			return nil, err
		}
		if kept, err = v.tokens.Create(v.whoever(), tokens); err != nil {
			return nil, err
		}
		for _, o := range kept {
			if err := c.committed(o.ID, nil); err != nil {
				return nil, err
			}
		}
	}
	out := make([]*object.Object, 0, len(list))
	for _, n := range list {
		if n.Object.Token() {
			out, kept = append(out, kept[0]), kept[1:]
			continue
		}
		if err := v.hold(n.Object); err != nil {
			return nil, err
		}
		out = append(out, n.Object)
	}
	return out, nil
}

// hold puts a session object into the application.
func (v view) hold(o *object.Object) error {
	a := v.app
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions[v.id] != v.session {
		return fault.SessionUnknown.At("keep session object")
	}
	if o.Private() && a.logins[v.slot] != v.login {
		return fault.NotLoggedIn.At("keep private session object") // logged out meanwhile
	}
	if len(a.objects) >= maxSessionObjects {
		return fault.QuotaExceeded.At("count session objects")
	}
	if a.objects[o.Handle()] != nil {
		return fault.Internal.At("draw the id of a session object")
	}
	a.objects[o.Handle()] = &held{object: o, slot: v.slot, partition: v.partition}
	return nil
}

// record writes the audit entry of a change to a token object.
func (c *channel) record(id key.ID) error {
	e := c.about
	e.Request, e.Peer, e.Call, e.Object = c.request, c.peer, c.row.call, id
	return c.module.Record(e)
}

// committed writes the audit entry of a change to a token object that was committed, if err says so. A change that is done
// and not in the log is of unknown outcome to the client: it must look, and not think that nothing happened.
func (c *channel) committed(id key.ID, err error) error {
	if err != nil && fault.Of(err) != fault.InForceLater {
		return err
	}
	c.changed = true
	if failed := c.record(id); failed != nil && err == nil {
		err = fault.OutcomeUnknown.At("note what was done: " + failed.Error())
	}
	return err
}

func (c *channel) answerObjects(list ...*object.Object) {
	c.w.U32(uint32(len(list)))
	for _, o := range list {
		o.Summary(c.w)
	}
}

// create is C_CreateObject.
func create(c *channel) error {
	id := c.r.U64()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	ssp.Do(func() {
		o, m, e := object.Create(t, v.rules())
		if err = e; err != nil {
			return
		}
		var list []*object.Object
		if list, err = c.keep(v, NewObject{o, m}); err == nil {
			c.answerObjects(list...)
		}
	})
	return err
}

// copyObject is C_CopyObject.
func copyObject(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	t, err := template(&c.r)
	if err := c.end(err); err != nil {
		return err
	}
	v, r, err := c.find(id, handle)
	if err != nil {
		return err
	}
	if err := policy.Copy(v.who(), r.Object); err != nil {
		return err
	}
	ssp.Do(func() {
		o, e := r.Copy(t, v.rules())
		if err = e; err != nil {
			return
		}
		err = c.material(v, r, func(m mech.Material) error {
			list, err := c.keep(v, NewObject{o, m})
			if err == nil {
				c.answerObjects(list...)
			}
			return err
		})
	})
	return err
}

// find is the beginning of every call about one object.
func (c *channel) find(session, handle uint64) (view, ref, error) {
	v, err := c.session(session)
	if err != nil {
		return view{}, ref{}, err
	}
	r, err := v.find(handle)
	if err == nil {
		c.about.Object = r.ID
	}
	return v, r, err
}

// template reads letter A. Its values are views into the request.
func template(r *wire.Reader) (object.Template, error) { return object.DecodeTemplate(r) }

// end is the end of a request that holds a template.
func (c *channel) end(err error) error {
	if err != nil {
		return err
	}
	return c.r.End()
}

// destroy is C_DestroyObject.
func destroy(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	v, r, err := c.find(id, handle)
	if err != nil {
		return err
	}
	if err := policy.Write(v.rw, r.Token()); err != nil {
		return err
	}
	if err := policy.Destroy(v.who(), r.Object); err != nil {
		return err
	}
	if r.held == nil {
		return c.committed(r.ID, c.remove(v, r.Object))
	}
	v.app.mu.Lock()
	defer v.app.mu.Unlock()
	if v.app.objects[handle] != r.held {
		return fault.ObjectUnknown.At("destroy object")
	}
	delete(v.app.objects, handle)
	return nil
}

func size(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	_, r, err := c.find(id, handle)
	if err == nil {
		c.w.U64(r.Size())
	}
	return err
}

func summary(c *channel) error {
	id, handle := c.r.U64(), c.r.U64()
	if err := c.r.End(); err != nil {
		return err
	}
	_, r, err := c.find(id, handle)
	if err == nil {
		c.answerObjects(r.Object)
	}
	return err
}
