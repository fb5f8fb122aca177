// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// NextState says which changes of state SP 800-57 part 1 section 7.4 knows. Destruction is no change of state here but
// C_DestroyObject. Nothing leads back from deactivated and compromised: whoever saw the one would miss the other.
func NextState(from, to key.State) error {
	ok := false
	switch from {
	case key.StateActive:
		ok = to == key.StateSuspended || to == key.StateDeactivated || to == key.StateCompromised
	case key.StateSuspended:
		ok = to == key.StateActive || to == key.StateDeactivated || to == key.StateCompromised
	case key.StateDeactivated:
		ok = to == key.StateCompromised
	}
	if !ok && from != to {
		return fault.ActionProhibited.At("change key state")
	}
	return nil
}

// Date is a day as CK_DATE writes it: year, month, day in eight digits.
type Date [8]byte

func (d Date) after(e Date) bool { return string(d[:]) > string(e[:]) }

// DateOf is the UTC day of a time in seconds since 1970, by the civil calendar of years of 400 (the core has no package
// time). Seconds outside the years 0 to 9999 are not asked for.
func DateOf(unix int64) Date {
	days := unix / 86400
	if unix%86400 < 0 {
		days--
	}
	days += 719468 // to 1 March of the year 0
	era := days / 146097
	day := days - era*146097
	year := (day - day/1460 + day/36524 - day/146096) / 365
	day -= 365*year + year/4 - year/100
	m := (5*day + 2) / 153
	d := day - (153*m+2)/5 + 1
	year += era * 400
	if m += 3; m > 12 {
		m -= 12
		year++
	}
	digit := func(n int64) byte { return byte('0' + n%10) }
	return Date{digit(year / 1000), digit(year / 100), digit(year / 10), digit(year),
		digit(m / 10), digit(m), digit(d / 10), digit(d)}
}
