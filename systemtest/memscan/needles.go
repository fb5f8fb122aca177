// SPDX-License-Identifier: Apache-2.0

package memscan

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// Kind says in which forms a secret may lie about.
type Kind int

const (
	_       Kind = iota
	Bytes        // symmetric keys, seeds, PINs, plaintext: as they are
	Integer      // a big-endian number, as EC scalars and the parts of an RSA key: also in limbs and reversed
	DER          // an encoded structure: also as PEM
)

// Needle is one form of one secret, or a piece of it.
type Needle struct {
	Name  string // of the secret and the form
	Bytes []byte
}

// A secret is looked for in pieces, so that one that was partly overwritten, or broken by the line ends of PEM, is found too.
// Sixteen random bytes do not occur by chance.
const piece = 16

// minNeedle is the shortest secret that can be looked for; below it every memory has false hits.
const minNeedle = 8

// Needles are all forms of a secret: raw, in both byte orders and as 64-bit limbs in both orders where it is a number, each
// also in hex (either case) and in base64 at its three alignments (standard and URL alphabet, which PEM and JSON use).
// It panics for a secret shorter than 8 bytes: such a test could not be trusted.
func Needles(name string, secret []byte, kind Kind) []Needle {
	if len(secret) < minNeedle {
		panic("memscan: secret " + name + " is too short to look for")
	}
	forms := []Needle{{name + " raw", secret}}
	if kind == Integer {
		forms = append(forms, limbs(name, secret)...)
	}
	var all []Needle
	for _, f := range forms {
		for _, p := range pieces(f) {
			all = append(all, p)
			h := hex.EncodeToString(p.Bytes)
			all = append(all, Needle{p.Name + " in hex", []byte(h)}, Needle{p.Name + " in HEX", []byte(strings.ToUpper(h))})
			all = append(all, base64Forms(p)...)
		}
	}
	return all
}

// limbs are the forms a number takes in arithmetic: padded to whole 64-bit words, each little-endian in memory, least word
// first (which is the whole number reversed) or most first.
func limbs(name string, number []byte) []Needle {
	padded := make([]byte, (len(number)+7)/8*8)
	copy(padded[len(padded)-len(number):], number)
	least := slices.Clone(padded)
	slices.Reverse(least)
	most := slices.Clone(padded)
	for w := range slices.Chunk(most, 8) {
		slices.Reverse(w)
	}
	return []Needle{{name + " reversed", least}, {name + " in limbs, most first", most}}
}

// pieces cuts a form into its first, last and middle pieces.
func pieces(f Needle) []Needle {
	b := f.Bytes
	if len(b) < 2*piece {
		return []Needle{f} // the whole: pieces would be too short to be sure of
	}
	cut := []Needle{{f.Name + ", first bytes", b[:piece]}, {f.Name + ", last bytes", b[len(b)-piece:]}}
	if len(b) >= 4*piece {
		m := len(b) / 2
		cut = append(cut, Needle{f.Name + ", middle bytes", b[m : m+piece]})
	}
	return cut
}

// base64Forms are what the bytes become when they are part of a longer text in base64: it depends on their offset modulo
// three, and the characters at both ends that also hold bits of neighbours are left out.
func base64Forms(n Needle) []Needle {
	var all []Needle
	for offset := range 3 {
		padded := append(make([]byte, offset), n.Bytes...)
		for _, alphabet := range []struct {
			name string
			enc  *base64.Encoding
		}{{"base64", base64.RawStdEncoding}, {"base64url", base64.RawURLEncoding}} {
			text := alphabet.enc.EncodeToString(padded)
			from, to := (8*offset+5)/6, 8*len(padded)/6
			all = append(all, Needle{n.Name + " in " + alphabet.name, []byte(text[from:to])})
		}
	}
	// The two alphabets mostly agree.
	return slices.CompactFunc(all, func(a, b Needle) bool { return string(a.Bytes) == string(b.Bytes) })
}
