// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
	"github.com/genbu-hsm/genbu/internal/wire"
)

const (
	// changeTime is how long a change of members may take: etcd wants voters to have been connected for five seconds first.
	changeTime = 60 * time.Second

	// catchUpTime is for a newcomer to get the whole store.
	catchUpTime = 30 * time.Minute

	promoteEvery = 250 * time.Millisecond
)

// member changes the store's membership as the core says.
func (c *Cluster) member(ask *wire.MemberRequest) (*wire.MemberReply, error) {
	c.change.Lock()
	defer c.change.Unlock()
	ctx, cancel := context.WithTimeout(c.ctx, changeTime)
	defer cancel()
	engine, err := c.store.now("member")
	if err != nil {
		return nil, err
	}
	switch ask.Verb {
	case wire.MemberAdd:
		peer, err := url.Parse(ask.Peer)
		if err != nil || peer.Scheme != "https" || peer.Port() == "" || peer.Path != "" {
			return nil, fault.ArgumentsBad.At("add member: peer url")
		}
		if err := c.openPeers(ctx, engine); err != nil {
			return nil, err
		}
		if _, err := engine.Add(ctx, ask.Node.String(), ask.Peer); err != nil {
			return nil, err
		}
		c.log.Info("member added", "node", ask.Node, "name", ask.Name, "peer", ask.Peer)
		return c.initial(ctx, engine)
	case wire.MemberDoor:
		if err := c.openDoor(); err != nil {
			return nil, err
		}
		return &wire.MemberReply{Initial: c.current().Advertise}, nil
	case wire.MemberRemove:
		return &wire.MemberReply{}, c.remove(ctx, engine, ask.Node.String())
	}
	return nil, fault.Unsupported.At("member")
}

// initial lists the members as etcd's initial cluster does: name=url,name=url.
func (c *Cluster) initial(ctx context.Context, engine *etcd.Engine) (*wire.MemberReply, error) {
	all, err := engine.Members(ctx)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, m := range all {
		for _, u := range m.Peers {
			parts = append(parts, m.Name+"="+u)
		}
	}
	slices.Sort(parts)
	return &wire.MemberReply{Initial: strings.Join(parts, ",")}, nil
}

// openPeers gives a store that was alone a listener, for which it is started anew in place. What is refused on the way leaves it
// as it was.
func (c *Cluster) openPeers(ctx context.Context, engine *etcd.Engine) error {
	if c.current().Peers {
		return nil
	}
	if err := c.openDoor(); err != nil {
		return err
	}
	if err := c.choosePeer(); err != nil {
		return err
	}
	if err := c.certify(); err != nil {
		return fmt.Errorf("certificate for peers: %w", err)
	}
	next := c.current()
	next.Peers = true
	peer := c.peer(&next)
	c.releasePeer()
	if err := engine.Reopen(ctx, peer); err != nil {
		return fmt.Errorf("open the peer port: %w", err)
	}
	if err := engine.SetPeerURL(ctx, peer.Advertise); err != nil {
		return err
	}
	if err := c.update(func(s *state) { s.Peers = true }); err != nil {
		return err
	}
	c.log.Info("peer port is open", "listen", next.PeerListen, "advertise", next.PeerAdvertise)
	// The core waits for this op's answer while it holds its members, so it is told beside it.
	go c.tellAddress()
	return nil
}

// remove takes a member out. A leader is asked to hand over first, so that nobody waits for an election.
func (c *Cluster) remove(ctx context.Context, engine *etcd.Engine, name string) error {
	all, err := engine.Members(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(m store.Member) bool { return m.Name == name })
	if at < 0 {
		return nil
	}
	if m := all[at]; m.Leader && len(all) > 1 {
		if err := c.askToYield(ctx, engine, &m); err != nil {
			c.log.Info("the member that leaves did not hand its office over", "node", name, "error", err)
		}
	}
	if err := engine.Remove(ctx, all[at].ID); err != nil {
		return err
	}
	c.log.Info("member removed", "node", name)
	return nil
}

// joined starts the store of this node as a learner of the cluster that has admitted it.
func (c *Cluster) joined(ask *wire.JoinedRequest) error {
	c.change.Lock()
	defer c.change.Unlock()
	if c.store.Engine() != nil {
		return nil // the core asks again after an answer that it did not get
	}
	urls, err := joinURLs(ask, c.config.Node.String())
	if err != nil {
		return err
	}
	c.mu.Lock()
	secret := c.pending
	c.mu.Unlock()
	if len(ask.Transport) == 0 || secret == nil {
		return fault.ArgumentsBad.At("joined: no certificate for this host's key")
	}
	if err := c.take(secret, ask.Transport); err != nil {
		return fmt.Errorf("certificate for peers: %w", err)
	}
	if err := c.update(func(s *state) { s.Joining, s.Peers, s.Join = false, true, urls }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, catchUpTime)
	defer cancel()
	c.releasePeer()
	engine, err := etcd.Start(ctx, c.engineConfig())
	if err != nil {
		c.log.Error("the store of this new member does not start", "error", err)
		return fault.Unavailable.At("start the store of a new member")
	}
	if err := engine.CatchUp(ctx); err != nil {
		engine.Close()
		return err
	}
	c.store.set(engine)
	c.log.Info("joined", "name", ask.Name, "members", len(ask.Members))
	return nil
}

// joinURLs are where the members listen for their peers, but for this one.
func joinURLs(ask *wire.JoinedRequest, own string) (urls []string, err error) {
	take := func(u string) {
		if u != "" && !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	for part := range strings.SplitSeq(ask.Initial, ",") {
		name, u, _ := strings.Cut(part, "=")
		if parsed, err := url.Parse(u); err == nil && parsed.Scheme == "https" && name != own {
			take(u)
		}
	}
	for _, m := range ask.Members {
		if m.Node.String() != own {
			take(m.Peer)
		}
	}
	if len(urls) == 0 {
		return nil, fault.ArgumentsBad.At("joined: no member to ask")
	}
	return urls, nil
}

// promote gives learners their vote once they have caught up. The leader does it, which alone knows; whichever node has
// added them.
func (c *Cluster) promote(ctx context.Context, engine *etcd.Engine) {
	tick := time.NewTicker(promoteEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-engine.Ended():
			return
		case <-ctx.Done():
			return
		}
		all, err := engine.Members(ctx)
		if err != nil || !slices.ContainsFunc(all, func(m store.Member) bool { return m.Self && m.Leader }) {
			continue
		}
		for _, m := range all {
			if !m.Learner || !m.Started {
				continue
			}
			try, cancel := context.WithTimeout(ctx, changeTime)
			err := engine.Promote(try, m.ID)
			cancel()
			switch {
			case err == nil:
				c.log.Info("member votes", "node", m.Name)
			case fault.Of(err) != fault.Busy:
				c.log.Warn("a learner is not promoted", "node", m.Name, "error", err)
			}
		}
	}
}
