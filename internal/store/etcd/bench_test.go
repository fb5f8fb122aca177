// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/store"
)

func BenchmarkTxnOfTwoPuts(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			e := open(b, b.TempDir())
			value := make([]byte, 700)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						path := fmt.Sprintf("r/%032x/o/%032x", callers, i)
						if _, err := e.Txn(context.Background(), store.Txn{
							Compares: []store.Compare{{Path: path}},
							Puts:     []store.Put{{Path: path, Value: value}, {Path: path + "x", Value: value}},
						}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func BenchmarkGet(b *testing.B) {
	e := open(b, b.TempDir())
	write(b, e, "a", "value")
	for b.Loop() {
		if _, err := e.Get(context.Background(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFreshStart(b *testing.B) {
	for b.Loop() {
		open(b, b.TempDir()).Close()
	}
}

// BenchmarkListInPieces reads 20,000 records a thousand at a time; ns/record must not depend on the size of the store.
func BenchmarkListInPieces(b *testing.B) {
	const n = 20000
	e := open(b, b.TempDir())
	for i := 0; i < n; i += 100 {
		var t store.Txn
		for j := range 100 {
			t.Puts = append(t.Puts, store.Put{Path: fmt.Sprintf("r/%08d", i+j), Value: make([]byte, 700)})
		}
		if _, err := e.Txn(context.Background(), t); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		after, seen := "", 0
		start := time.Now()
		for seen < n {
			piece := 0
			if _, err := e.List(context.Background(), store.Range{Prefix: "r/", After: after}, func(r store.Record) error {
				after = r.Path
				seen++
				if piece++; piece == 1000 {
					return store.ErrStop
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/record")
	}
}
