// SPDX-License-Identifier: Apache-2.0

// Package lease lets a core know that what it knows is still true, by the words of other cores alone. It is a state machine:
// time and messages come in as arguments, and what is to be sent goes out as results, so that a test can lose, delay and
// reorder everything (docs/design/coherence.md has the rules and why they suffice).
//
//	m := lease.New(self, epoch, birth, boot)
//	m.SetRoster(now, roster)
//	ask := m.Ask(now, held)                      // to every other member, some times in the length of a lease
//	answer, ahead, err := m.Asked(now, from, ask, held)
//	behind := m.Answered(now, sent, from, ask, answer)
//	use of a key: now < m.Until()
//
// A change that can take something away goes through a Barrier (barrier.go). Times are nanoseconds of a clock that counts
// suspend; of two nodes they are never compared. A Machine belongs to one goroutine at a time.
package lease

import (
	"math"
	"slices"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// State is what a core knows: the counter of each partition's head.
type State map[key.ID]uint64

// Roster is who takes part: every node that may hold a lease, each with one vote.
type Roster struct {
	Members []key.ID
	Length  int64 // of a lease that is granted now
	Longest int64 // no lease that may still be in force is longer
}

func (r *Roster) has(id key.ID) bool { return slices.Contains(r.Members, id) }
func (r *Roster) quorum() int        { return len(r.Members)/2 + 1 }

// Machine is one core's leases: those it holds and those it has granted.
type Machine struct {
	self  key.ID
	epoch key.ID // of this run of the core
	birth key.ID // incarnation of the domain
	began int64

	roster   Roster
	known    State            // the highest counters that this core has heard of, whether it has the partition open or not
	informed bool             // it knows all that was answered before it started
	granted  map[key.ID]int64 // until when, with the margin
	former   map[key.ID]int64 // nodes that left the roster, and until when a lease of theirs may be in force
	peers    map[key.ID]*peer
	until    int64
	strict   bool // in tests: never begin again from what the stores say
}

// peer is what another core told.
type peer struct {
	granted  int64 // until when its grant to this core holds
	compared int64 // when it was asked, the last time it did not know more; 0 for never
}

// New makes the machine of a core that began at a time. epoch is drawn anew by each run.
func New(self, epoch, birth key.ID, began int64) *Machine {
	return &Machine{self: self, epoch: epoch, birth: birth, began: began, known: State{}, granted: map[key.ID]int64{},
		former: map[key.ID]int64{}, peers: map[key.ID]*peer{}}
}

// Until is when the lease ends: MaxInt64 for the only member, 0 without a lease.
func (m *Machine) Until() int64 { return m.until }

// Informed tells whether this core knows all that was answered before it started, so that its vote counts.
func (m *Machine) Informed() bool { return m.informed }

// Known is the highest counter heard of for a partition: a head below it is an old one.
func (m *Machine) Known(partition key.ID) uint64 { return m.known[partition] }

func (m *Machine) valid(now int64) bool { return now < m.until }

// SetRoster takes in who takes part from now on.
func (m *Machine) SetRoster(now int64, r Roster) {
	before := m.roster
	m.roster = Roster{slices.Clone(r.Members), r.Length, r.Longest}
	for _, id := range before.Members {
		if !m.roster.has(id) {
			m.former[id] = now + margin(max(before.Longest, r.Longest))
			delete(m.peers, id)
		}
	}
	for _, id := range m.roster.Members {
		delete(m.former, id)
	}
	for _, p := range m.peers {
		p.granted = min(p.granted, now+r.Length) // the policy may have become shorter
	}
	if len(r.Members) == 1 && r.Members[0] == m.self {
		m.informed = true // there is nobody to learn from
	}
	m.count()
}

func (m *Machine) peer(id key.ID) *peer {
	p := m.peers[id]
	if p == nil {
		p = &peer{}
		m.peers[id] = p
	}
	return p
}

// count finds out until when a majority stands behind this core. Its own vote counts once it is informed.
func (m *Machine) count() {
	votes := make([]int64, 0, len(m.roster.Members))
	for _, id := range m.roster.Members {
		switch {
		case id != m.self:
			votes = append(votes, m.peer(id).granted)
		case m.informed:
			votes = append(votes, math.MaxInt64)
		default:
			votes = append(votes, 0)
		}
	}
	m.until = 0
	if m.roster.has(m.self) {
		slices.SortFunc(votes, func(a, b int64) int { return -compare(a, b) })
		m.until = votes[m.roster.quorum()-1]
	}
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// learn raises what is known.
func (m *Machine) learn(s State) {
	for id, n := range s {
		m.known[id] = max(m.known[id], n)
	}
}

// Ask makes the question for every other member. held is where the ledgers of the open partitions are.
func (m *Machine) Ask(now int64, held State) Ask {
	m.learn(held)
	return Ask{Epoch: m.epoch, Birth: m.birth, Want: m.roster.has(m.self) && now-m.began >= settling, State: held}
}

// Asked answers another core. ahead is what it knows and this core does not: to be caught up with, in its own time.
//
//	Denied  it is of another incarnation of the domain
func (m *Machine) Asked(now int64, from key.ID, q Ask, held State) (a Answer, ahead []Count, err error) {
	if q.Birth != m.birth {
		return a, nil, fault.Denied.At("grant lease: another incarnation of the domain")
	}
	m.learn(held)
	behind := false
	for id, n := range q.State {
		switch known := m.known[id]; {
		case n < known:
			behind = true
		case n > known:
			m.known[id] = n
			ahead = append(ahead, Count{id, n})
		}
	}
	a = Answer{Epoch: m.epoch, Holds: m.valid(now), State: State{}}
	for id, n := range m.known {
		if has, ok := q.State[id]; !ok || has < n {
			a.State[id] = n
		}
	}
	// A newcomer grants before it is in the roster, so that whoever was alone has its vote when it comes to need it.
	if !behind && q.Want && m.informed && m.roster.has(from) {
		a.Granted, a.Length = true, m.roster.Length
		m.granted[from] = max(m.granted[from], now+margin(m.roster.Length))
	}
	return a, ahead, nil
}

// Answered takes in an answer to q, which was sent at a time. behind is what this core lacks: until it has caught up, nobody
// grants it anything.
func (m *Machine) Answered(now, sent int64, from key.ID, q Ask, a Answer) (behind []Count) {
	for id, n := range a.State {
		if has, open := q.State[id]; open && has < n {
			behind = append(behind, Count{id, n})
		}
	}
	m.learn(a.State)
	if len(behind) > 0 {
		return behind
	}
	p := m.peer(from)
	p.compared = max(p.compared, sent)
	if a.Granted && q.Want {
		p.granted = max(p.granted, sent+min(a.Length, m.roster.Length))
	}
	if !m.informed && (a.Holds && sent-m.began >= settling || m.gathered(now)) {
		m.informed = true
	}
	m.count()
	return nil
}

// gathered is how cores that forgot at the same time begin again: a majority is together, none of which holds a lease, nor
// can anybody else hold one that a member of this majority granted before it forgot. They know the most that any of them
// knows; that is what their stores say.
func (m *Machine) gathered(now int64) bool {
	longest := m.roster.Longest
	if m.strict || now-m.began < margin(longest) || !m.roster.has(m.self) {
		return false
	}
	together := 1
	for _, id := range m.roster.Members {
		if p := m.peers[id]; p != nil && p.compared > 0 && now-p.compared < longest {
			together++
		}
	}
	return together >= m.roster.quorum()
}

// Pledged tells whether this core has granted a node a lease that lasts for a while.
func (m *Machine) Pledged(now int64, node key.ID) bool {
	return m.granted[node]-now > m.roster.Length/2
}
