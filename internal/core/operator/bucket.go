// SPDX-License-Identifier: Apache-2.0

package operator

// bucket limits wrong PINs by time, whatever right ones come between. The zero value is full.
type bucket struct {
	used float64 // tokens taken and not yet regained
	at   int64   // when used was reckoned
}

const (
	bucketSize   = 20 // twice MaxTries: a forgetful person meets the lock, not the limit
	bucketRegain = 30 * 1_000_000_000
)

func (b *bucket) reckon(now int64) {
	if now > b.at {
		b.used = max(0, b.used-float64(now-b.at)/bucketRegain)
		b.at = now
	}
}

func (b *bucket) allows(now int64) bool {
	b.reckon(now)
	return b.used <= bucketSize-1
}

func (b *bucket) take(now int64) {
	b.reckon(now)
	b.used++
}
