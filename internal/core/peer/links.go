// SPDX-License-Identifier: Apache-2.0

// Package peer is how the cores of a domain speak to each other. A link is TLS 1.3 from core to core, over a socket that
// the two hosts made: both ends show certificates of the domain's CA, and the key in them must be the one that the member's
// sealed record names. Over it runs wire.Mux, so that both ends ask and answer.
//
//	links := peer.New(self, system, dialler)
//	links.Handle(op, func(from key.ID, body []byte) ([]byte, error) {...})
//	links.Start(domain, identity)              // once the domain is open
//	links.SetMembers(list)                     // from the sealed records, whenever they change
//	answer, err := links.Call(node, op, body, within)
//	links.Tick()                               // once a second: redials, and ends links that fell silent
//
// What it promises: `from` is the node whose record has the key at the other end, and only members that are in the list at
// that moment are heard. It does not promise that a call arrives once, or at all.
package peer

import (
	"slices"
	"sync"

	"github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Ops between cores: 0 is this package's own, 1 to 15 are for admission, 16 to 31 for coherence.
const opPing uint16 = 0

const (
	second = int64(1_000_000_000)

	// handshakeTime is long for a handshake over half the world, and short for who holds a place without using it.
	handshakeTime = 5 * second

	// silence is after how long without an answer to a ping a link is given up.
	silence = 5 * second

	// dialTime is how long a dial may be under way before the next is begun.
	dialTime = 10 * second

	// maxPause between two dials of a member that cannot be reached.
	maxPause = 8 * second
)

// System is what links need of the machine.
type System interface {
	Boot() int64
	After(nanoseconds int64, f func())
}

// Dialler asks the host to connect to an address; the connection comes back by Dialled with the same id.
type Dialler func(id key.ID, address string) error

// Handler answers a request of another member. It runs in a goroutine of its own.
type Handler func(from key.ID, body []byte) ([]byte, error)

// Member is another node as links need it.
type Member struct {
	Node    key.ID
	Address string
	TLS     []byte // SubjectPublicKeyInfo
}

// Links is this core's end of all links. Many goroutines may use it.
type Links struct {
	self   key.ID
	system System
	dial   Dialler

	mu       sync.Mutex
	domain   key.ID                   // guarded by mu
	identity func() process.Identity  // guarded by mu: nil while the domain is not open
	members  map[key.ID]Member        // guarded by mu: without self
	links    map[key.ID][]*link       // guarded by mu: the newest first
	dials    map[key.ID]*attempt      // guarded by mu
	handlers map[uint16]Handler       // guarded by mu
	changed  []func()                 // guarded by mu
	unknown  func(node key.ID) []byte // guarded by mu: looks for a member that is not in the list
	log      func(text string)        // guarded by mu
	hands    handshakes
}

// attempt is the dialling of one member.
type attempt struct {
	next  int64 // Boot time before which there is no other
	pause int64
	under bool // a dial was asked for and has not come back
}

// link is one connection to a member.
type link struct {
	node   key.ID
	conn   *process.Secured
	mux    *wire.Mux
	heard  int64 // guarded by Links.mu: when it last answered
	pinged bool  // guarded by Links.mu: a ping is under way
}

// New makes the links of a node; nothing is dialled or accepted before Start.
func New(self key.ID, system System, dial Dialler) *Links {
	return &Links{self: self, system: system, dial: dial, members: map[key.ID]Member{}, links: map[key.ID][]*link{},
		dials: map[key.ID]*attempt{}, handlers: map[uint16]Handler{}, log: func(string) {}}
}

// OnLog is called with a line for the operator's log, without secrets.
func (l *Links) OnLog(f func(text string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = f
}

// OnUnknown sets who looks for a member that shows a good certificate and is not in the list, because another node let it in
// just now. It answers the key of its record, or nil.
func (l *Links) OnUnknown(f func(node key.ID) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown = f
}

// Handle sets who answers an op.
func (l *Links) Handle(op uint16, f Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[op] = f
}

// OnMembersChanged adds a function that is called after the list of members, or where one is, has changed.
func (l *Links) OnMembersChanged(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = append(l.changed, f)
}

// Start lets links come up. identity is asked for each handshake, since certificates are renewed.
func (l *Links) Start(domain key.ID, identity func() process.Identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.domain, l.identity = domain, identity
}

// Stop ends all links; nothing is dialled or accepted until the next Start.
func (l *Links) Stop() {
	l.mu.Lock()
	l.identity = nil
	var gone []*link
	for _, list := range l.links {
		gone = append(gone, list...)
	}
	l.links, l.dials = map[key.ID][]*link{}, map[key.ID]*attempt{}
	l.mu.Unlock()
	end(gone)
}

// Self is this node.
func (l *Links) Self() key.ID { return l.self }

// Members lists all nodes of the domain, this one among them, in the order of their ids.
func (l *Links) Members() []key.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []key.ID{l.self}
	for id := range l.members {
		list = append(list, id)
	}
	slices.SortFunc(list, func(a, b key.ID) int { return slices.Compare(a[:], b[:]) })
	return list
}

// Linked tells whether a link to a member is up.
func (l *Links) Linked(node key.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.links[node]) > 0
}

