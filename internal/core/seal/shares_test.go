// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
)

func gathering(t *testing.T, sealed []byte) *Gathering {
	t.Helper()
	g, err := NewGathering(must(ReadRootHead(sealed)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Clear)
	return g
}

func TestFieldIsTheOneOfAES(t *testing.T) {
	if p := mul(0x57, 0x83); p != 0xc1 { // FIPS 197 section 4.2
		t.Errorf("57 * 83 = %02x", p)
	}
	if p := mul(0x57, 0x13); p != 0xfe { // FIPS 197 section 4.2.1
		t.Errorf("57 * 13 = %02x", p)
	}
	for a := range 256 {
		if a != 0 && mul(byte(a), inv(byte(a))) != 1 {
			t.Errorf("%02x has no inverse", a)
		}
		for b := range 256 { // by carry-less multiplication and division by 0x11b
			p := 0
			for i := range 8 {
				p ^= a << i * (b >> i & 1)
			}
			for i := 15; i >= 8; i-- {
				p ^= 0x11b << (i - 8) * (p >> i & 1)
			}
			if mul(byte(a), byte(b)) != byte(p) {
				t.Fatalf("%02x * %02x", a, b)
			}
		}
	}
	if inv(0) != 0 {
		t.Error("0 has an inverse")
	}
}

// TestSharesJoinAsInShamirMnemonic uses shares computed by an implementation that is not ours, over the same field.
func TestSharesJoinAsInShamirMnemonic(t *testing.T) {
	var vectors struct {
		Origin string
		Cases  []struct {
			Threshold int
			Secret    string
			Shares    []struct {
				X byte
				Y string
			}
		}
	}
	b, err := os.ReadFile("testdata/shamir.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	joined := 0
	for _, c := range vectors.Cases {
		for first := 0; first+c.Threshold <= len(c.Shares); first++ {
			g := &Gathering{head: RootHead{Keeper: KeeperCustodians, Threshold: uint8(c.Threshold), Shares: 255}}
			for _, s := range c.Shares[first : first+c.Threshold] {
				if _, err := g.Add(writeShare(0, uint8(c.Threshold), s.X, must(hex.DecodeString(s.Y)))); err != nil {
					t.Fatal(err)
				}
			}
			secret, err := g.Secret()
			if err != nil || hex.EncodeToString(shown(secret)) != c.Secret {
				t.Errorf("%d of %d from %d: %v", c.Threshold, len(c.Shares), first, err)
			}
			g.Clear()
			joined++
		}
	}
	t.Logf("%d sets of shares, from %s", joined, vectors.Origin)
}

// TestAnySharesAtTheThresholdUnlock tries every subset of a 3-of-5 set, and the corners of what is allowed.
func TestAnySharesAtTheThresholdUnlock(t *testing.T) {
	root := held(t, 5)
	sealed, shares, err := SealRootToCustodians(root, domain, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	for subset := range 32 {
		g := gathering(t, sealed)
		for i := range 5 {
			if subset>>i&1 == 1 && g.Missing() > 0 {
				must(g.Add(shares[i]))
			}
		}
		secret, err := g.Secret()
		if g.Missing() > 0 {
			wantFault(t, "too few", err, fault.SharesMissing)
			continue
		}
		if got, err := OpenRoot(sealed, secret); err != nil || !got.Equal(root) {
			t.Errorf("shares %05b: %v", subset, err)
		}
		secret.Free()
	}
	for _, c := range [][2]int{{1, 1}, {1, 3}, {2, 2}, {255, 255}, {2, 255}} {
		sealed, shares, err := SealRootToCustodians(root, domain, c[0], c[1])
		if err != nil || len(shares) != c[1] {
			t.Fatal(c, err)
		}
		g := gathering(t, sealed)
		for i := range c[0] {
			must(g.Add(shares[c[1]-1-i]))
		}
		if got, err := OpenRoot(sealed, must(g.Secret())); err != nil || !got.Equal(root) {
			t.Errorf("%d of %d: %v", c[0], c[1], err)
		}
	}
	for _, c := range [][2]int{{0, 1}, {3, 2}, {-1, 4}, {2, 256}, {0, 0}} {
		_, _, err := SealRootToCustodians(root, domain, c[0], c[1])
		wantFault(t, "bad numbers", err, fault.ArgumentsBad)
	}
}

// TestFewerSharesFitEverySecret shows perfect secrecy: beside any m-1 shares of a real set, each of the 256 values of a
// secret byte leads to one value of the next share, and no two to the same. So the m-1 shares rule nothing out.
func TestFewerSharesFitEverySecret(t *testing.T) {
	for _, m := range []int{2, 3, 5} {
		h := RootHead{Threshold: uint8(m), Shares: uint8(m)}
		texts := split(bytes.Repeat([]byte{0x42}, 32), h)
		xs, ys := []byte{0}, []byte{0}
		for _, text := range texts[:m-1] {
			_, _, x, value, ok := readShare(text)
			if !ok {
				t.Fatal("share does not read")
			}
			xs, ys = append(xs, x), append(ys, value[0])
		}
		seen := map[byte]bool{}
		w := weights(xs, byte(m))
		for secret := range 256 {
			next := mul(byte(secret), w[0])
			for i := 1; i < m; i++ {
				next ^= mul(ys[i], w[i])
			}
			seen[next] = true
		}
		if len(seen) != 256 {
			t.Errorf("m=%d: %d secrets fit", m, len(seen))
		}
	}
}

// TestSharesOfAFixedSecretAreUniform is the other half: the coefficients are drawn evenly, the highest included (an
// implementation that forbids zero there leaks). Chi-square with 255 degrees; 400 lies beyond one in a hundred million.
func TestSharesOfAFixedSecretAreUniform(t *testing.T) {
	var count [256]int
	const rounds = 2000
	for range rounds {
		for _, text := range split(make([]byte, 32), RootHead{Threshold: 2, Shares: 1}) {
			_, _, _, value, _ := readShare(text)
			for _, v := range value {
				count[v]++
			}
		}
	}
	mean, chi := float64(rounds*32)/256, 0.0
	for _, n := range count {
		chi += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	if chi > 400 || chi < 140 {
		t.Errorf("chi-square %.0f", chi)
	}
}

func TestBadSharesAreRefusedAndChangeNothing(t *testing.T) {
	root := held(t, 5)
	sealed, shares, err := SealRootToCustodians(root, domain, 3, 5)
	if err != nil {
		t.Fatal(err)
	}
	_, others, _ := SealRootToCustodians(root, domain, 3, 5)
	g := gathering(t, sealed)
	must(g.Add(shares[0]))
	refuse := func(what string, text []byte, code fault.Code) {
		t.Helper()
		missing, err := g.Add(text)
		wantFault(t, what, err, code)
		if missing != 2 || g.Given() != 1 {
			t.Errorf("%s: %d given, %d missing", what, g.Given(), missing)
		}
	}
	refuse("given twice", shares[0], fault.ShareBad)
	refuse("of another set", others[1], fault.ShareBad)
	refuse("empty", nil, fault.ShareBad)
	refuse("far too long", bytes.Repeat([]byte("q"), 1<<20), fault.ShareBad)
	good := shares[1]
	for i, c := range good {
		if c == '-' {
			continue
		}
		for _, d := range []byte("qz0l!-\x00\xff") {
			if d == c || d == '-' && c == '1' {
				continue
			}
			b := bytes.Clone(good)
			b[i] = d
			refuse("one letter off", b, fault.ShareBad)
		}
		refuse("cut", good[:i], fault.ShareBad)
	}
	// people's forms of the same share are the same share
	must(g.Add([]byte(" " + strings.ToUpper(strings.ReplaceAll(string(good), "-", " ")) + "\r\n")))
	must(g.Add(shares[4]))
	_, err = g.Add(shares[3])
	wantFault(t, "one too many", err, fault.ArgumentsBad)
	if got, err := OpenRoot(sealed, must(g.Secret())); err != nil || !got.Equal(root) {
		t.Errorf("after all that: %v", err)
	}
}

func TestWrongKeeperOpensNothing(t *testing.T) {
	root, secret := held(t, 5), held(t, 6)
	sealed := must(SealRootToFile(root, secret, domain))
	_, err := OpenRoot(sealed, held(t, 7))
	wantFault(t, "other secret", err, fault.KeeperRefused)
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		if _, err := OpenRoot(b, secret); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	custodians, shares, _ := SealRootToCustodians(root, domain, 2, 2)
	g := gathering(t, custodians)
	must(g.Add(shares[0]))
	// a well-formed lie: right set, right index, other value
	h := must(ReadRootHead(custodians))
	must(g.Add(writeShare(h.Set, 2, 2, make([]byte, 32))))
	_, err = OpenRoot(custodians, must(g.Secret()))
	wantFault(t, "a lie among the shares", err, fault.KeeperRefused)
	g.Clear()
	if g.Missing() != 2 {
		t.Error("cleared, but shares are left")
	}
}

func FuzzShare(f *testing.F) {
	f.Add(writeShare(7, 2, 1, make([]byte, 32)))
	f.Add([]byte("genbu1-qqqqq"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, threshold, index, value, ok := readShare(text)
		if !ok {
			return
		}
		again := writeShare(set, threshold, index, value)
		s2, t2, i2, v2, ok := readShare(again)
		if !ok || s2 != set || t2 != threshold || i2 != index || !bytes.Equal(v2, value) {
			t.Errorf("%q does not survive", text)
		}
	})
}
