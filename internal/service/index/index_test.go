// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func ptr[T any](v T) *T { return &v }

// model is the index anybody can see to be right: a map, searched from end to end.
type model map[[2]key.ID]wire.Meta

func (m model) find(q *wire.Query, after key.ID, limit int) (ids []key.ID, more bool) {
	for _, o := range m {
		if o.Partition == q.Partition && bytes.Compare(o.Object[:], after[:]) > 0 &&
			(q.Class == nil || *q.Class == o.Class) && (q.KeyType == nil || *q.KeyType == o.KeyType) &&
			(q.Label == nil || bytes.Equal(q.Label, o.Label)) && (q.ID == nil || bytes.Equal(q.ID, o.ID)) &&
			(q.Object == nil || *q.Object == o.Object) && (q.Handle == 0 || q.Handle == o.Object.Handle()) {
			ids = append(ids, o.Object)
		}
	}
	sort.Slice(ids, func(i, j int) bool { return less(&ids[i], &ids[j]) })
	if len(ids) > limit {
		return ids[:limit], true
	}
	return ids, false
}

// Few values of each kind, so that labels are shared, ids neighbours, and the same object comes again.
var (
	someID = rapid.Custom(func(t *rapid.T) key.ID {
		id := key.ID{7: byte(rapid.IntRange(0, 9).Draw(t, "high")), 15: byte(rapid.IntRange(1, 20).Draw(t, "low"))}
		if rapid.Bool().Draw(t, "last") {
			id = key.ID(bytes.Repeat([]byte{255}, 16))
			id[15] -= byte(rapid.IntRange(0, 3).Draw(t, "below"))
		}
		return id
	})
	somePartition = rapid.Map(rapid.IntRange(1, 2), func(i int) key.ID { return key.ID{byte(i)} })
	someBytes     = rapid.SampledFrom([][]byte{{}, []byte("a"), []byte("b"), []byte("label")})
	someClass     = rapid.SampledFrom([]key.Class{key.ClassPublic, key.ClassPrivate, key.ClassSecret})
	someType      = rapid.SampledFrom([]key.Type{key.TypeRSA, key.TypeEC, key.TypeAES})
	someMeta      = rapid.Custom(func(t *rapid.T) wire.Meta {
		label, group := someBytes.Draw(t, "label"), someGroup.Draw(t, "group")
		if len(label) == 0 {
			group = key.GroupUnknown // no name
		}
		return wire.Meta{
			Partition: somePartition.Draw(t, "partition"), Object: someID.Draw(t, "object"),
			Class: someClass.Draw(t, "class"), KeyType: someType.Draw(t, "type"),
			Label: label, ID: someBytes.Draw(t, "id"),
			Group: group, Deleted: rapid.Bool().Draw(t, "deleted"), Created: rapid.Uint64Range(0, 3).Draw(t, "created"),
		}
	})
	someGroup = rapid.SampledFrom([]key.Group{key.GroupUnknown, key.GroupKeys, key.GroupSecrets})
	someQuery = rapid.Custom(func(t *rapid.T) wire.Query {
		q := wire.Query{Partition: somePartition.Draw(t, "partition")}
		some := func(name string) bool { return rapid.IntRange(0, 2).Draw(t, name) == 0 }
		if some("by class") {
			q.Class = ptr(someClass.Draw(t, "class"))
		}
		if some("by type") {
			q.KeyType = ptr(someType.Draw(t, "type"))
		}
		if some("by label") {
			q.Label = someBytes.Draw(t, "label")
		}
		if some("by id") {
			q.ID = someBytes.Draw(t, "id")
		}
		if some("by object") {
			q.Object = ptr(someID.Draw(t, "object"))
		}
		if some("by handle") {
			q.Handle = someID.Draw(t, "handle of").Handle()
		}
		return q
	})
)

type change struct {
	Meta   wire.Meta
	Remove bool
}

var someChanges = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
	return change{someMeta.Draw(t, "meta"), rapid.IntRange(0, 2).Draw(t, "remove") == 0}
}), 0, 120)

func (x *Index) apply(c change) {
	if c.Remove {
		x.Remove(c.Meta.Partition, c.Meta.Object)
	} else {
		x.Put(&c.Meta)
	}
}

