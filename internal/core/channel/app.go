// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/key"
)

// application is one process of a client: what PKCS #11 calls an application. Its channels work on it at the same time.
//
// Locks are taken in the order Server.mu, application.mu, session.mu, and none is held during cryptography but the
// session's own, which orders the parts of its operations.
type application struct {
	hash   [32]byte // of its secret
	owner  owner    // of the channel that made it
	forked bool     // its secret was given to a forked child, which may since have dropped its rights

	mu       sync.Mutex
	gone     bool                // guarded by mu: dropped; nothing may be added
	channels int                 // guarded by mu
	since    int64               // guarded by mu: when channels became 0, by Module.Boot
	sessions map[uint64]*session // guarded by mu
	logins   map[uint64]*login   // guarded by mu; by slot
	ended    map[uint64]bool     // guarded by mu; slots whose login this core has ended, until the client logs in or out
	objects  map[uint64]*held    // guarded by mu: session objects by handle
}

// login is who is logged in on one slot. It is never changed once made, so that it can be read without the lock.
type login struct {
	who       Identity
	user      uint64 // UserOfficer or UserCrypto
	partition key.ID // of the slot; who may be of the domain
}

func newApplication(who owner) *application {
	return &application{
		owner: who, sessions: make(map[uint64]*session), logins: make(map[uint64]*login), ended: make(map[uint64]bool), objects: make(map[uint64]*held),
	}
}

// register gives an application its secret and counts it.
func (s *Server) register(a *application) ([]byte, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	a.hash = sha256.Sum256(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.apps) >= maxApplications || s.uids[a.owner] >= maxAppsPerOwner {
		return nil, fault.QuotaExceeded.At("count applications")
	}
	s.apps[a.hash] = a
	s.uids[a.owner]++
	return secret, nil
}

// join adds a channel to the application of a secret.
func (s *Server) join(secret []byte, who owner) (*application, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[sha256.Sum256(secret)]
	if a == nil {
		return nil, fault.AppUnknown.At("find application")
	}
	if a.owner != who && (!a.forked || a.owner.agent != who.agent) {
		return nil, fault.Denied.At("join the application of another uid")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.channels >= maxChannelsPerApp {
		return nil, fault.QuotaExceeded.At("count channels of the application")
	}
	a.channels++
	return a, nil
}

// fork makes the child's own copy of the application of a secret. The uid may differ: the secret is proof enough, and a
// worker drops its rights right after the fork.
func (s *Server) fork(secret []byte, who owner) (*application, []byte, error) {
	s.mu.Lock()
	parent := s.apps[sha256.Sum256(secret)]
	s.mu.Unlock()
	if parent == nil || parent.owner.agent != who.agent {
		return nil, nil, fault.AppUnknown.At("find application to copy")
	}
	child := parent.copy()
	if child == nil {
		return nil, nil, fault.AppUnknown.At("copy application")
	}
	child.owner, child.forked, child.channels = who, true, 1
	fresh, err := s.register(child)
	return child, fresh, err
}

// leave takes the channel off its application when the channel ends.
func (c *channel) leave() {
	if c.app == nil {
		return
	}
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	c.app.channels--
	c.app.since = c.module.Boot()
}

// Tick drops the applications that have been without a channel for the grace time. The core calls it about once a second, with
// Module.Boot: a time of day that is set back would keep them, and their logins, for longer.
func (s *Server) Tick(boot int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		a.mu.Lock()
		over := a.channels == 0 && boot-a.since >= grace
		a.mu.Unlock()
		if over {
			s.forget(a)
		}
	}
}

// forget drops an application with all it holds. The caller holds s.mu.
func (s *Server) forget(a *application) {
	delete(s.apps, a.hash)
	if s.uids[a.owner]--; s.uids[a.owner] <= 0 {
		delete(s.uids, a.owner)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	clear(a.sessions)
	clear(a.logins)
	clear(a.objects)
	ssp.Dropped()
}

// Applications is the number of applications, those that wait for their channels to come back included.
func (s *Server) Applications() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.apps)
}

// Drop ends what all applications hold of a partition: sessions, logins, session objects. For one that was destroyed or
// emptied, or whose key was locked away.
func (s *Server) Drop(partition key.ID) {
	s.each(func(a *application) {
		for id, x := range a.sessions {
			if x.partition == partition {
				delete(a.sessions, id)
			}
		}
		for slot, l := range a.logins {
			if l.partition == partition {
				delete(a.logins, slot)
			}
		}
		for h, o := range a.objects {
			if o.partition == partition {
				delete(a.objects, h)
			}
		}
	})
	ssp.Dropped()
}

// DropAll ends every application: the module was locked or zeroized. Channels stay, so that their clients hear why.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		s.forget(a)
	}
}

// Revoke ends every login of an operator who was disabled or destroyed. It returns when no further call is taken under
// one; a call that is already past its policy decision may still answer.
func (s *Server) Revoke(operator key.ID) {
	s.each(func(a *application) {
		for slot, l := range a.logins {
			if l.who.Operator == operator {
				a.logout(slot)
				a.ended[slot] = true
			}
		}
	})
}

// each calls f for every application, with its lock held.
func (s *Server) each(f func(a *application)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.apps {
		a.mu.Lock()
		f(a)
		a.mu.Unlock()
	}
}
