// SPDX-License-Identifier: Apache-2.0

package core

import (
	"math"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/process"
)

// realClock is the process's own.
type realClock struct{ *machineDouble }

func (realClock) Boot() int64 { return process.Boottime() }

// BenchmarkLeased is what every call pays, twice.
func BenchmarkLeased(b *testing.B) {
	for name, until := range map[string]int64{"alone": math.MaxInt64, "one of several": math.MaxInt64 - 1} {
		b.Run(name, func(b *testing.B) {
			c := &Core{system: realClock{}}
			c.coherence.until.Store(until)
			for b.Loop() {
				if err := c.Leased(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