// content is all that the index knows, in one order.
func (x *Index) content() (all []wire.Meta) {
	for partition, p := range x.partitions {
		p.walk(p.all.seek(&p.slab, &key.ID{}), func(e *entry) bool {
			k := p.kinds[e.kind]
			all = append(all, wire.Meta{Partition: partition, Object: e.object, Class: k.class, KeyType: k.typ, Label: []byte(e.label), ID: []byte(e.id),
				Group: key.Group(e.view >> 1), Deleted: e.view&1 != 0, Created: e.created})
			return true
		})
	}
	sort.SliceStable(all, func(i, j int) bool { return less(&all[i].Partition, &all[j].Partition) })
	return all
}

func TestFindAgreesWithASearchFromEndToEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := New(), model{}
		for _, c := range someChanges.Draw(t, "changes") {
			at := [2]key.ID{c.Meta.Partition, c.Meta.Object}
			_, known := m[at]
			if c.Remove {
				if x.Remove(at[0], at[1]) != known {
					t.Fatalf("remove said %v", !known)
				}
				delete(m, at)
			} else {
				x.Put(&c.Meta)
				m[at] = c.Meta
			}
		}
		if x.Len() != len(m) {
			t.Fatalf("%d objects, want %d", x.Len(), len(m))
		}
		for range 20 {
			q, limit := someQuery.Draw(t, "query"), rapid.IntRange(1, 8).Draw(t, "limit")
			var after key.ID
			if rapid.Bool().Draw(t, "page") {
				after = someID.Draw(t, "after")
			}
			ids, more := x.Find(&q, after, limit)
			want, wantMore := m.find(&q, after, limit)
			if !reflect.DeepEqual(ids, want) || more != wantMore {
				t.Fatalf("%+v after %v: got %v %v, want %v %v", q, after, ids, more, want, wantMore)
			}
		}
	})
}

// TestTheIndexIsDeterministic is fitness function F13.
func TestTheIndexIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := someChanges.Draw(t, "changes")
		once, twice := New(), New()
		for _, c := range changes {
			once.apply(c)
			twice.apply(c)
			twice.apply(c)
		}
		want := once.content()
		if got := twice.content(); !reflect.DeepEqual(got, want) {
			t.Fatalf("events twice: %v, want %v", got, want)
		}
		cut := rapid.IntRange(0, len(changes)).Draw(t, "cut")
		before := New()
		for _, c := range changes[:cut] {
			before.apply(c)
		}
		snapshot := New()
		for _, m := range before.content() {
			snapshot.Put(&m)
		}
		overlap := rapid.IntRange(0, cut).Draw(t, "overlap")
		for _, c := range changes[cut-overlap:] {
			snapshot.apply(c)
		}
		if got := snapshot.content(); !reflect.DeepEqual(got, want) {
			t.Fatalf("snapshot and tail: %v, want %v", got, want)
		}
	})
}

// Thousands of objects, so that blocks split and merge.
func TestPagesOfManyObjectsMissNoneAndRepeatNone(t *testing.T) {
	const n = 5000
	x := New()
	id := func(i int) key.ID { return key.ID{byte(i * 7919 >> 8), byte(i * 7919), byte(i >> 8), byte(i), 1} }
	for i := range n {
		x.Put(&wire.Meta{Object: id(i), Class: key.Class(i % 3), KeyType: key.Type(i % 5), Label: []byte("shared"), ID: fmt.Append(nil, i%10)})
	}
	count := func(q wire.Query) (seen int) {
		after := key.ID{}
		for {
			ids, more := x.Find(&q, after, 100)
			for _, id := range ids {
				if !less(&after, &id) {
					t.Fatalf("%v after %v", id, after)
				}
				after = id
			}
			if seen += len(ids); !more {
				return seen
			}
		}
	}
	for left := n; left > 0; left -= 1000 {
		for name, got := range map[string]int{
			"all": count(wire.Query{}), "label": count(wire.Query{Label: []byte("shared")}),
			"classes": count(wire.Query{Class: ptr(key.Class(0))}) + count(wire.Query{Class: ptr(key.Class(1))}) + count(wire.Query{Class: ptr(key.Class(2))}),
		} {
			if got != left {
				t.Errorf("%s: %d, want %d", name, got, left)
			}
		}
		if got := count(wire.Query{ID: []byte("3"), KeyType: ptr(key.Type(3))}); got != left/10 {
			t.Errorf("id and type: %d, want %d", got, left/10)
		}
		for i := left - 1000; i < left; i++ {
			if !x.Remove(key.ID{}, id(i)) {
				t.Fatalf("object %d was not there", i)
			}
		}
	}
	if x.Len() != 0 || len(x.partitions) != 0 {
		t.Errorf("%d objects in %d partitions are left", x.Len(), len(x.partitions))
	}
}
