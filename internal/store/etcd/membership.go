// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	etcderrors "go.etcd.io/etcd/server/v3/etcdserver/errors"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// again is the pause before a change of membership is tried once more. etcd refuses one that would endanger the majority:
// the members must have been connected for five seconds, and the last change be complete.
const again = 250 * time.Millisecond

// tryTimeout is for one try: longer than an election, after which a proposal that its leader took along is made anew.
const tryTimeout = 5 * time.Second

// Members lists the members as this one knows them, without asking the others: so it answers also when most are gone.
func (e *Engine) Members(ctx context.Context) ([]store.Member, error) {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	leader := m.etcd.Server.Leader()
	var all []store.Member
	for _, x := range m.etcd.Server.Cluster().Members() {
		all = append(all, store.Member{ID: uint64(x.ID), Name: x.Name, Peers: x.PeerURLs, Learner: x.IsLearner,
			Started: len(x.ClientURLs) > 0, Leader: x.ID == leader, Self: x.ID == m.etcd.Server.MemberID()})
	}
	return all, nil
}

// Progress is how far this member is.
type Progress struct {
	ID        uint64
	Leader    uint64 // 0: none is known, so nothing can be written
	Term      uint64
	Committed uint64 // index of raft's log that this member knows to be committed
	Applied   uint64 // index up to which it has applied
	Learner   bool
	Revision  int64 // of the store, as this member has it
}

// Progress tells how far this member is, without asking the others.
func (e *Engine) Progress(ctx context.Context) (Progress, error) {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return Progress{}, err
	}
	defer leave()
	s := m.etcd.Server
	return Progress{uint64(s.MemberID()), s.Lead(), s.Term(), s.CommittedIndex(), s.AppliedIndex(), s.IsLearner(), s.KV().Rev()}, nil
}

// Add makes room for a member of that name that will listen at peer: as a learner, which votes only once it was promoted.
// It waits, until ctx ends, for a cluster that can take one. One that is there already is answered as it is; Conflict means
// that the name or the address is another's.
func (e *Engine) Add(ctx context.Context, name, peer string) (id uint64, err error) {
	urls, err := types.NewURLs([]string{peer})
	if err != nil || name == "" {
		return 0, fault.ArgumentsBad.At("add member: name or peer url")
	}
	err = e.change(ctx, "add member", func(ctx context.Context, m *member) error {
		for _, x := range m.etcd.Server.Cluster().Members() {
			named, there := x.Name == name, len(x.PeerURLs) == 1 && x.PeerURLs[0] == urls[0].String()
			if id = uint64(x.ID); named && there {
				return nil
			}
			if named || there {
				return fault.Conflict.At("add member: one has this name, or this peer url")
			}
		}
		if m.peers == nil {
			return fault.Unavailable.At("add member: this one has no listener for it")
		}
		now := time.Now()
		added := membership.NewMemberAsLearner(name, urls, "", &now)
		id = uint64(added.ID)
		_, err := m.etcd.Server.AddMember(ctx, *added)
		return err
	})
	return id, err
}

// Promote gives a learner its vote. Busy: it is not caught up yet, or the cluster cannot take the change now.
func (e *Engine) Promote(ctx context.Context, id uint64) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	_, err = m.etcd.Server.PromoteMember(ctx, id)
	switch {
	case err == nil, errors.Is(err, membership.ErrMemberNotLearner):
		return nil
	case errors.Is(err, membership.ErrIDNotFound):
		return fault.ArgumentsBad.At("promote member: no such member")
	case errors.Is(err, etcderrors.ErrLearnerNotReady), notNow(err):
		return fault.Busy.At("promote member")
	}
	return readFault(ctx, err, "promote member")
}

