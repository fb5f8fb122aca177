// SPDX-License-Identifier: Apache-2.0

package index

import (
	"reflect"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// newest lists the objects of a view in the order of names: what FindNames shows pages of.
func (m model) newest(q *wire.FindNamesRequest) (ids []key.ID) {
	var list []wire.Meta
	for _, o := range m {
		if o.Partition == q.Partition && o.Group == q.Group && o.Deleted == q.Deleted && (q.Name == nil || string(q.Name) == string(o.Label)) {
			list = append(list, o)
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		switch {
		case string(a.Label) != string(b.Label):
			return string(a.Label) < string(b.Label)
		case a.Created != b.Created:
			return a.Created > b.Created
		}
		return less(&b.Object, &a.Object)
	})
	last := "none"
	for _, o := range list {
		if q.Name == nil && string(o.Label) == last {
			continue
		}
		last = string(o.Label)
		ids = append(ids, o.Object)
	}
	return ids
}

func TestPagesOfNamesAgreeWithASearchFromEndToEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := New(), model{}
		for _, c := range someChanges.Draw(t, "changes") {
			x.apply(c)
			at := [2]key.ID{c.Meta.Partition, c.Meta.Object}
			if delete(m, at); !c.Remove {
				m[at] = c.Meta
			}
		}
		for range 10 {
			q := wire.FindNamesRequest{Partition: somePartition.Draw(t, "partition"), Deleted: rapid.Bool().Draw(t, "deleted"),
				Group: rapid.SampledFrom([]key.Group{key.GroupKeys, key.GroupSecrets}).Draw(t, "group")}
			if rapid.Bool().Draw(t, "of one name") {
				q.Name = someBytes.Draw(t, "name")
			}
			want, limit := m.newest(&q), rapid.IntRange(1, 4).Draw(t, "limit")
			var got []key.ID
			for more := true; more; {
				var hits []wire.NameHit
				hits, more = x.FindNames(&q, limit)
				for _, h := range hits {
					got = append(got, h.Object)
					q.After, q.AfterCreated, q.AfterObject = h.Label, h.Created, h.Object
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v: got %v, want %v", q, got, want)
			}
		}
	})
}

// BenchmarkListNames walks 100,000 names in pages of 25, as the web doors do.
func BenchmarkListNames(b *testing.B) {
	const n = 100_000
	x := New()
	for i := range n {
		m := object(i)
		m.Group, m.Created = key.GroupKeys, uint64(i)
		x.Put(&m)
	}
	for b.Loop() {
		q := wire.FindNamesRequest{Partition: key.ID{1}, Group: key.GroupKeys}
		seen := 0
		for more := true; more; {
			var hits []wire.NameHit
			hits, more = x.FindNames(&q, 25)
			seen += len(hits)
			q.After = hits[len(hits)-1].Label
		}
		if seen != n {
			b.Fatal(seen)
		}
	}
}
