// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// ref is an object as a session found it: a token object, or a session object of its application.
type ref struct {
	*object.Object
	held *held // nil for token objects
}

// held is a session object. It belongs to its application; its Object is replaced, under the application's lock, when an
// attribute is set.
type held struct {
	object    *object.Object
	slot      uint64
	partition key.ID
	parsed    atomic.Pointer[mech.Key] // fast mode: the key as it was parsed at its first use
}

// builtIn are the objects that every token has and no store.
var builtIn = object.Profiles()

// find looks up a handle. What the session may not see is unknown to it, so that no handle can be probed; the audit log
// knows who tried.
func (v view) find(handle uint64) (ref, error) {
	if handle&key.SessionHandle == 0 {
		o, err := v.tokens.Load(handle)
		if fault.Of(err) == fault.ObjectUnknown {
			for _, b := range builtIn {
				if b.Handle() == handle {
					return ref{b, nil}, nil
				}
			}
		}
		// A key that its client could use a moment ago is there still: it is the login that has ended, for whatever reason, and a new
		// one may bring it back. Said of all handles alike, so that none can be probed.
		if v.ended && (fault.Of(err) == fault.ObjectUnknown || err == nil && !policy.Visible(nil, o)) {
			return ref{}, fault.NotLoggedIn.At("find object: the login was ended")
		}
		if err != nil {
			return ref{}, err
		}
		if !policy.Visible(v.who(), o) {
			v.channel.hidden = o.ID
			return ref{}, fault.ObjectUnknown.At("find object")
		}
		return ref{o, nil}, nil
	}
	v.app.mu.Lock()
	h := v.app.objects[handle]
	var o *object.Object
	if h != nil && h.partition == v.partition {
		o = h.object
	}
	v.app.mu.Unlock()
	if o == nil || !policy.Visible(v.who(), o) {
		return ref{}, fault.ObjectUnknown.At("find object")
	}
	return ref{o, h}, nil
}

// keyNamed finds a session and the key of a handle in it. The web doors give the key's name too: a handle that is another's is refused.
func (c *channel) keyNamed(id, handle uint64, name []byte) (v view, r ref, err error) {
	if v, err = c.session(id); err != nil {
		return v, r, err
	}
	if r, err = v.find(handle); err == nil && len(name) > 0 && string(name) != string(r.Label()) {
		err = fault.ObjectUnknown.At("compare name and key")
	}
	return v, r, err
}

// keyFor finds a key for a use that the mechanism, the key and the policy allow. unknown is the fault of this kind of
// call for a handle that is not a key's; proven says that the operation's own login (ALWAYS_AUTHENTICATE) was made, or
// will be asked for before it goes on.
func (c *channel) keyFor(v view, handle uint64, row *mech.Row, how mech.Use, unknown fault.Code, proven bool) (ref, error) {
	c.with = row
	r, err := v.find(handle)
	if code := fault.Of(err); code == fault.ObjectUnknown {
		return ref{}, unknown.At("find key")
	} else if err != nil {
		return ref{}, err
	}
	if !r.IsKey() {
		return ref{}, unknown.At("find key")
	}
	c.about.Object, c.about.Mechanism = r.ID, row.ID
	as := how
	switch how { // a message is encrypted by the same right
	case mech.MessageEncrypt:
		as = mech.Encrypt
	case mech.MessageDecrypt:
		as = mech.Decrypt
	}
	if err := policy.Use(v.who(), r.Object, row, as, c.module.Now()); err != nil {
		return r, err
	}
	return r, policy.FreshLogin(r.Object, proven)
}

// job is one use of one key: filled by a call's handler, done by useKey. The hot calls give do a plain function, so that
// a signature allocates no closure.
type job struct {
	v         view
	key       ref
	row       *mech.Row
	how       mech.Use
	param     mech.Params
	data      []byte
	signature []byte // or tag
	aad       []byte
	public    bool          // the private key's public half does it
	to        mech.Material // or this key does, which is no object's
	do        func(c *channel, j *job, k mech.Key) error
	err       error
}

// useKey opens the key, checks whether the service is approved, does the job and notes the use. In strict mode the key is
// opened, parsed, used and dropped inside one ssp.Do.
func (c *channel) useKey(j job) error {
	c.job = j
	defer func() { c.job = job{} }()
	c.secretly(c.runJob)
	err := c.job.err
	c.noted = true
	if e := c.module.Used(Use{
		Request: c.request, Call: c.row.call, Peer: c.peer, Who: j.v.who(), Partition: j.v.partition, Object: j.key.ID,
		Mechanism: j.row.ID, How: j.how, Approved: c.approve, Code: fault.Of(err),
	}); e != nil && err == nil {
		err = e
	}
	return err
}

// doJob is runJob's work; runJob itself is bound once per channel.
func (c *channel) doJob() {
	j := &c.job
	k, release, err := c.openFor(j)
	if err != nil {
		j.err = err
		return
	}
	defer release()
	c.approve = j.row.Approved(j.how, k, j.param, k.Bits())
	if j.err = c.fips(); j.err == nil {
		j.err = j.do(c, j, k)
	}
}

// openFor answers the key that a job needs.
func (c *channel) openFor(j *job) (mech.Key, func(), error) {
	m := j.to
	switch {
	case j.public:
		m = j.key.Material(nil)
	case m.Public == nil:
		return c.open(j.v, j.key)
	}
	k, err := all.Family(m.Type).Parse(m, false)
	return k, func() {}, err
}

// fips refuses in fips mode what is not approved.
func (c *channel) fips() error {
	if !c.approve && c.module.FIPS() {
		return fault.NotApproved.At("check service in fips mode")
	}
	return nil
}

// open answers the parsed key. In strict mode the caller is inside ssp.Do.
func (c *channel) open(v view, r ref) (mech.Key, func(), error) {
	if r.held == nil {
		return v.tokens.Key(r.Object)
	}
	if k := r.held.parsed.Load(); k != nil {
		return *k, func() {}, nil
	}
	var k mech.Key
	var err error
	parse := func() {
		err = c.material(v, r, func(m mech.Material) (err error) {
			k, err = all.Family(m.Type).Parse(m, false)
			return err
		})
	}
	if !c.module.Fast() {
		parse()
		return k, func() {}, err
	}
	ssp.Do(parse)
	if err == nil {
		r.held.parsed.Store(&k)
	}
	return k, func() {}, err
}

// material opens an object's material for the length of f. The caller is inside ssp.Do. A public key has no secret to
// open.
func (c *channel) material(v view, r ref, f func(m mech.Material) error) error {
	switch {
	case !r.HasSecret():
		return f(r.Material(nil))
	case r.held == nil:
		return v.tokens.Material(r.Object, f)
	}
	return c.module.Open(r.Object, f)
}
