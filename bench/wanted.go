// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// goal is one line of what is wanted. It is compared with and printed, never asserted: a figure is the machine's too.
type goal struct {
	op           string
	threads      int
	ours, theirs string
	least        float64 // of the ratio; of the rate per second when theirs is empty
	p99          float64 // at most, in microseconds; 0 for none
}

var goals = []goal{
	{"p256-sign", 1, fast, soft, 1, 0},
	{"p256-sign", 2, fast, soft, 1.2, 0},
	{"p256-sign", 16, fast, soft, 2, 10_000},
	{"p256-sign", 16, strict, soft, 1, 0},
	{"p384-sign", 1, fast, soft, 2, 0},
	{"p384-sign", 16, fast, soft, 2, 0},
	{"ed25519-sign", 1, fast, soft, 2, 0},
	{"ed25519-sign", 16, fast, soft, 2, 0},
	{"aes256-gcm-1k", 1, fast, soft, 0.8, 0},
	{"aes256-gcm-1k", 16, fast, soft, 2, 0},
	{"hmac-sha256-1k", 1, fast, soft, 0.6, 0},
	{"hmac-sha256-1k", 16, fast, soft, 2, 0},
	{"p256-sign", 1, fast, kit, 3, 0},
	{"p256-sign", 16, fast, kit, 3, 0},
	{"p384-sign", 1, fast, kit, 3, 0},
	{"p384-sign", 16, fast, kit, 3, 0},
	{"hmac-sha256-1k", 1, fast, kit, 3, 0},
	{"hmac-sha256-1k", 16, fast, kit, 3, 0},
	{"rsa2048-sign", 1, fast, soft, 0.9, 0},
	{"rsa2048-sign", 2, fast, soft, 0.9, 0},
	{"rsa2048-sign", 16, fast, soft, 0.9, 0},
	{"azure p256-sign", 1, fast, plain, 0.6, 0},
	{"azure p256-sign", 16, fast, plain, 0.6, 0},
	{"azure p256-sign", 64, fast, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 1, fast, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 16, fast, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 64, fast, plain, 0.6, 0},
	{"azure p256-sign", 1, strict, plain, 0.6, 0},
	{"azure p256-sign", 16, strict, plain, 0.6, 0},
	{"azure p256-sign", 64, strict, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 1, strict, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 16, strict, plain, 0.6, 0},
	{"azure aes256-gcm-1k", 64, strict, plain, 0.6, 0},
}

// Goals that are no ratios.
const (
	wantedKeygen = 1000 // token P-256 pairs per second with 16 threads
	wantedFind   = 1000 // microseconds of the first find by label among 100,000
	wantedStart  = 5    // seconds of a node's start with them
)

// judge says whether the ratio is what is wanted.
func (r *ratioLine) judge(l *line) {
	for _, g := range goals {
		if g.op != r.Op || g.threads != r.Threads || g.ours != r.Ours || g.theirs != r.Theirs {
			continue
		}
		r.Wanted, r.Met = g.least, r.Ratio >= g.least
		if p99 := l.rate(r.Ours).P99; g.p99 > 0 {
			r.Note = fmt.Sprintf("p99 %.1f ms", p99/1000)
			r.Met = r.Met && p99 < g.p99
		}
	}
}