// Remove takes a member out, dead or alive; one that is alive notices and stops. One that is not there is no error. It
// waits, until ctx ends, for a cluster that can do without. The last one stays.
func (e *Engine) Remove(ctx context.Context, id uint64) error {
	return e.change(ctx, "remove member", func(ctx context.Context, m *member) error {
		s := m.etcd.Server
		target, voters := s.Cluster().Member(types.ID(id)), m.voters()
		switch {
		case target == nil:
			return nil
		case !target.IsLearner && len(voters) == 1:
			return fault.ArgumentsBad.At("remove member: it is the last one")
		}
		_, err := s.RemoveMember(ctx, id)
		if errors.Is(err, membership.ErrIDRemoved) || errors.Is(err, membership.ErrIDNotFound) {
			return nil
		}
		return err
	})
}

// SetPeerURL tells the cluster where this member listens, if that has changed.
func (e *Engine) SetPeerURL(ctx context.Context, peer string) error {
	urls, err := types.NewURLs([]string{peer})
	if err != nil {
		return fault.ArgumentsBad.At("set peer url")
	}
	return e.change(ctx, "set peer url", func(ctx context.Context, m *member) error {
		self := m.etcd.Server.Cluster().Member(m.etcd.Server.MemberID())
		if self == nil || len(self.PeerURLs) == 1 && self.PeerURLs[0] == urls[0].String() {
			return nil
		}
		_, err := m.etcd.Server.UpdateMember(ctx, membership.Member{ID: self.ID, RaftAttributes: membership.RaftAttributes{
			PeerURLs: urls.StringSlice(), IsLearner: self.IsLearner}})
		return err
	})
}

// Yield hands the leader's office to the voter named, or to any that is well where it is 0. It does nothing where this
// member does not lead.
func (e *Engine) Yield(ctx context.Context, to uint64) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s := m.etcd.Server
	if s.Leader() != s.MemberID() || len(m.voters()) == 1 {
		return nil
	}
	if to == 0 {
		err = s.TryTransferLeadershipOnShutdown()
	} else {
		err = s.MoveLeader(ctx, uint64(s.MemberID()), to)
	}
	if err != nil {
		return fault.Unavailable.At("yield the lead")
	}
	return nil
}

// CatchUp returns when this member has applied all that the cluster had committed when it was called: a learner that has
// is ready to serve.
func (e *Engine) CatchUp(ctx context.Context) error {
	m, leave, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return readFaultOrNil(ctx, m.confirm(ctx), "catch up")
}

func (m *member) voters() []*membership.Member {
	return slices.DeleteFunc(m.etcd.Server.Cluster().Members(), func(x *membership.Member) bool { return x.IsLearner })
}

// change tries one change of membership until it is made, refused for good, or ctx ends. Each try is bounded, since a
// proposal that is lost with its leader would be waited for in vain.
func (e *Engine) change(ctx context.Context, step string, do func(context.Context, *member) error) error {
	for {
		m, leave, err := e.enter(ctx)
		if err != nil {
			return err
		}
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		err = do(try, m)
		cancel()
		leave()
		switch {
		case err == nil:
			return nil
		case fault.Of(err) != fault.Internal:
			return err
		case !notNow(err):
			return readFault(ctx, err, step)
		}
		e.log.Debug("the cluster cannot change its members now", "step", step, "reason", err)
		if !pause(ctx, m, again) {
			return fault.Busy.At(step)
		}
	}
}

// notNow tells etcd's refusals that pass: too few connected members, an office that is vacant, a proposal that was lost.
func notNow(err error) bool {
	for _, known := range []error{etcderrors.ErrUnhealthy, etcderrors.ErrNotEnoughStartedMembers, etcderrors.ErrNoLeader,
		etcderrors.ErrNotLeader, etcderrors.ErrTimeout, etcderrors.ErrTimeoutDueToLeaderFail, etcderrors.ErrTimeoutDueToConnectionLost,
		etcderrors.ErrLeaderChanged, membership.ErrTooManyLearners} {
		if errors.Is(err, known) {
			return true
		}
	}
	return errors.Is(rpctypes.Error(err), rpctypes.ErrUnhealthy)
}

// pause waits; false when ctx or the run has ended.
func pause(ctx context.Context, m *member, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-m.ended:
	}
	return false
}
