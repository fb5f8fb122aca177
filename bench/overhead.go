// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// boundaryOverhead measures an empty call from host to core and back: this process is the host, and itself, started anew,
// the core, which has no domain and needs none to answer Ping. What a client's own channel costs is the line of random-1.
func (b *bench) boundaryOverhead(r *report) error {
	core, err := boundary.Start(context.Background(), boundary.Options{
		Config: wire.Config{Accepted: []string{"runtimesecret"}, MaxLagMS: 5000}, // go run without make's settings
		Handle: func(op uint16, _ []byte) ([]byte, error) {
			switch op {
			case wire.OpLoad, wire.OpRoot:
				return nil, fault.RecordUnknown.At("bench")
			}
			return nil, nil
		},
	})
	if err != nil {
		return err
	}
	defer core.Stop()
	for _, callers := range []int{1, 16, 64} {
		line, err := pings(core, callers, 600*time.Millisecond)
		if err != nil {
			return err
		}
		r.Overhead = append(r.Overhead, line)
	}
	return nil
}

func pings(core *boundary.Core, callers int, span time.Duration) (l rateLine, err error) {
	var mu sync.Mutex
	var all []float64
	var wg sync.WaitGroup
	body := make([]byte, 32)
	before, begin := ownCPU(), time.Now()
	end := begin.Add(span)
	for range callers {
		wg.Go(func() {
			var mine []float64
			var failed error
			for now := time.Now(); now.Before(end) && failed == nil; {
				_, failed = core.Call(wire.OpPing, body)
				next := time.Now()
				mine = append(mine, float64(next.Sub(now).Nanoseconds())/1000)
				now = next
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			if failed != nil {
				err = failed
			}
		})
	}
	wg.Wait()
	if err != nil {
		return l, err
	}
	rate := float64(len(all)) / time.Since(begin).Seconds()
	slices.Sort(all)
	return rateLine{Module: "boundary", Op: "ping", Threads: callers, Rate: rate, Best: rate, P50: quantile(all, 0.5), P99: quantile(all, 0.99),
		Client: (ownCPU() - before) / float64(len(all))}, nil
}

// ownCPU is this process's processor time in microseconds.
func ownCPU() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}
