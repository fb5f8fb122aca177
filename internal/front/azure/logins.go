// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// logins are the bearer tokens that have channels open: one application in the core for each token and vault, logged in
// once, with as many channels as there are requests at a time. The token itself is not kept: a login is found by its hash,
// and the core is shown the token again when there is none.
type logins struct {
	core Core

	begins chan struct{} // one for each login that is being begun

	mu     sync.Mutex
	list   map[loginKey]*login // guarded by mu
	spares map[uint64][]*spare // by slot, at most maxBegins of each; guarded by mu
}

// spare is an application whose login was refused, for the next token to try. The core keeps an application for a minute after its
// last channel, so that one for each forged token would let strangers use them up.
type spare struct {
	*channel
	epoch uint64
}

type loginKey struct {
	slot  uint64
	token [sha256.Size]byte
}

// login is one application.
type login struct {
	pool    *logins
	key     loginKey
	secret  []byte        // by which further channels join the application
	slot    uint64        // never changes
	epoch   uint64        // which core it is in
	expires time.Time     // of the token; the core ends the login by itself as well
	room    chan struct{} // one for each channel in use

	mu   sync.Mutex
	free []*channel // guarded by mu; last in, first out, so that few stay warm
	used time.Time  // guarded by mu
	gone bool       // guarded by mu: no channel comes back
}

// channel is one channel with a session of its own.
type channel struct {
	conn    *client.Conn
	session *client.Session
}

// lease is a channel in use by one request.
type lease struct {
	login *login
	*channel
}

func newLogins(core Core) *logins {
	return &logins{core: core, begins: make(chan struct{}, maxBegins), list: map[loginKey]*login{}, spares: map[uint64][]*spare{}}
}

// take answers a channel that is logged in by the token.
func (p *logins) take(slot uint64, token string) (*lease, error) {
	k := loginKey{slot, sha256.Sum256([]byte(token))}
	now := time.Now()
	p.mu.Lock()
	l := p.list[k]
	p.mu.Unlock()
	if l != nil && (now.After(l.expires) || l.epoch != p.core.Epoch()) {
		p.drop(l)
		l = nil
	}
	if l == nil {
		var first *channel
		var err error
		if l, first, err = p.begin(k, token); err != nil {
			return nil, err
		}
		l.free = []*channel{first}
		p.keep(l, now)
	}
	return l.take(now)
}

// begin makes an application and logs it in.
func (p *logins) begin(k loginKey, token string) (*login, *channel, error) {
	p.begins <- struct{}{}
	defer func() { <-p.begins }()
	c, err := p.spare(k.slot)
	if err != nil {
		return nil, nil, err
	}
	if err := c.session.LoginBearer([]byte(token)); err != nil {
		p.mu.Lock()
		kept := !stale(err) && len(p.spares[k.slot]) < maxBegins
		if kept {
			p.spares[k.slot] = append(p.spares[k.slot], c)
		}
		p.mu.Unlock()
		if !kept {
			c.conn.Close()
		}
		return nil, nil, err
	}
	return &login{pool: p, key: k, secret: c.conn.Secret, slot: k.slot, epoch: c.epoch, expires: expiry(token), room: make(chan struct{}, maxChannels)}, c.channel, nil
}

// spare takes an application that is not logged in, or makes one.
func (p *logins) spare(slot uint64) (*spare, error) {
	epoch := p.core.Epoch()
	p.mu.Lock()
	for list := p.spares[slot]; len(list) > 0; {
		c := list[len(list)-1]
		list = list[:len(list)-1]
		p.spares[slot] = list
		if c.epoch == epoch {
			p.mu.Unlock()
			return c, nil
		}
		c.conn.Close()
	}
	p.mu.Unlock()
	stream, err := p.core.Channel()
	if err != nil {
		return nil, err
	}
	conn := client.New(stream)
	if err = conn.Hello(); err == nil {
		var s *client.Session
		if s, err = conn.Open(slot, true); err == nil {
			return &spare{&channel{conn, s}, epoch}, nil
		}
	}
	conn.Close()
	return nil, err
}

// keep makes the login known, and lets go of those that are over, idle, or too many.
func (p *logins) keep(l *login, now time.Time) {
	var over []*login
	p.mu.Lock()
	if old := p.list[l.key]; old != nil { // two requests began at once
		over = append(over, old)
	}
	l.used = now
	p.list[l.key] = l
	var oldest *login
	for _, other := range p.list {
		if other == l {
			continue
		}
		other.mu.Lock()
		used := other.used
		other.mu.Unlock()
		if now.Sub(used) > loginIdle || now.After(other.expires) {
			over = append(over, other)
			continue
		}
		if oldest == nil || used.Before(oldest.used) {
			oldest = other
		}
	}
	if len(p.list)-len(over) > maxLogins && oldest != nil {
		over = append(over, oldest)
	}
	p.mu.Unlock()
	for _, other := range over {
		p.drop(other)
	}
}

// drop ends a login: its channels as they come back, and with the last of them, in a minute, the application.
func (p *logins) drop(l *login) {
	p.mu.Lock()
	if p.list[l.key] == l {
		delete(p.list, l.key)
	}
	p.mu.Unlock()
	l.mu.Lock()
	free := l.free
	l.free, l.gone = nil, true
	l.mu.Unlock()
	for _, c := range free {
		c.conn.Close()
	}
}

// close ends every login.
func (p *logins) close() {
	p.mu.Lock()
	all := make([]*login, 0, len(p.list))
	for _, l := range p.list {
		all = append(all, l)
	}
	for slot, list := range p.spares {
		for _, c := range list {
			c.conn.Close()
		}
		delete(p.spares, slot)
	}
	p.mu.Unlock()
	for _, l := range all {
		p.drop(l)
	}
}

// take answers a free channel, or opens another one. It waits while all that there may be are in use.
func (l *login) take(now time.Time) (*lease, error) {
	l.room <- struct{}{}
	l.mu.Lock()
	l.used = now
	if n := len(l.free); n > 0 {
		c := l.free[n-1]
		l.free = l.free[:n-1]
		l.mu.Unlock()
		return &lease{l, c}, nil
	}
	l.mu.Unlock()
	c, err := l.join()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &lease{l, c}, nil
}

// join opens another channel of the application, with a session of its own; the login holds for both.
func (l *login) join() (*channel, error) {
	stream, err := l.pool.core.Channel()
	if err != nil {
		return nil, err
	}
	conn := client.New(stream)
	if err = conn.HelloJoin(l.secret); err == nil {
		var s *client.Session
		if s, err = conn.Open(l.slot, true); err == nil {
			return &channel{conn, s}, nil
		}
	}
	conn.Close()
	return nil, err
}

// give takes the channel back after a request that ended with err.
func (c *lease) give(err error) {
	l := c.login
	if stale(err) { // the core was another one, or ended the login: whoever comes next shows the token again
		l.pool.drop(l)
	}
	l.mu.Lock()
	keep := !l.gone && !stale(err)
	if keep {
		l.free = append(l.free, c.channel)
	}
	l.mu.Unlock()
	if !keep {
		c.conn.Close()
	}
	<-l.room
}

// stale tells whether an error means that this channel or its login is over, whatever the request was.
func stale(err error) bool {
	switch fault.Of(err) {
	case fault.AppUnknown, fault.Unavailable, fault.Malformed, fault.SessionUnknown, fault.NotLoggedIn, fault.TokenExpired, fault.Locked:
		return true
	}
	return false
}
