// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"strings"
	"testing"
)

func TestATargetHasTheFormOfAToken(t *testing.T) {
	for text, want := range map[string]bool{
		"e30.e30.AA": true, "e30.e30.": true, // what it says, and whether it is signed, the core looks at
		"": false, "e30": false, "e30.e30": false, "e30.e30.AA.AA": false, "e30.!!.AA": false, "e30.AAAA.AA": false, "e30=.e30.AA": false,
		"e30.e30." + strings.Repeat("A", maxTarget): false,
	} {
		if compactJWS(text) != want {
			t.Errorf("%.40q: %v", text, !want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("e30.e30.AA")
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if compactJWS(text) && strings.Count(text, ".") != 2 {
			t.Fatalf("%q is taken for a token", text)
		}
	})
}
