// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxNodes bounds the members that an agent speaks to.
const maxNodes = 64

// clearly is how much better a node must look than another to be preferred: what differs less is noise, and would send
// everything to one of two that are alike.
const clearly = 1.5

// pick chooses a node for a call: among those in the best condition, and of these among those where the application is
// ready, the better of two at random. Two, and not the best of all: many agents that all see the same node idle would run to
// it together (Mitzenmacher, The Power of Two Choices). Nil when every node that is no worse than worst is to be skipped.
func (a *Agent) pick(x *app, n need, worst health, skip func(*node) bool) *node {
	now := time.Now()
	if x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
	}
	best, list := int(worst)*2+2, make([]*node, 0, 8)
	for _, c := range a.members() {
		if skip != nil && skip(c) {
			continue
		}
		rank := int(c.rank(now)) * 2
		if x != nil {
			m := x.mirrors[c]
			if m == nil || m.secret.Len() == 0 || !m.settled(n) {
				rank++
			}
			if m != nil && m.refuses(n) {
				rank += 2 * int(healthDown)
			}
		}
		if rank < best {
			best, list = rank, list[:0]
		}
		if rank == best {
			list = append(list, c)
		}
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	i := rand.IntN(len(list))
	j := rand.IntN(len(list) - 1)
	if j >= i {
		j++
	}
	if list[j].score()*clearly < list[i].score() {
		i = j
	}
	return list[i]
}

// await waits, right after the start, until the first node has answered, instead of asking one that may be away. It gives up
// when every node was heard of, or after a while.
func (a *Agent) await(ctx context.Context) {
	if a.met.Load() {
		return
	}
	timer := time.NewTimer(dialTime)
	defer timer.Stop()
	for {
		news := a.news()
		unknown := 0
		for _, n := range a.members() {
			switch n.condition() {
			case healthUp:
				a.met.Store(true)
				return
			case healthUnknown:
				unknown++
			}
		}
		if unknown == 0 {
			return
		}
		select {
		case <-news:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
