// SPDX-License-Identifier: Apache-2.0

package object

// Date is a day as CK_DATE writes it: year, month, day in eight digits.
type Date [8]byte

// After tells whether d is a later day than e.
func (d Date) After(e Date) bool { return string(d[:]) > string(e[:]) }

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
