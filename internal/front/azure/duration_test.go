// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	from := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"P90D": "2026-05-01T12:00:00Z", "P2Y": "2028-01-31T12:00:00Z", "P1Y10D": "2027-02-10T12:00:00Z",
		"P4W": "2026-02-28T12:00:00Z", "PT3S": "2026-01-31T12:00:03Z", "P1DT1H1M": "2026-02-01T13:01:00Z"} {
		if d, ok := parseDuration(text); !ok || d.from(from).Format(time.RFC3339) != want {
			t.Errorf("%s: %v %t", text, d.from(from), ok)
		}
	}
	for _, bad := range []string{"", "P", "PT", "90D", "P90", "PD", "P-1D", "P1.5D", "P1D2Y", "P1S", "PT1D", "P1DT", "P0D", "P1Y1Y", "P999999999999D", "p1d"} {
		if d, ok := parseDuration(bad); ok {
			t.Errorf("%q: %+v", bad, d)
		}
	}
}
