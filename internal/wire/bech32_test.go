// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"strings"
	"testing"
)

// TestBech32mIsTheOneOfBIP350 uses the valid and invalid strings that the BIP publishes, but those without a prefix: ours is fixed.
func TestBech32mIsTheOneOfBIP350(t *testing.T) {
	for _, s := range []string{
		"a1lqfn3a",
		"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
		"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
		"11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8",
		"split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
		"?1v759aa",
	} {
		prefix := s[:strings.LastIndexByte(s, '1')]
		sum := prefixSum(prefix)
		for _, c := range []byte(s[len(prefix)+1:]) {
			v, ok := value(c)
			if ok != 0xff {
				t.Fatalf("%s: letter %c", s, c)
			}
			sum = polymod(sum, v)
		}
		if sum != bech32mConst {
			t.Errorf("%s: checksum differs", s)
		}
	}
	for _, s := range []string{"y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i", "au1s5cgom", "m1vuewpl"} {
		i := strings.LastIndexByte(s, '1')
		if _, ok := FromBech32(s[:i], []byte(s)); ok {
			t.Errorf("%s: accepted", s)
		}
	}
	if got := ToBech32("a", nil); string(got) != "a1lqfn3a" {
		t.Errorf("wrote %s", got)
	}
	for n := range 60 {
		data := bytes.Repeat([]byte{0xa5, byte(n)}, n)[:n]
		if got, ok := FromBech32("genbu", ToBech32("genbu", data)); !ok || !bytes.Equal(got, data) {
			t.Errorf("%x came back as %x, %v", data, got, ok)
		}
	}
}
