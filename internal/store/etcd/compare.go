// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"net"
	"net/http"
	"slices"
	"time"

	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
)

// What a disk has altered within a record's bytes no reading of the file shows. The cores' seals catch it in a value; in a path it
// would be a record that is not there. So a member that starts compares the hash of all it has with what others say of theirs at
// the same revision: followers first, one at a time, since the asked one applies nothing meanwhile, and the leader only if need be.

const (
	compareTries = 4
	comparePause = 500 * time.Millisecond
	dialTimeout  = time.Second
	askTimeout   = 10 * time.Second // for one member: 2 GB are hashed in some seconds
	agreeTimeout = 20 * time.Second // for all
)

// compare refuses what more of the others contradict than confirm. Where nobody answers, or one stands against one, the member
// serves: it cannot be said whose is damaged.
func (e *Engine) compare(ctx context.Context, m *member) error {
	if m.peers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, agreeTimeout)
	defer cancel()
	for try := range compareTries {
		same, other, differ := e.count(ctx, m)
		switch {
		case other > same:
			return damagef("%d other members agree on what this one has otherwise", other)
		case same > 1 && other < same, other == 0 && differ == 0:
			return nil
		case try == compareTries-1 || !pause(ctx, m, comparePause):
			if other > 0 {
				e.log.Error("another member's store is not like this one's, and no third says whose is damaged", "part", "store")
			}
			return nil
		}
	}
	return nil
}

// count asks until one member confirms: how many have the same as this one, itself included, how many at most agree on something
// else, and how many could not be compared.
func (e *Engine) count(ctx context.Context, m *member) (same, other, differ int) {
	own, _, err := m.etcd.Server.KV().HashStorage().HashByRev(0)
	if err != nil {
		return 1, 0, 1
	}
	client := e.config.Peer.TLS.Client()
	client.Timeout = askTimeout
	client.Transport.(*http.Transport).DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	defer client.CloseIdleConnections()
	same = 1
	others := map[uint32]int{}
	for _, x := range m.inOrder() {
		if len(x.PeerURLs) == 0 {
			continue
		}
		got, err := etcdserver.HashByRev(ctx, m.etcd.Server.Cluster().ID(), client, x.PeerURLs[0], own.Revision)
		switch {
		case err != nil || got.GetHashRevision() != own.Revision || got.GetCompactRevision() != own.CompactRevision:
			differ++
		case got.GetHash() == own.Hash:
			return same + 1, other, differ
		default:
			others[got.GetHash()]++
			other = max(other, others[got.GetHash()])
		}
	}
	return same, other, differ
}

// inOrder are the other members: the leader last, learners never.
func (m *member) inOrder() []*membership.Member {
	s := m.etcd.Server
	list := slices.DeleteFunc(m.voters(), func(x *membership.Member) bool { return x.ID == s.MemberID() })
	slices.SortStableFunc(list, func(a, b *membership.Member) int {
		switch s.Leader() {
		case a.ID:
			return 1
		case b.ID:
			return -1
		}
		return 0
	})
	return list
}
