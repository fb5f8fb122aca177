// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	warm  = 25 * time.Millisecond
	slice = 130 * time.Millisecond
)

// Names of the contenders.
const (
	soft   = "SoftHSM"
	kit    = "p11-kit"
	fast   = "Genbu fast"
	strict = "Genbu strict"
)

// rateLine is what one module did in one line of the comparison: medians over the turns.
type rateLine struct {
	Module  string  `json:"module"`
	Op      string  `json:"op"`
	Threads int     `json:"threads"`
	Rate    float64 `json:"per_second"`
	Best    float64 `json:"best_per_second"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Client  float64 `json:"client_cpu_us"`
	Server  float64 `json:"server_cpu_us,omitempty"`
}

// ratioLine compares two modules.
type ratioLine struct {
	Op      string  `json:"op"`
	Threads int     `json:"threads"`
	Ours    string  `json:"ours"`
	Theirs  string  `json:"theirs"`
	Ratio   float64 `json:"ratio"`    // median of the turns
	Low     float64 `json:"low"`      // a quarter of the turns is below
	High    float64 `json:"high"`     // and a quarter above
	OfBests float64 `json:"of_bests"` // each module's best slice, which neighbours disturbed least
	Wanted  float64 `json:"wanted,omitempty"`
	Met     bool    `json:"met"`
	Note    string  `json:"note,omitempty"`
}

// line is one row of the comparison: an operation with so many threads, and each module's slices in order of turns.
type line struct {
	op      string
	threads int
	slices  map[string][]measured
}

// lines of the comparison. Random numbers show what a call costs that has nothing to do.
func (b *bench) lines() (all []*line) {
	add := func(op string, threads ...int) {
		for _, n := range threads {
			all = append(all, &line{op, n, map[string][]measured{}})
		}
	}
	if b.wants("ratios") {
		for _, op := range []string{"p256-sign", "p384-sign", "ed25519-sign", "aes256-gcm-1k", "hmac-sha256-1k", "rsa2048-sign", "random-32"} {
			add(op, 1, 2, 16)
		}
		add("p256-keygen", 16)
	}
	if b.wants("overhead") {
		add("random-1", 1, 16, 64)
	}
	return all
}

func (b *bench) compare(r *report) error {
	var all []*contender
	for _, start := range []func() (*contender, error){
		b.softHSM, b.p11Kit,
		func() (*contender, error) { return b.genbuNode("fast", "--fast") },
		func() (*contender, error) { return b.genbuNode("strict") },
	} {
		c, err := start()
		if err != nil {
			return err
		}
		if c.does, err = c.do("prepare"); err != nil {
			return err
		}
		b.say("%-13s %s", c.name, strings.Join(c.does, " "))
		all = append(all, c)
	}
	lines := b.lines()
	for turn := range b.rounds {
		b.say("turn %d of %d", turn+1, b.rounds)
		for _, l := range lines {
			if err := l.take(all, turn); err != nil {
				return err
			}
		}
	}
	for _, l := range lines {
		for _, c := range all {
			s := l.slices[c.name]
			if len(s) == 0 {
				continue
			}
			if l.op == "random-1" {
				r.Overhead = append(r.Overhead, l.rate(c.name))
			} else {
				r.Rates = append(r.Rates, l.rate(c.name))
			}
		}
		if l.op != "random-1" {
			r.Ratios = append(r.Ratios, l.ratios()...)
		}
	}
	return nil
}

// take lets each module have one slice, in an order that changes with the turn.
func (l *line) take(all []*contender, turn int) error {
	order := slices.Clone(all)
	if turn%2 == 1 {
		slices.Reverse(order)
	}
	span := slice
	if l.op == "p256-keygen" {
		span *= 3
		if turn > 2 {
			return nil // slow with SoftHSM, and each key stays in its token
		}
	}
	for _, c := range order {
		if !c.can(l.op) || l.op == "random-1" && !strings.HasPrefix(c.name, "Genbu") {
			continue
		}
		m, ok, err := c.run(l.op, l.threads, warm, span)
		if err != nil {
			return fmt.Errorf("%s with %d threads: %w", l.op, l.threads, err)
		}
		if ok {
			l.slices[c.name] = append(l.slices[c.name], m)
		}
	}
	return nil
}

func (l *line) rate(module string) rateLine {
	s := l.slices[module]
	of := func(f func(m measured) float64) []float64 {
		v := make([]float64, len(s))
		for i, m := range s {
			v[i] = f(m)
		}
		return v
	}
	// Processor time is read in ticks of 10 ms, so it is added up over all slices.
	var client, server, n float64
	for _, m := range s {
		client, server, n = client+m.clientCPU*m.operations, server+m.othersCPU*m.operations, n+m.operations
	}
	rates := of(func(m measured) float64 { return m.rate })
	return rateLine{Module: module, Op: l.op, Threads: l.threads, Rate: quantile(rates, 0.5), Best: slices.Max(rates),
		P50: quantile(of(func(m measured) float64 { return m.p50 }), 0.5), P99: quantile(of(func(m measured) float64 { return m.p99 }), 0.5),
		Client: client / max(n, 1), Server: server / max(n, 1)}
}

func (l *line) ratios() (all []ratioLine) {
	for _, pair := range [][2]string{{fast, soft}, {strict, soft}, {fast, kit}, {strict, kit}, {fast, plain}, {strict, plain}} {
		ours, theirs := l.slices[pair[0]], l.slices[pair[1]]
		var of []float64
		for i := range min(len(ours), len(theirs)) {
			if theirs[i].rate > 0 {
				of = append(of, ours[i].rate/theirs[i].rate)
			}
		}
		if len(of) == 0 {
			continue
		}
		r := ratioLine{Op: l.op, Threads: l.threads, Ours: pair[0], Theirs: pair[1],
			Ratio: quantile(of, 0.5), Low: quantile(of, 0.25), High: quantile(of, 0.75),
			OfBests: l.rate(pair[0]).Best / l.rate(pair[1]).Best}
		r.judge(l)
		all = append(all, r)
	}
	return all
}

// quantile of unsorted values, between neighbours by their distance.
func quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	at := q * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}
