// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// member is where a node is.
type member struct{ name, address string }

// set makes the nodes what the list says: those that are new are met, those that are not named get nothing new to do, and are
// left once nothing lies there that would be lost.
func (a *Agent) set(list []member) {
	a.shifting.Lock()
	defer a.shifting.Unlock()
	old := make(map[string]*node)
	for _, n := range a.members() {
		old[n.address] = n
	}
	for _, n := range a.leaving {
		old[n.address] = n
	}
	nodes := make([]*node, 0, len(list))
	for _, m := range list[:min(len(list), maxNodes)] {
		n := old[m.address]
		if n == nil {
			n = newNode(a, m.name, m.address)
			ctx, cancel := context.WithCancel(a.ctx)
			n.stop = cancel
			a.work.Go(func() { n.watch(ctx) })
		}
		n.rename(m.name)
		delete(old, m.address)
		nodes = append(nodes, n)
	}
	a.nodes.Store(&nodes)
	a.leaving = a.leaving[:0]
	for _, n := range old {
		a.leaving = append(a.leaving, n)
	}
	a.leave()
	a.changed()
}

// leave ends nodes that are no members any more, when no application has state there. The caller holds shifting.
func (a *Agent) leave() {
	rest := a.leaving[:0]
	for _, n := range a.leaving {
		stays := false
		for _, x := range a.applications() {
			x.mu.Lock()
			if m := x.mirrors[n]; m != nil && (x.home != m || !x.stateful()) {
				x.lose(m)
			} else if m != nil {
				stays = true
			}
			x.mu.Unlock()
		}
		if stays && !n.suspected() {
			rest = append(rest, n)
			continue
		}
		a.log.Info("node is no member any more", "node", n.label(), "address", n.address)
		n.remove()
	}
	a.leaving = rest
}

// refreshEvery is how often the members are asked for; refreshSoon how soon after a node's health has changed.
const (
	refreshEvery = 30 * time.Second
	refreshSoon  = time.Second
)

// follow learns from the cluster who its members are, so that one that grew, shrank or moved needs no word here.
func (a *Agent) follow() {
	last, level := time.Now(), slog.LevelWarn
	for first := true; ; {
		pause := refreshEvery
		if first {
			pause = refreshSoon / 10
		}
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(pause):
		case <-a.news():
			if wait := refreshSoon - time.Since(last); wait > 0 && !first {
				select {
				case <-time.After(wait):
				case <-a.ctx.Done():
					return
				}
			}
		}
		last = time.Now()
		list, err := a.ask()
		if err != nil {
			a.log.Debug("the members could not be asked for", "error", err)
			continue
		}
		first = false
		if err := writeMembers(a.config.Dir, list); err != nil {
			a.log.Log(a.ctx, level, "cannot keep where the nodes are", "error", err)
			level = slog.LevelDebug // once: some run in what cannot be written
		}
		a.learn(list)
	}
}

// learn takes over a list of members, unless it has nobody who can be reached.
func (a *Agent) learn(list []wire.ClusterMember) {
	var members []member
	for _, m := range list {
		if m.Door != "" {
			members = append(members, member{m.Name, m.Door})
		}
	}
	if len(members) > 0 && !a.same(members) {
		a.set(members)
	}
}

func (a *Agent) same(list []member) bool {
	nodes := a.members()
	if len(nodes) != len(list) {
		return false
	}
	have := make(map[member]bool)
	for _, n := range nodes {
		have[member{n.label(), n.address}] = true
	}
	for _, m := range list {
		if !have[m] {
			return false
		}
	}
	return true
}

// ask asks any node for the members.
func (a *Agent) ask() ([]wire.ClusterMember, error) {
	ctx, cancel := context.WithTimeout(a.ctx, helloTime)
	defer cancel()
	q := request{call: wire.CallMembers, row: rows[wire.CallMembers]}
	got, err := a.anywhere(ctx, nil, need{}, q)
	if err != nil {
		return nil, err
	}
	defer got.done()
	if got.code != fault.OK {
		return nil, got.code.At("agent: ask for the members")
	}
	return readMemberList(got.body)
}

// readMemberList reads the answer to MEMBERS.
func readMemberList(body []byte) (list []wire.ClusterMember, err error) {
	r := wire.NewReader(body)
	for range r.Count(36) {
		var m wire.ClusterMember
		copy(m.Node[:], r.Bytes())
		m.Name, m.Door, m.Peer = r.String(), r.String(), r.String()
		r.Bytes()
		r.U64()
		r.U64()
		list = append(list, m)
	}
	return list, r.End()
}