// SetMembers takes the list from the records. Links to who is no longer in it, or has another key now, end at once.
func (l *Links) SetMembers(list []Member) {
	l.mu.Lock()
	next := map[key.ID]Member{}
	for _, m := range list {
		if m.Node != l.self {
			next[m.Node] = m
		}
	}
	var gone []*link
	same := len(next) == len(l.members)
	for id, old := range l.members {
		now, ok := next[id]
		switch {
		case !ok || string(now.TLS) != string(old.TLS):
			same = false
			delete(l.dials, id)
		case now.Address != old.Address:
			same = false
			delete(l.dials, id) // the new address is tried at once
		}
	}
	for id, list := range l.links {
		if now, ok := next[id]; !ok || string(now.TLS) != string(list[0].conn.Key) {
			gone = append(gone, list...)
			delete(l.links, id)
		}
	}
	l.members = next
	changed := l.changed
	l.mu.Unlock()
	end(gone)
	if same {
		return
	}
	for _, f := range changed {
		f()
	}
}

func end(list []*link) {
	for _, k := range list {
		k.conn.Close()
	}
}

// Call asks a member and waits so many nanoseconds for its answer: Unavailable when no link is up or it broke, Timeout when the
// answer did not come. In both cases the other end may have done what was asked.
func (l *Links) Call(node key.ID, op uint16, body []byte, within int64) ([]byte, error) {
	l.mu.Lock()
	list := l.links[node]
	l.mu.Unlock()
	if len(list) == 0 {
		return nil, fault.Unavailable.At("call a member: no link")
	}
	over := make(chan struct{})
	l.system.After(within, func() { close(over) })
	answer, err := list[0].mux.CallUntil(over, op, body)
	if err == nil || fault.Of(err) != fault.Timeout && fault.Of(err) != fault.Unavailable {
		l.heard(list[0])
	}
	return answer, err
}

func (l *Links) heard(k *link) {
	now := l.system.Boot()
	l.mu.Lock()
	defer l.mu.Unlock()
	k.heard = now
}

// Tick is called once a second.
func (l *Links) Tick() {
	now := l.system.Boot()
	l.mu.Lock()
	if l.identity == nil {
		l.mu.Unlock()
		return
	}
	var wanted []Member
	for id, m := range l.members {
		if len(l.links[id]) > 0 || m.Address == "" {
			continue
		}
		a := l.dials[id]
		if a == nil {
			a = &attempt{pause: second / 2}
			l.dials[id] = a
		}
		if now < a.next {
			continue
		}
		a.pause = min(2*a.pause, maxPause)
		a.next = now + max(a.pause, boolean(a.under, dialTime))
		a.under = true
		wanted = append(wanted, m)
	}
	var silent, ask []*link
	for _, list := range l.links {
		for _, k := range list {
			switch {
			case now-k.heard > silence:
				silent = append(silent, k)
			case !k.pinged:
				k.pinged = true
				ask = append(ask, k)
			}
		}
	}
	l.mu.Unlock()
	end(silent) // their readers take them off the list
	for _, k := range ask {
		go func() {
			defer process.LastWords()
			l.ping(k)
		}()
	}
	for _, m := range wanted {
		go func() {
			defer process.LastWords()
			l.reach(m)
		}()
	}
}

func boolean(b bool, v int64) int64 {
	if b {
		return v
	}
	return 0
}

func (l *Links) ping(k *link) {
	over := make(chan struct{})
	l.system.After(silence, func() { close(over) })
	_, err := k.mux.CallUntil(over, opPing, nil)
	if err == nil {
		l.heard(k)
	}
	l.mu.Lock()
	k.pinged = false
	l.mu.Unlock()
}

