// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// version is a key made at a moment, with an expiry in seconds or none.
func version(created time.Time, expires int64, more ...client.Value) client.Named {
	u64 := func(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }
	return client.Named{Name: "k", Version: v32, Values: append(more, client.Value{Type: key.AttrCreated, Value: u64(created.UnixNano())},
		client.Value{Type: key.AttrExpires, Value: u64(expires)})}
}

func TestWhenAPolicyIsDue(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		policy *rotation
		n      client.Named
		want   string
	}{
		{"no policy", nil, version(made, 0), ""},
		{"a policy that only notifies", &rotation{NotifyBefore: "P30D"}, version(made, end.Unix()), ""},
		{"so long after it was made", &rotation{AfterCreate: "P90D"}, version(made, 0), "2026-04-01"},
		{"so long before it expires", &rotation{BeforeExpiry: "P30D", Expiry: "P1Y"}, version(made, end.Unix()), "2026-05-02"},
		{"a version from before the policy", &rotation{BeforeExpiry: "P30D", Expiry: "P1Y"}, version(made, 0), "2026-12-02"},
		{"no clock of the core's", &rotation{AfterCreate: "P90D"}, client.Named{}, ""},
	} {
		at, ok := c.policy.due(c.n)
		if ok != (c.want != "") || ok && at.Format(time.DateOnly) != c.want {
			t.Errorf("%s: %v %t", c.name, at, ok)
		}
	}
}

func TestTheNextVersionIsLikeTheOneBefore(t *testing.T) {
	now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	u64 := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	d := note{Tags: map[string]string{"a": "b"}, Software: true, Rotation: &rotation{AfterCreate: "P90D", Expiry: "P2Y"}}
	n := version(now, 0, client.Value{Type: key.AttrKeyType, Value: u64(uint64(key.TypeEC))}, client.Value{Type: key.AttrKeyOps, Value: u64(uint64(key.OpSign))},
		client.Value{Type: key.AttrPublicKeyInfo, Value: spki(&curves[2], append([]byte{4}, make([]byte, 96)...))}, client.Value{Type: key.AttrDoor, Value: d.bytes()},
		client.Value{Type: key.AttrReleaseFlags, Value: u64(client.ReleaseExportable)}, client.Value{Type: key.AttrRelease, Value: []byte("{}")})
	spec, err := successor(n, now)
	if err != nil || spec.Name != "k" || spec.Type != key.TypeEC || string(spec.Curve) != string(curves[2].params) || spec.Ops != key.OpSign || !spec.Exportable ||
		spec.Immutable || string(spec.Release) != "{}" || spec.Disabled || time.Unix(int64(spec.Expires), 0).UTC().Format(time.DateOnly) != "2028-01-31" {
		t.Errorf("%+v %v", spec, err)
	}
	if kept := readNote(client.Value{Value: spec.Door}); kept.Tags["a"] != "b" || !kept.Software || kept.Rotation == nil || *kept.Rotation != *d.Rotation {
		t.Errorf("%s", spec.Door)
	}
	if _, err := successor(version(now, 0), now); err == nil {
		t.Error("a key of no kind that Azure has is rotated")
	}
}

func TestAPolicyIsReadAsItIsShown(t *testing.T) {
	c := &call{route: &route{name: "k"}}
	for _, text := range []string{
		`{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P90D"},"action":{"type":"rotate"}},{"trigger":{"timeBeforeExpiry":"P30D"},"action":{"type":"NOTIFY"}}],"attributes":{"expiryTime":"P2Y"}}`,
		`{"id":"x","lifetimeActions":[],"attributes":{}}`,
		`{}`,
	} {
		o, err := readObject([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r, err := readRotation(o)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		p := c.rotationPolicy(r)
		if len(text) > 50 && (len(p.Actions) != 2 || p.Actions[0].Trigger.AfterCreate != "P90D" || p.Actions[0].Action.Type != "Rotate" || p.Attributes.Expiry != "P2Y") {
			t.Errorf("%+v", p)
		}
	}
	for _, bad := range []string{
		`{"lifetimeActions":{}}`, `{"lifetimeActions":[1]}`, `{"lifetimeActions":[{}]}`, `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P1D"}}]}`,
		`{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P1D"},"action":{"type":"Burn"}}]}`, `{"attributes":{"expiryTime":"never"}}`,
		`{"lifetimeActions":[{"trigger":{"timeBeforeExpiry":"P1D"},"action":{"type":"Rotate"}}]}`,
		`{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P1D"},"action":{"type":"Rotate"}},{"trigger":{"timeAfterCreate":"P2D"},"action":{"type":"Rotate"}}]}`,
	} {
		o, err := readObject([]byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readRotation(o); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestPeopleAreToldWhenThePolicySaysSo(t *testing.T) {
	day := 24 * time.Hour
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	until := from.Add(100 * day)
	for name, c := range map[string]struct {
		p    certificatePolicy
		want time.Duration
	}{
		"a percentage":           {certificatePolicy{Email: true, Percentage: 80}, 80 * day},
		"days before":            {certificatePolicy{Email: true, DaysBefore: 30}, 70 * day},
		"one that renews itself": {certificatePolicy{Percentage: 80}, 0},
		"one that says nothing":  {certificatePolicy{Email: true}, 0},
	} {
		at, ok := c.p.notice(from, until)
		if ok != (c.want != 0) || ok && !at.Equal(from.Add(c.want)) {
			t.Errorf("%s: %v, %v", name, at, ok)
		}
	}
	made := from
	for name, c := range map[string]struct {
		r    *rotation
		want time.Time
	}{
		"no policy":          {nil, time.Time{}},
		"rotates only":       {&rotation{AfterCreate: "P10D"}, time.Time{}},
		"some time after":    {&rotation{AfterCreate: "P10D", NotifyAfter: "P5D"}, from.Add(5 * day)},
		"before the expiry":  {&rotation{NotifyBefore: "P30D"}, until.Add(-30 * day)},
		"both, of each kind": {&rotation{BeforeExpiry: "P10D", Expiry: "P100D", NotifyBefore: "P20D"}, until.Add(-20 * day)},
	} {
		at, ok := c.r.notice(version(made, until.Unix()))
		if ok == c.want.IsZero() || ok && !at.Equal(c.want) {
			t.Errorf("%s: %v, %v", name, at, ok)
		}
	}
}
