// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/meter"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Apart is a connection with a second way for answers, which AnswerApart takes from then on; false when it has none.
type Apart interface{ AnswerApart() bool }

// Server holds what the channels of this core share.
type Server struct {
	// Meter counts the calls; nil counts nothing. It is set before the first Serve.
	Meter *meter.Meter

	module  Module
	request atomic.Uint64 // last request id; starts anywhere, so that ids of two runs seldom meet
	count   atomic.Int64  // channels being served
	large   atomic.Int64  // see link

	mu   sync.Mutex
	apps map[[32]byte]*application // guarded by mu; by the hash of the secret, so that looking up tells nothing of it
	uids map[owner]int             // guarded by mu: applications of each owner
	open map[owner]int             // guarded by mu: channels of each owner
}

// New makes a server without channels.
func New(m Module) *Server {
	s := &Server{module: m, apps: make(map[[32]byte]*application), uids: make(map[owner]int), open: make(map[owner]int)}
	var b [8]byte
	rand.Read(b[:])
	s.request.Store(binary.LittleEndian.Uint64(b[:]) >> 16) // leaves 2^48 before it could run over
	return s
}

// Count is the number of channels.
func (s *Server) Count() int { return int(s.count.Load()) }

// channel is one client connection: its goroutine owns every field.
type channel struct {
	server  *Server
	module  Module
	peer    Peer
	link    *link
	app     *application // nil before HELLO
	row     *row
	r       wire.Reader  // the request's body
	w       *wire.Writer // the response's body, after the header
	request uint64
	about   AuditEntry // what this request is about, as far as it has been read
	with    *mech.Row  // the mechanism that the request named, nil for none
	noted   bool       // the audit log has this request already
	changed bool       // this request has committed something: its answer needs no lease any more
	hidden  key.ID     // a token object that the request named and that its session may not see
	approve bool       // the service indicator of this answer
	broken  bool       // a handler panicked: the channel ends
	spot    meter.Spot // where the last call was counted
	job     job        // the use of a key under way
	runJob  func()     // doJob, bound once
}

// Serve answers the requests that come over conn until it ends, and closes it. It is one goroutine's whole work; peer is
// what the host asserted of the other end.
func (s *Server) Serve(conn io.ReadWriteCloser, peer Peer) {
	defer conn.Close()
	if !s.enter(peer.owner()) {
		s.module.Log(0, "refuse channel: too many are open")
		return
	}
	defer s.exit(peer.owner())
	c := &channel{server: s, module: s.module, peer: peer, link: newLink(conn, &s.large)}
	c.w = &c.link.out
	c.runJob = c.doJob
	defer c.leave()
	defer c.link.end()
	for !c.broken {
		q, err := c.link.Next()
		skip, skipping := err.(*wire.Skipped)
		if err != nil && !skipping {
			return
		}
		began := s.Meter.Now()
		c.request = s.request.Add(1)
		c.about, c.hidden, c.noted, c.changed, c.approve, c.with = AuditEntry{}, key.ID{}, false, false, false, nil
		c.link.start()
		if skipping {
			err = skip.Code.At("read frame")
		} else {
			err = c.answer(q)
		}
		code := fault.Of(err)
		if code != fault.OK {
			c.refuse(q, err)
		}
		if q.Flags&wire.FlagTimed != 0 {
			c.w.U64(uint64(max(0, s.Meter.Now()-began)))
		}
		err = c.link.finish(q, code, c.request, c.approve && code == fault.OK)
		c.count(q, code, began) // after the answer has left, so that nobody waits for it
		if err != nil {
			return
		}
	}
}

// count notes a call that has been answered. A call that there is not is counted as none.
func (c *channel) count(q wire.Request, code fault.Code, began int64) {
	kind := meter.Call{Door: c.peer.Door}
	if table[q.Call] != nil {
		kind.Call = uint16(q.Call)
		if c.with != nil {
			kind.Mechanism, kind.Keyed = c.with.ID, true
		}
	}
	c.spot.Note(c.server.Meter, kind, code, began, c.request)
}

// enter and exit count the channels.
func (s *Server) enter(who owner) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count.Load() >= maxChannels || s.open[who] >= maxChannelsPerOwner {
		return false
	}
	s.count.Add(1)
	s.open[who]++
	return true
}

func (s *Server) exit(who owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count.Add(-1)
	if s.open[who]--; s.open[who] == 0 {
		delete(s.open, who)
	}
}

// refuse replaces whatever was written of an answer by the reason and the tries left.
func (c *channel) refuse(q wire.Request, err error) {
	left := ^uint64(0)
	if e, ok := err.(*fault.Error); ok && e.Left >= 0 {
		left = uint64(e.Left)
	}
	reason := err.Error()
	c.module.Log(c.request, q.Call.String()+": "+reason)
	clear(c.w.B)
	c.link.start()
	c.w.String(reason)
	c.w.U64(left)
}

// answer runs one request. A panic in it is a bug: it is answered and audited as Internal and ends this channel; the
// others go on. It lies outside ssp.Do, whose own clean-up has then run.
func (c *channel) answer(q wire.Request) (err error) {
	defer func() {
		if recover() != nil {
			c.broken = true
			c.module.Log(c.request, "panic at "+panicked())
			err = fault.Internal.At("run " + q.Call.String())
			c.audit(fault.Internal)
		}
	}()
	row := table[q.Call]
	if row == nil {
		return fault.Unsupported.At("find call")
	}
	c.row = row
	if err := c.unseal(&q); err != nil {
		return err
	}
	if q.Flags&wire.FlagSealed != 0 {
		defer clear(q.Body)
	}
	if err := row.open(c.module.State()); err != nil {
		return err
	}
	if row.needs >= needApp && c.app == nil {
		return fault.AppUnknown.At("no hello was said")
	}
	lease := row.leased()
	if lease {
		if err := c.module.AwaitLease(); err != nil {
			return err
		}
	}
	if row.needs >= needLogin {
		err = c.loggedIn(q.Body, row.needs)
	}
	if err == nil {
		c.r = wire.NewReader(q.Body)
		err = row.run(c)
	}
	if err == nil && lease && !c.changed {
		err = c.module.Leased()
	}
	switch code := fault.Of(err); {
	case c.noted:
	case refusals[code]:
		c.audit(code)
	case code != fault.OK && !c.hidden.IsZero():
		c.about.Object = c.hidden
		c.audit(fault.Denied)
	}
	return err
}

// panicked names the place of a panic, for the deferred function that recovers it. What the panic said is not told, since
// it may hold bytes of a request.
func panicked() string {
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	seen := false
	for {
		f, more := frames.Next()
		if seen && !strings.HasPrefix(f.Function, "runtime.") {
			return f.Function + " line " + strconv.Itoa(f.Line)
		}
		seen = seen || f.Function == "runtime.gopanic"
		if !more {
			return "a place unknown"
		}
	}
}

// loggedIn checks the login of the session that a body names first.
func (c *channel) loggedIn(body []byte, n needs) error {
	r := wire.NewReader(body)
	id := r.U64()
	if r.Err() != nil {
		return r.Err()
	}
	v, err := c.session(id)
	if err != nil {
		return err
	}
	if v.login == nil || n == needOfficer && v.login.user != UserOfficer {
		return fault.NotLoggedIn.At("check login")
	}
	return nil
}

// audit notes a refusal. Its own failure changes nothing, since the request is refused already.
func (c *channel) audit(code fault.Code) {
	e := c.about
	e.Request, e.Peer, e.Refused = c.request, c.peer, code
	if c.row != nil {
		e.Call = c.row.call
	}
	c.noted = true
	c.module.Record(e)
}
