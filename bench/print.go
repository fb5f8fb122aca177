// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// print writes the report for people.
func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %d processors, %s, %s; %.0f s\n", r.Machine.CPU, r.Machine.CPUs, r.Machine.Go, r.Machine.Date, r.Seconds)
	section := func(title, header string, rows func(w io.Writer)) {
		fmt.Fprintf(out, "\n%s\n", title)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, header)
		rows(w)
		w.Flush()
	}
	if len(r.Floor) > 0 {
		section("Go's cryptography alone, in process", "operation\tbest us\tmedian us\t", func(w io.Writer) {
			for _, l := range r.Floor {
				fmt.Fprintf(w, "%s\t%.2f\t%.2f\t\n", l.Op, l.Best, l.P50)
			}
		})
	}
	if len(r.Rates) > 0 {
		section("Rates: median of the turns; processor time per operation of client, and of host and core together", rateHeader, func(w io.Writer) { printRates(w, r.Rates) })
		section("Ratios: ours / theirs within one turn, median and middle half of the turns; and of the best slices", "operation\tthreads\tours\ttheirs\tratio\tspread\tof bests\twanted\t\t", func(w io.Writer) {
			for _, l := range r.Ratios {
				wanted, met := "", ""
				if l.Wanted > 0 {
					wanted, met = fmt.Sprintf(">= %.1f", l.Wanted), "short"
					if l.Met {
						met = "met"
					}
				}
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.2f\t%.2f-%.2f\t%.2f\t%s\t%s %s\t\n", l.Op, l.Threads, l.Ours, l.Theirs, l.Ratio, l.Low, l.High, l.OfBests, wanted, met, l.Note)
			}
		})
		for _, l := range r.Rates {
			if l.Op == "p256-keygen" && l.Module != soft && l.Module != kit {
				fmt.Fprintf(out, "\nP-256 pairs made as token objects, %s, %d threads: %.0f/s, each on disk when answered (wanted %d: %s)\n",
					l.Module, l.Threads, l.Rate, wantedKeygen, met(l.Rate >= wantedKeygen))
			}
		}
	}
	if len(r.Overhead) > 0 {
		section("Overhead per call: C_GenerateRandom of 1 byte over a client's channel; ping from host to core (cpu: the host's share)", rateHeader, func(w io.Writer) { printRates(w, r.Overhead) })
	}
	for _, l := range r.Objects {
		fmt.Fprintf(out, `
%d token objects
  created                      %.0f/s with %d threads, each on disk when answered
  start to serving             %.2f s
  start to index ready         %.2f s (wanted %d: %s)
  first find by label          %.0f us (wanted %d: %s), later ones %.0f us
  memory per object            host %.0f B, core %.0f B
  disk per object              %.0f B
`, l.Objects, l.CreateRate, creators, l.Serves, l.Ready, wantedStart, met(l.Ready < wantedStart),
			l.FirstFind, wantedFind, met(l.FirstFind < wantedFind), l.LaterFind, l.HostMemory, l.CoreMemory, l.DiskPerItem)
	}
}

const rateHeader = "operation\tthreads\tmodule\tper second\tbest\tp50 us\tp99 us\tclient cpu us\tserver cpu us\t"

func printRates(w io.Writer, lines []rateLine) {
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", l.Op, l.Threads, l.Module, l.Rate, l.Best, l.P50, l.P99, l.Client, l.Server)
	}
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "short"
}
