// SPDX-License-Identifier: Apache-2.0

package index

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func object(i int) wire.Meta {
	sum := sha1.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
	return wire.Meta{
		Partition: key.ID{1}, Object: key.ID(sum[:16]), Class: key.ClassPrivate, KeyType: key.TypeEC,
		Label: fmt.Appendf(nil, "signing-%08d", i), ID: sum[:],
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func filled(n int) *Index {
	x := New()
	for i := range n {
		m := object(i)
		x.Put(&m)
	}
	return x
}

func BenchmarkFindByLabel(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint("objects=", n), func(b *testing.B) {
			x := filled(n)
			m := object(n / 2)
			for b.Loop() {
				if ids, _ := x.Find(&wire.Query{Partition: m.Partition, Label: m.Label}, key.ID{}, 10); len(ids) != 1 {
					b.Fatal(ids)
				}
			}
		})
	}
}

func BenchmarkFindByClassFirstPage(b *testing.B) {
	x := filled(100_000)
	class := key.ClassPrivate
	for b.Loop() {
		if ids, _ := x.Find(&wire.Query{Partition: key.ID{1}, Class: &class}, key.ID{}, 100); len(ids) != 100 {
			b.Fatal(len(ids))
		}
	}
}

func BenchmarkPut(b *testing.B) {
	x := filled(100_000)
	i := 0
	for b.Loop() {
		m := object(i % 200_000)
		x.Put(&m)
		i++
	}
}

// BenchmarkMemory reports bytes per object with labels and CKA_IDs that no two share, and with those of key pairs.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for name, share := range map[string]int{"own": 1, "pairs": 2} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				x := New()
				for i := range n {
					m := object(i)
					pair := object(i / share)
					m.Label, m.ID = pair.Label, pair.ID
					x.Put(&m)
				}
				b.ReportMetric(float64(heap()-before)/n, "B/object")
				runtime.KeepAlive(x)
			}
		})
	}
}
