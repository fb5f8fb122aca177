// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// benchMeta is an object as a key generation makes it; the record around it is padded to a P-256 key's 700 bytes.
func benchMeta(i int) *wire.Meta {
	sum := sha1.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
	return &wire.Meta{
		Partition: tenant, Object: key.ID(sum[:16]), Class: key.ClassPrivate, KeyType: key.TypeEC,
		Label: fmt.Appendf(nil, "signing-%08d", i), ID: sum[:],
	}
}

// paddedCore describes records that seal made and benchRecord padded. It stands for a core that answers at once.
type paddedCore struct{ fakeCore }

func benchRecord(m *wire.Meta) []byte {
	b := seal(m)
	return append(b, make([]byte, 700-len(b))...)
}

func (c *paddedCore) Call(op uint16, body []byte) ([]byte, error) {
	if op != wire.OpDescribe {
		return c.fakeCore.Call(op, body)
	}
	var v wire.DescribeRequest
	r := wire.NewReader(body)
	v.Decode(&r)
	reply := wire.DescribeReply{Items: make([]wire.Described, len(v.Records))}
	for i, record := range v.Records {
		m, r := new(wire.Meta), wire.NewReader(record.Value)
		m.Decode(&r)
		reply.Items[i].Meta = m
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, r.End()
}

func benchService(b *testing.B, dir string) (*Service, *etcd.Engine) {
	b.Helper()
	engine, err := etcd.Start(context.Background(), etcd.Config{Dir: dir + "/store"})
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(engine, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return s, engine
}

func mustHandle(b *testing.B, s *Service, op uint16, request encoder) []byte {
	var w wire.Writer
	request.Encode(&w)
	reply, err := s.Handle(op, w.B)
	if err != nil {
		b.Error(err)
	}
	return reply
}

// BenchmarkCommitOfAKeyPair is what the generation of a key pair asks of the host, sealing aside.
func BenchmarkCommitOfAKeyPair(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			s, engine := benchService(b, b.TempDir())
			defer engine.Close()
			defer s.Close()
			if err := s.Rebuild(b.Context(), new(paddedCore), nil); err != nil {
				b.Fatal(err)
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						var txn wire.Txn
						for half := range 2 {
							m := benchMeta(int(i)*2 + half)
							path := objectPath(m.Partition, m.Object)
							txn.Compares = append(txn.Compares, wire.Compare{Path: path})
							txn.Puts = append(txn.Puts, wire.Put{Path: path, Value: benchRecord(m), Meta: m})
						}
						mustHandle(b, s, wire.OpCommit, &txn)
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkCommitThenFind shows what reading one's own write costs, since the find waits for the watch.
func BenchmarkCommitThenFind(b *testing.B) {
	s, engine := benchService(b, b.TempDir())
	defer engine.Close()
	defer s.Close()
	if err := s.Rebuild(b.Context(), new(paddedCore), nil); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		m := benchMeta(i)
		i++
		mustHandle(b, s, wire.OpCommit, &wire.Txn{Puts: []wire.Put{{Path: objectPath(m.Partition, m.Object), Value: benchRecord(m), Meta: m}}})
		mustHandle(b, s, wire.OpFind, &wire.FindRequest{Query: wire.Query{Partition: tenant, Label: m.Label}})
	}
}

// BenchmarkHundredThousandObjects starts a node over 100,000 records, and finds by label in it.
func BenchmarkHundredThousandObjects(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	s, engine := benchService(b, dir)
	for i := 0; i < n; i += store.MaxOps / 2 {
		var t store.Txn
		for j := i; j < min(n, i+store.MaxOps/2); j++ {
			m := benchMeta(j)
			t.Puts = append(t.Puts, store.Put{Path: objectPath(m.Partition, m.Object), Value: benchRecord(m)})
		}
		if _, err := engine.Txn(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
	s.Close()
	engine.Close()

	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			start := time.Now()
			s, engine := benchService(b, dir)
			b.ReportMetric(time.Since(start).Seconds(), "s/store")
			if err := s.Rebuild(b.Context(), new(paddedCore), nil); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s/ready")
			s.Close()
			engine.Close()
		}
	})
	b.Run("find", func(b *testing.B) {
		s, engine := benchService(b, dir)
		defer engine.Close()
		defer s.Close()
		before := heap()
		if err := s.Rebuild(b.Context(), new(paddedCore), nil); err != nil {
			b.Fatal(err)
		}
		grown := float64(heap()-before) / n
		i := 0
		for b.Loop() {
			mustHandle(b, s, wire.OpFind, &wire.FindRequest{Query: wire.Query{Partition: tenant, Label: benchMeta(i % n).Label}})
			i++
		}
		b.ReportMetric(grown, "B/object")
	})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