// reach asks the host for a connection. What comes of it comes by Dialled.
func (l *Links) reach(m Member) {
	err := l.dial(m.Node, m.Address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.dials[m.Node]; a != nil && err != nil {
		a.under = false
	}
}

// Dialled takes the connection that was asked for. It is one goroutine's whole work, and false when nobody asked.
func (l *Links) Dialled(id key.ID, raw *process.Stream) bool {
	l.mu.Lock()
	m, known := l.members[id]
	a := l.dials[id]
	identity, domain := l.identity, l.domain
	if a != nil {
		a.under = false
	}
	l.mu.Unlock()
	if !known || a == nil {
		return false
	}
	if identity == nil {
		raw.Close()
		return true
	}
	if _, err := raw.Write(append([]byte(wire.Preface), wire.DoorLink)); err != nil {
		raw.Close()
		return true
	}
	own := identity()
	conn, err := process.Connect(raw, &own, process.Trust{CA: own.CA}, handshakeTime)
	if err != nil {
		l.tell("link to " + id.String() + ": " + err.Error())
		return true
	}
	if err := l.admit(domain, conn, m.Node); err != nil {
		conn.Close()
		l.tell("link to " + id.String() + ": " + err.Error())
	}
	return true
}

// Accept answers a link that another core dialled. It is one goroutine's whole work.
func (l *Links) Accept(raw *process.Stream) {
	l.mu.Lock()
	identity, domain := l.identity, l.domain
	l.mu.Unlock()
	if identity == nil {
		raw.Close()
		return
	}
	own := identity()
	conn, err := l.Shake(raw, own, &process.Trust{CA: own.CA})
	if err == nil {
		if err = l.admit(domain, conn, key.ID{}); err != nil {
			conn.Close()
		}
	}
	if err != nil {
		l.tell("link refused: " + err.Error())
	}
}

func (l *Links) tell(text string) {
	l.mu.Lock()
	f := l.log
	l.mu.Unlock()
	f(text)
}

// admit compares the other end with the members and serves the link until it ends. wanted is who was dialled; zero for who came
// by himself.
func (l *Links) admit(domain key.ID, conn *process.Secured, wanted key.ID) error {
	kind, id, ok := member.ParseURI(domain, conn.URI)
	switch {
	case !ok || kind != member.KindNode:
		return fault.Denied.At("link with " + conn.URI + ": no node of this domain")
	case id == l.self || !wanted.IsZero() && id != wanted:
		return fault.Denied.At("link with " + conn.URI + ": another node is meant")
	}
	k := &link{node: id, conn: conn}
	k.mux = wire.NewMux(conn, func(op uint16, body []byte) ([]byte, error) {
		defer process.LastWords()
		return l.answer(k, op, body)
	})
	if err := l.enter(k); err != nil {
		return err
	}
	k.mux.Serve()
	l.leave(k)
	return nil
}

// enter adds a link if the key at its other end is the member's.
func (l *Links) enter(k *link) error {
	l.mu.Lock()
	m, known := l.members[k.node]
	look := l.unknown
	l.mu.Unlock()
	spki := m.TLS
	if !known && look != nil {
		spki = look(k.node)
	}
	if len(spki) == 0 || string(spki) != string(k.conn.Key) {
		return fault.Denied.At("link with " + k.conn.URI + ": not a member with this key")
	}
	k.heard = l.system.Boot()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now, ok := l.members[k.node]; l.identity == nil || ok && string(now.TLS) != string(spki) || known && !ok {
		return fault.Denied.At("link with " + k.conn.URI + ": it was removed meanwhile")
	}
	l.links[k.node] = append([]*link{k}, l.links[k.node]...)
	delete(l.dials, k.node)
	for _, extra := range l.links[k.node][min(2, len(l.links[k.node])):] {
		extra.conn.Close() // both ends may have dialled at once; more than two are of a peer that restarted
	}
	return nil
}

func (l *Links) leave(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[k.node] = slices.DeleteFunc(l.links[k.node], func(other *link) bool { return other == k })
	if len(l.links[k.node]) == 0 {
		delete(l.links, k.node)
	}
}

// answer runs the handler of an op, while the asker is a member.
func (l *Links) answer(k *link, op uint16, body []byte) ([]byte, error) {
	l.mu.Lock()
	f := l.handlers[op]
	alive := slices.Contains(l.links[k.node], k)
	l.mu.Unlock()
	switch {
	case !alive:
		return nil, fault.Denied.At("answer a link that ended")
	case op == opPing:
		return nil, nil
	case f == nil:
		return nil, fault.Unsupported.At("answer a member")
	}
	return f(k.node, body)
}
