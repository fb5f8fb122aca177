// SPDX-License-Identifier: Apache-2.0

package object

import (
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func TestDaysAndSecondsAreTurnedIntoEachOther(t *testing.T) {
	for day := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2410; day = day.AddDate(0, 0, 7) {
		d := DateOf(day.Unix())
		if got, ok := d.Unix(); got != day.Unix() || !ok {
			t.Fatalf("%s is %d, %t", d, got, ok)
		}
	}
	for _, none := range []string{"20260230", "20261301", "2026xx01", "20260431"} {
		if got, ok := Date([]byte(none)).Unix(); ok {
			t.Errorf("%s is %d", none, got)
		}
	}
}

func TestDatesAndTimesAreSeenBothWays(t *testing.T) {
	seconds := func(y int, m time.Month, d, h int) int { return int(time.Date(y, m, d, h, 0, 0, 0, time.UTC).Unix()) }
	aes := secretKey(key.TypeAES, make([]byte, 16))
	o, _ := must(t, aes.and(key.AttrStartDate, "20260615", key.AttrEndDate, "20261231"), user)
	for attr, want := range map[key.Attr]int{key.AttrNotBefore: seconds(2026, 6, 15, 0), key.AttrExpires: seconds(2027, 1, 1, 0)} {
		if v, st := o.Get(attr); st != Given || len(v) != 8 || getULong(v) != uint64(want) {
			t.Errorf("%x is %x", attr, v)
		}
	}
	o, _ = must(t, aes.and(key.AttrNotBefore, seconds(2026, 6, 15, 9), key.AttrExpires, seconds(2027, 1, 1, 0)), user)
	for attr, want := range map[key.Attr]string{key.AttrStartDate: "20260615", key.AttrEndDate: "20261231"} {
		if v, _ := o.Get(attr); string(v) != want {
			t.Errorf("%x is %s", attr, v)
		}
	}
	o, err := o.With(with(key.AttrExpires, 0, key.AttrNotBefore, 0), ActorUser, 0)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := o.Get(key.AttrExpires); len(v) != 0 || o.Timed() {
		t.Errorf("0 leaves %x", v)
	}
	_, _, err = Create(aes.and(key.AttrNotBefore, 9, key.AttrExpires, 8), user)
	wantFault(t, err, fault.TemplateInconsistent)
}

func TestTokenObjectsKnowWhenTheyWereMadeAndChanged(t *testing.T) {
	at := user
	at.Now = 1000
	aes := secretKey(key.TypeAES, make([]byte, 16), key.AttrLabel, "n")
	s, _ := must(t, aes, at)
	if s.Created() != 0 || s.Group() != key.GroupUnknown {
		t.Error("a session object is listed by time and name")
	}
	o, _ := must(t, aes.and(key.AttrToken, true), at)
	if o.Created() != 1000 || o.Group() != key.GroupKeys {
		t.Errorf("made at %d, group %d", o.Created(), o.Group())
	}
	n, err := o.With(with(key.AttrLabel, "not a name"), ActorUser, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := n.Get(key.AttrUpdated); getULong(v) != 2000 || n.Created() != 1000 || n.Group() != key.GroupUnknown {
		t.Errorf("changed at %x", v)
	}
	for _, a := range []key.Attr{key.AttrCreated, key.AttrUpdated, key.AttrDeleted, key.AttrPurge} {
		_, _, err := Create(aes.and(a, 7), at)
		wantFault(t, err, fault.AttributeReadOnly)
		_, err = o.With(with(a, 7), ActorAdmin, 0)
		wantFault(t, err, fault.AttributeReadOnly)
	}
	at.Now = 3000
	c, err := o.Copy(nil, at)
	if err != nil || c.Created() != 3000 {
		t.Errorf("a copy is of %d, %v", c.Created(), err)
	}
}

func TestRebornObjectsStayTheVersionTheyWere(t *testing.T) {
	at := user
	at.Now = 1000
	o, _ := must(t, secretKey(key.TypeAES, make([]byte, 16), key.AttrLabel, "n", key.AttrToken, true), at)
	gone, err := o.WithDeleted(5, 6)
	if err != nil || !gone.Deleted() || gone.PurgeDate() != 6 || o.Deleted() {
		t.Fatalf("deleted: %v", err)
	}
	again, err := gone.Reborn(key.ID{9})
	if err != nil || again.ID != (key.ID{9}) || again.VersionID() != o.ID || again.Deleted() || again.Created() != 1000 {
		t.Errorf("reborn as %v of %v, %v", again.ID, again.VersionID(), err)
	}
	third, err := again.Reborn(key.ID{8})
	if err != nil || third.VersionID() != o.ID {
		t.Errorf("twice reborn it is %v", third.VersionID())
	}
}
