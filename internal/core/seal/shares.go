// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// A share is one value, at its index, of random polynomials whose values at 0 are the secret's bytes (A. Shamir, "How to
// share a secret", 1979, over GF(2^8)). Its text is Bech32m in groups of five:
//
//	genbu1-qypqx-pq9qc-...    of: u8 version (1) | u32 set | u8 threshold | u8 index | 32 bytes
//
// The checksum finds slips of the pen, not lies: a custodian who gives a well-formed wrong share makes the unlock fail
// with KeeperRefused, and which of the m shares it was nobody can tell.

const (
	maxShares    = 255 // the nonzero elements of the field
	sharePrefix  = "genbu"
	shareVersion = 1
	shareGroup   = 5
	shareText    = 2 * (len(sharePrefix) + 1 + 63 + wire.Bech32Checksum) // longest text looked at, separators included
)

// split writes a share of secret for each index from 1 to h.Shares.
func split(secret []byte, h RootHead) [][]byte {
	values := make([][]byte, h.Shares)
	for i := range values {
		values[i] = make([]byte, len(secret))
	}
	coefficients := make([]byte, h.Threshold)
	defer clear(coefficients)
	for b := range secret {
		// Every coefficient may be zero, the leading one too: forbidding it would rule one secret out for m-1 shares.
		rand.Read(coefficients)
		coefficients[0] = secret[b]
		for i := range values {
			values[i][b] = evaluate(coefficients, byte(i+1))
		}
	}
	texts := make([][]byte, h.Shares)
	for i, v := range values {
		texts[i] = writeShare(h.Set, h.Threshold, uint8(i+1), v)
		clear(v)
	}
	return texts
}

func writeShare(set uint32, threshold, index uint8, value []byte) []byte {
	var w wire.Writer
	w.U8(shareVersion)
	w.U32(set)
	w.U8(threshold)
	w.U8(index)
	w.Raw(value)
	defer clear(w.B)
	plain := wire.ToBech32(sharePrefix, w.B)
	defer clear(plain)
	cut := len(sharePrefix) + 1
	text := append(make([]byte, 0, 2*len(plain)), plain[:cut]...)
	for i := cut; i < len(plain); i += shareGroup {
		text = append(text, '-')
		text = append(text, plain[i:min(i+shareGroup, len(plain))]...)
	}
	return text
}

// readShare takes a share's text as people type it: capitals, spaces, hyphens and line ends do not matter.
func readShare(text []byte) (set uint32, threshold, index uint8, value []byte, ok bool) {
	if len(text) > shareText {
		return 0, 0, 0, nil, false
	}
	plain := make([]byte, 0, len(text))
	defer func() { clear(plain) }()
	for _, c := range text {
		switch {
		case c == ' ' || c == '-' || c == '\n' || c == '\r' || c == '\t':
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c+'a'-'A')
		default:
			plain = append(plain, c)
		}
	}
	data, ok := wire.FromBech32(sharePrefix, plain)
	r := wire.NewReader(data)
	ok = r.U8() == shareVersion && ok
	set, threshold, index, value = r.U32(), r.U8(), r.U8(), r.Raw(keyLen)
	return set, threshold, index, value, ok && r.End() == nil && threshold > 0 && index > 0
}

// Gathering collects shares until there are enough. It is used by one goroutine at a time.
type Gathering struct {
	head    RootHead
	indexes []byte
	values  []ssp.Bytes
}

// NewGathering waits for shares of the set that h names.
func NewGathering(h RootHead) (*Gathering, error) {
	if h.Keeper != KeeperCustodians {
		return nil, fault.ArgumentsBad.At("gather shares")
	}
	return &Gathering{head: h}, nil
}

// Given is the number of shares accepted.
func (g *Gathering) Given() int { return len(g.indexes) }

// Missing is the number of shares still needed.
func (g *Gathering) Missing() int { return max(0, int(g.head.Threshold)-len(g.indexes)) }

// Add accepts one share and answers how many are missing. A share that is damaged, of another set, or given before is
// refused as ShareBad, and nothing has changed. Shares beyond the threshold are refused with ArgumentsBad.
func (g *Gathering) Add(text []byte) (missing int, err error) {
	set, threshold, index, value, ok := readShare(text)
	defer clear(value)
	switch {
	case !ok:
		return g.Missing(), fault.ShareBad.At("read share: it has a slip")
	case set != g.head.Set || threshold != g.head.Threshold || index > g.head.Shares:
		return g.Missing(), fault.ShareBad.At("accept share: it is of another set")
	}
	for _, i := range g.indexes {
		if i == index {
			return g.Missing(), fault.ShareBad.At("accept share: it was given before")
		}
	}
	if g.Missing() == 0 {
		return 0, fault.ArgumentsBad.At("accept share: there are enough")
	}
	held, err := hold(value)
	if err != nil {
		return g.Missing(), err
	}
	g.indexes, g.values = append(g.indexes, index), append(g.values, held)
	return g.Missing(), nil
}

// Secret joins the shares into the keeper's secret, which opens the sealed root. SharesMissing while there are too few.
func (g *Gathering) Secret() (ssp.Bytes, error) {
	if g.Missing() > 0 {
		return ssp.Bytes{}, fault.SharesMissing.At("join shares")
	}
	secret, err := ssp.Alloc(keyLen)
	if err != nil {
		return ssp.Bytes{}, err
	}
	w := weights(g.indexes, 0)
	useKey(secret, func(out []byte) {
		for i, v := range g.values {
			useKey(v, func(p []byte) {
				for b := range out {
					out[b] ^= mul(p[b], w[i])
				}
			})
		}
	})
	return secret, nil
}

// Clear forgets all shares, after an unlock or to start again.
func (g *Gathering) Clear() {
	for _, v := range g.values {
		v.Free()
	}
	g.indexes, g.values = nil, nil
}
