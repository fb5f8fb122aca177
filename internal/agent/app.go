// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
)

// app is one process of a client: what PKCS #11 calls an application. The cores know its mirrors.
//
// Locks are taken in the order Agent.mu, mirror.setup, app.mu, node.mu; none but setup is held while a node is waited for.
type app struct {
	agent  *Agent
	hash   [32]byte // of its secret
	uid    uint32   // of the channel that made it
	pid    uint64   // as the client gave it
	forked bool     // its secret was given to a forked child, which may since have dropped its rights

	mu       sync.Mutex
	gone     bool                // guarded by mu
	channels int                 // guarded by mu
	since    time.Time           // guarded by mu: when channels became 0
	calls    int                 // guarded by mu: under way or waiting
	sessions map[uint64]*session // guarded by mu
	logins   map[uint64]*login   // guarded by mu; by slot
	objects  map[uint64]held     // guarded by mu: session objects by handle
	mirrors  map[*node]*mirror   // guarded by mu
	home     *mirror             // guarded by mu: where its state lies, or will
	warmed   uint64              // guarded by mu: Agent.shape for which mirrors were made
	anywhere int                 // guarded by mu: calls that any node could answer
}

// held is a session object.
type held struct {
	session uint64
	private bool
}

// session is one that the client opened. Guarded by app.mu.
type session struct {
	id, slot, flags uint64
	ops             uint8   // uses under way in the home: bit by BEGIN's number
	lost            uint8   // uses that were, in a home that is gone
	search          *search // one that has more to answer
}

// login is one in force on a slot. It is never changed, so that mirrors can be compared by pointer.
type login struct {
	slot, user uint64
	ticket     opaque.Bytes
}

func newApp(a *Agent, uid uint32, pid uint64) *app {
	return &app{agent: a, uid: uid, pid: pid, sessions: make(map[uint64]*session), logins: make(map[uint64]*login),
		objects: make(map[uint64]held), mirrors: make(map[*node]*mirror)}
}

// register gives an application its secret and counts it.
func (a *Agent) register(x *app) ([]byte, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	x.hash = sha256.Sum256(secret)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.apps) >= maxApplications || a.appsOf[x.uid] >= maxAppsPerUID {
		return nil, fault.QuotaExceeded.At("agent: count applications")
	}
	a.apps[x.hash] = x
	a.appsOf[x.uid]++
	return secret, nil
}

// find answers the application of a secret.
func (a *Agent) find(secret []byte) *app {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.apps[sha256.Sum256(secret)]
}

// join adds a channel to the application of a secret.
func (a *Agent) join(secret []byte, uid uint32) (*app, error) {
	x := a.find(secret)
	if x == nil {
		return nil, fault.AppUnknown.At("agent: find application")
	}
	if x.uid != uid && !x.forked {
		return nil, fault.Denied.At("agent: join the application of another uid")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		return nil, fault.AppUnknown.At("agent: join application")
	}
	if x.channels >= maxChannelsPerApp {
		return nil, fault.QuotaExceeded.At("agent: count channels of the application")
	}
	x.channels++
	return x, nil
}

// leave takes a channel off.
func (x *app) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.channels--
	x.since = time.Now()
}

// enter counts a call; Busy when the client, or all of them, have too many under way.
func (x *app) enter() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.calls >= x.agent.config.QueuePerClient {
		return fault.Busy.At("agent: queue a call of this client")
	}
	if x.agent.queue.Add(1) > int64(x.agent.config.Queue) {
		x.agent.queue.Add(-1)
		return fault.Busy.At("agent: queue a call")
	}
	x.calls++
	return nil
}

func (x *app) exit() {
	x.agent.queue.Add(-1)
	x.mu.Lock()
	x.calls--
	x.mu.Unlock()
}

// stateful tells whether something lies in the home that cannot be made anew elsewhere. The caller holds x.mu.
func (x *app) stateful() bool {
	if len(x.objects) > 0 {
		return true
	}
	for _, s := range x.sessions {
		if s.ops != 0 {
			return true
		}
	}
	return false
}

// lose takes note that a mirror is gone, with what lay in it. The caller holds x.mu.
func (x *app) lose(m *mirror) {
	if m.gone {
		return
	}
	m.gone = true
	x.agent.work.Go(m.dissolve)
	if x.mirrors[m.node] == m {
		delete(x.mirrors, m.node)
	}
	for _, s := range x.sessions {
		if s.search != nil && s.search.at == m {
			s.search.at = nil
		}
	}
	if x.home == m {
		x.home = nil
		clear(x.objects)
		for _, s := range x.sessions {
			s.lost |= s.ops
			s.ops = 0
		}
	}
}

// logout ends a login here: private session objects go with it. The caller holds x.mu.
func (x *app) logout(slot uint64) {
	if l := x.logins[slot]; l != nil {
		l.ticket.Clear()
		delete(x.logins, slot)
	}
	for h, o := range x.objects {
		if s := x.sessions[o.session]; o.private && (s == nil || s.slot == slot) {
			delete(x.objects, h)
		}
	}
}

// closeSession forgets a session with its objects; with the last of a slot its login ends (PKCS #11 5.6.6). The caller holds
// x.mu.
func (x *app) closeSession(s *session) {
	delete(x.sessions, s.id)
	s.search.end()
	for h, o := range x.objects {
		if o.session == s.id {
			delete(x.objects, h)
		}
	}
	for _, t := range x.sessions {
		if t.slot == s.slot {
			return
		}
	}
	x.logout(s.slot)
}

// end drops an application with its mirrors.
func (x *app) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gone = true
	for _, m := range x.mirrors {
		x.lose(m)
	}
	for slot := range x.logins {
		x.logout(slot)
	}
	clear(x.sessions)
}
