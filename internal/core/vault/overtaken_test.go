// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// slowHost lets something happen between the reading of a record and its arrival.
type slowHost struct {
	*disk
	meanwhile func()
}

func (h *slowHost) Load(path string) (wire.Record, error) {
	rec, err := h.disk.Load(path)
	if f := h.meanwhile; f != nil {
		h.meanwhile = nil
		f()
	}
	return rec, err
}

// A record that was changed or destroyed while it was on its way is no attack.
func TestARecordThatWasOvertakenByAChangeIsReadAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		act   func(r *rig, p *Partition, o *object.Object)
		want  fault.Code
		label string
	}{
		{"changed", func(r *rig, p *Partition, o *object.Object) {
			_, err := r.relabel(p, o, "beta")
			want(t, "change", err, fault.OK)
		}, fault.OK, "beta"},
		{"destroyed", func(_ *rig, p *Partition, o *object.Object) {
			want(t, "destroy", p.Destroy(o), fault.OK)
		}, fault.ObjectUnknown, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, false)
			o := r.create("alpha")
			p := r.Partition
			old := r.disk.records[r.path(o)]
			h := &slowHost{disk: r.disk}
			p.host = h
			p.cache.drop(o.ID)
			h.meanwhile = func() {
				now, err := p.LoadID(o.ID)
				want(t, "load by another caller", err, fault.OK)
				c.act(r, p, now)
				p.cache.drop(o.ID)
			}
			got, err := p.LoadID(o.ID)
			want(t, "load", err, c.want)
			if err == nil && label(got) != c.label {
				t.Errorf("loaded %q", label(got))
			}
			m, err := p.Describe(old, o.ID)
			want(t, "describe", err, fault.OK)
			if (m == nil) != (c.want != fault.OK) || m != nil && string(m.Label) != c.label {
				t.Errorf("described %+v", m)
			}
			if len(r.alarms) != 0 {
				t.Errorf("alarms %v", r.alarms)
			}
			r.disk.put(r.path(o), old.Value) // but who puts it back is seen
			p.cache.drop(o.ID)
			if _, err := p.LoadID(o.ID); err == nil || r.alarms[r.path(o)] == fault.OK {
				t.Errorf("the old record was taken: %v, alarms %v", err, r.alarms)
			}
		})
	}
}

// An object that is destroyed after its record was compared and before it is remembered stays destroyed.
func TestAnObjectDestroyedWhileItIsLoadedDoesNotComeBack(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	p := r.Partition
	p.cache.drop(o.ID)
	h := &slowHost{disk: r.disk}
	rec, err := h.Load(r.path(o))
	want(t, "load", err, fault.OK)
	early, err := p.open(rec, o.ID) // as LoadID does
	want(t, "open", err, fault.OK)
	now, err := p.LoadID(o.ID)
	want(t, "load by another caller", err, fault.OK)
	want(t, "destroy", p.Destroy(now), fault.OK)
	_, err = p.remember(early, rec.Revision) // as LoadID goes on
	want(t, "remember", err, fault.RecordRevived)
	_, err = p.Load(o.Handle())
	want(t, "load afterwards", err, fault.ObjectUnknown)
}

// What is just being destroyed is described, since the destruction may fail; a use of it is checked for itself.
func TestWhatIsBeingDestroyedIsDescribedWithoutAnAlarm(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	rec := r.disk.records[r.path(o)]
	r.disk.accident = func(*wire.Txn) (bool, error) {
		r.disk.mu.Unlock() // the disk is asked again while it commits
		defer r.disk.mu.Lock()
		m, err := r.Describe(rec, o.ID)
		if err != nil || m == nil {
			t.Errorf("described as %v, %v", m, err)
		}
		return false, fault.StoreFull
	}
	want(t, "destroy", r.Destroy(o), fault.StoreFull)
	r.disk.accident = nil
	_, err := r.Load(o.Handle())
	want(t, "load", err, fault.OK)
	if len(r.alarms) != 0 {
		t.Errorf("alarms %v", r.alarms)
	}
}

// A core that has heard of a change before its host has it, and whose host reaches nobody, must not have the object leave the
// index: it would say that there is no such key.
func TestARecordThatWasOvertakenIsDescribedWhileTheStoreCannotBeAsked(t *testing.T) {
	r := newRig(t, false)
	o := r.create("alpha")
	before, err := r.disk.Load(r.path(o))
	want(t, "load", err, fault.OK)
	_, err = r.relabel(r.Partition, o, "beta")
	want(t, "change", err, fault.OK)
	r.disk.away = fault.Unavailable
	meta, err := r.Describe(before, o.ID)
	if want(t, "describe", err, fault.OK); meta == nil || meta.Object != o.ID {
		t.Errorf("described as %v", meta)
	}
	r.disk.away = nil
	meta, err = r.Describe(before, o.ID) // and as what it is, once it can be read
	if want(t, "describe", err, fault.OK); meta == nil || string(meta.Label) != "beta" {
		t.Errorf("described as %v", meta)
	}
	r.disk.put(before.Path, before.Value) // control: a store that was set back is refused
	now, err := r.disk.Load(before.Path)
	want(t, "load", err, fault.OK)
	_, err = r.Describe(now, o.ID)
	want(t, "describe what was set back", err, fault.RecordOld)
}
