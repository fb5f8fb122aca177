// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"strconv"
	"strings"
	"time"
)

// duration is an ISO 8601 duration, as rotation policies have it: years and months are those of the calendar.
type duration struct {
	years, months, days int
	rest                time.Duration
}

// from is the moment so much later.
func (d duration) from(t time.Time) time.Time {
	return t.UTC().AddDate(d.years, d.months, d.days).Add(d.rest)
}

// before is the moment so much earlier.
func (d duration) before(t time.Time) time.Time {
	return t.UTC().AddDate(-d.years, -d.months, -d.days).Add(-d.rest)
}

// parseDuration reads P1Y2M3W4DT5H6M7S in whole numbers, at least one of them, and none of it all being zero.
func parseDuration(s string) (d duration, ok bool) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || len(s) > 40 {
		return d, false
	}
	date, clock, timed := strings.Cut(rest, "T")
	if timed && clock == "" {
		return d, false
	}
	hours, minutes, seconds, weeks := 0, 0, 0, 0
	if !readParts(date, []part{{'Y', &d.years}, {'M', &d.months}, {'W', &weeks}, {'D', &d.days}}) ||
		!readParts(clock, []part{{'H', &hours}, {'M', &minutes}, {'S', &seconds}}) {
		return d, false
	}
	d.days += 7 * weeks
	d.rest = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
	return d, d != duration{}
}

// part is a number before its letter.
type part struct {
	unit byte
	to   *int
}

// readParts reads numbers with their letters, each at most once and in order.
func readParts(s string, parts []part) bool {
	for _, p := range parts {
		i := 0
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		if i == len(s) || s[i] != p.unit {
			continue
		}
		n, err := strconv.Atoi(s[:i])
		if err != nil || n > 100_000 {
			return false
		}
		*p.to, s = n, s[i+1:]
	}
	return s == ""
}
