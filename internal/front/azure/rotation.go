// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// rotation is a rotation policy as the note of the current version keeps it. Durations are kept as they were written.
type rotation struct {
	Expiry       string `json:"expiry,omitempty"`       // of versions made by rotation
	AfterCreate  string `json:"afterCreate,omitempty"`  // rotate so long after a version was made
	BeforeExpiry string `json:"beforeExpiry,omitempty"` // or so long before it expires
	NotifyAfter  string `json:"notifyAfter,omitempty"`  // a line in the node's log (notices.go)
	NotifyBefore string `json:"notifyBefore,omitempty"`
	Created      int64  `json:"created,omitempty"`
	Updated      int64  `json:"updated,omitempty"`
}

// due is when the policy wants the version rotated; ok is false for never.
func (r *rotation) due(n client.Named) (t time.Time, ok bool) {
	if r == nil {
		return t, false
	}
	if d, ok := parseDuration(r.AfterCreate); ok {
		created := int64(n.Value(key.AttrCreated).ULong())
		return d.from(time.Unix(0, created)), created != 0
	}
	if d, ok := parseDuration(r.BeforeExpiry); ok {
		if exp := int64(n.Value(key.AttrExpires).ULong()); exp != 0 {
			return d.before(time.Unix(exp, 0)), true
		}
		if e, ok := parseDuration(r.Expiry); ok { // a version from before the policy, which has no end of its own
			return d.before(e.from(time.Unix(0, int64(n.Value(key.AttrCreated).ULong())))), true
		}
	}
	return t, false
}

// rotationPolicy is the policy as it is answered.
type rotationPolicy struct {
	ID         string             `json:"id"`
	Actions    []lifetimeAction   `json:"lifetimeActions"`
	Attributes rotationAttributes `json:"attributes"`
}

type rotationAttributes struct {
	Expiry  string `json:"expiryTime,omitempty"`
	Created int64  `json:"created,omitempty"`
	Updated int64  `json:"updated,omitempty"`
}

type lifetimeAction struct {
	Trigger struct {
		AfterCreate  string `json:"timeAfterCreate,omitempty"`
		BeforeExpiry string `json:"timeBeforeExpiry,omitempty"`
	} `json:"trigger"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
}

func action(kind, after, before string) (a lifetimeAction) {
	a.Trigger.AfterCreate, a.Trigger.BeforeExpiry, a.Action.Type = after, before, kind
	return a
}

func (c *call) rotationPolicy(r *rotation) rotationPolicy {
	p := rotationPolicy{ID: c.id("keys", c.name, "rotationpolicy"), Actions: []lifetimeAction{}}
	if r == nil { // what Key Vault answers for a key without a policy
		p.Actions = append(p.Actions, action("Notify", "", "P30D"))
		return p
	}
	if r.AfterCreate != "" || r.BeforeExpiry != "" {
		p.Actions = append(p.Actions, action("Rotate", r.AfterCreate, r.BeforeExpiry))
	}
	if r.NotifyAfter != "" || r.NotifyBefore != "" {
		p.Actions = append(p.Actions, action("Notify", r.NotifyAfter, r.NotifyBefore))
	}
	p.Attributes = rotationAttributes{r.Expiry, r.Created, r.Updated}
	return p
}

// rotationGet is GetKeyRotationPolicy.
func rotationGet(c *call) error {
	n, err := c.key("")
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.rotationPolicy(readNote(n.Value(key.AttrDoor)).Rotation))
}

// rotationPut is UpdateKeyRotationPolicy. It replaces the policy.
func rotationPut(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	r, err := readRotation(o)
	if err != nil {
		return err
	}
	n, err := c.key("")
	if err != nil {
		return err
	}
	d := readNote(n.Value(key.AttrDoor))
	if d.Managed {
		return c.managed()
	}
	r.Updated = time.Now().Unix()
	r.Created = r.Updated
	if d.Rotation != nil {
		r.Created = d.Rotation.Created
	}
	d.Rotation = r
	if err := c.session.Set(n.Handle, client.Template{client.Bytes(key.AttrDoor, d.bytes())}); err != nil {
		return err
	}
	if at, ok := r.due(n); ok {
		c.door.rotator.note(c.vault.Slot, c.name, at)
	}
	if n, err = c.key(""); err == nil { // with the policy in it
		c.door.rotator.expect(c.vault.Slot, key.GroupKeys, n)
	}
	return c.answer(http.StatusOK, c.rotationPolicy(r))
}

func readRotation(o object) (*rotation, error) {
	r := &rotation{}
	o.skip("id")
	if a, ok := o.object("attributes"); ok {
		r.Expiry = a.text("expiryTime")
		if _, ok := parseDuration(r.Expiry); r.Expiry != "" && !ok {
			a.fail("expiryTime", "is not an ISO 8601 duration")
		}
		a.skip("created", "updated")
		a.end()
	}
	for _, a := range o.objects("lifetimeActions") {
		readAction(a, r)
	}
	if r.BeforeExpiry != "" && r.Expiry == "" {
		o.fail("attributes.expiryTime", "is required to rotate before the expiry")
	}
	return r, o.end()
}

func readAction(a object, r *rotation) {
	trigger, _ := a.object("trigger")
	after, before := trigger.text("timeAfterCreate"), trigger.text("timeBeforeExpiry")
	for name, text := range map[string]string{"timeAfterCreate": after, "timeBeforeExpiry": before} {
		if _, ok := parseDuration(text); text != "" && !ok {
			trigger.fail(name, "is not an ISO 8601 duration")
		}
	}
	if (after == "") == (before == "") {
		a.fail("trigger", "has either timeAfterCreate or timeBeforeExpiry")
	}
	what, _ := a.object("action")
	to, since := &r.AfterCreate, &r.BeforeExpiry
	switch kind := what.must("type"); {
	case strings.EqualFold(kind, "Notify"):
		to, since = &r.NotifyAfter, &r.NotifyBefore
	case !strings.EqualFold(kind, "Rotate"):
		what.fail("type", "is not Rotate or Notify")
	}
	if *to != "" || *since != "" {
		a.fail("action", "is there twice")
	}
	*to, *since = after, before
	trigger.end()
	what.end()
	a.end()
}
