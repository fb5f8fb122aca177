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

// Unix is the first second of a day, the inverse of DateOf; false for what is no day.
func (d Date) Unix() (int64, bool) {
	if !isDate(d[:]) {
		return 0, false
	}
	n := func(s []byte) (v int64) {
		for _, c := range s {
			v = v*10 + int64(c-'0')
		}
		return v
	}
	y, m, day := n(d[:4]), n(d[4:6]), n(d[6:])
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era--
	}
	year := y - era*400
	m = (m + 9) % 12 // from March on
	of := year*365 + year/4 - year/100 + (153*m+2)/5 + day - 1
	unix := (era*146097 + of - 719468) * 86400
	return unix, DateOf(unix) == d
}
