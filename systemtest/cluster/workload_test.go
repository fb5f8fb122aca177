// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// callTime is how long a client of the workload waits for one answer; then its outcome is unknown.
const callTime = 8 * time.Second

// workload is what all clients of one schedule do, and what they saw.
type workload struct {
	began time.Time
	seed  uint64
	count atomic.Int64 // operations begun; faults happen at counts of it
	limit int64

	mu      sync.Mutex
	keys    []*workKey            // guarded by mu, as are all below
	history []porcupine.Operation // with their ends in time
	pending []porcupine.Operation // of unknown outcome
	wrong   []string              // what no model is needed for
	hiccups []string              // idempotent calls through the agent that failed
}

type workKey struct {
	number int
	handle uint64
	mac    []byte // its MAC over the test's message; the same on every node
}

func (w *workload) now() int64 { return int64(time.Since(w.began)) }

// note keeps one operation.
func (w *workload) note(caller int, in input, out output, from int64) {
	o := porcupine.Operation{ClientId: caller, Input: in, Call: from, Output: out, Return: w.now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if out.outcome == unknown {
		w.pending = append(w.pending, o)
		return
	}
	w.history = append(w.history, o)
}

// whole is the history as the checker wants it: what has no known end ends after everything.
func (w *workload) whole() []porcupine.Operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := w.now() + 1
	all := append([]porcupine.Operation{}, w.history...)
	for i, o := range w.pending {
		o.Return, o.ClientId = end, 1000+i // its client went on meanwhile
		all = append(all, o)
	}
	return all
}

func (w *workload) pick(r *rand.Rand) *workKey {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.keys) == 0 {
		return nil
	}
	return w.keys[r.IntN(len(w.keys))]
}

// caller is one client of the workload, at one socket.
type caller struct {
	number  int
	socket  func() string // of the node that is in the place by now
	agent   bool
	work    *workload
	session *client.Session
	conn    *client.Conn
	ticket  []byte
}

// within runs one call and gives it up when it takes too long; the connection is closed then.
func (c *caller) within(f func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(callTime):
		if c.conn != nil {
			c.conn.Close()
		}
		return errLate
	}
}

var errLate = errors.New("no answer in time")

// connect opens a session and logs in, by ticket where there is one.
func (c *caller) connect() error {
	type opened struct {
		conn    *client.Conn
		session *client.Session
		ticket  []byte
	}
	var o opened
	err := c.within(func() error {
		conn, err := client.Dial(c.socket())
		if err != nil {
			return err
		}
		slots, err := conn.Slots()
		for _, s := range slots {
			if s.Label != label || err != nil {
				continue
			}
			var session *client.Session
			if session, err = conn.Open(s.Slot, true); err == nil && c.ticket != nil {
				if _, err = conn.Resume(s.Slot, c.ticket); fault.Of(err) == fault.TicketInvalid {
					c.ticket = nil // a clock was set; the next time by PIN
				}
				o = opened{conn, session, c.ticket}
			} else if err == nil {
				var ticket []byte
				ticket, err = session.Login(client.User, "", []byte(userPIN))
				o = opened{conn, session, ticket}
			}
		}
		if err != nil || o.session == nil {
			conn.Close()
			return errors.Join(err, fault.Unavailable)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.conn, c.session, c.ticket = o.conn, o.session, o.ticket
	return nil
}

func (c *caller) hangUp() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.session = nil, nil
}

var message = []byte("what every node must answer alike")

// do runs one verb and says what came of it; ok is false for a read that told nothing.
func (c *caller) do(v verb, k *workKey, text string) (out output, err error) {
	s := c.session
	var got []client.Value
	var made client.Summary
	var mac []byte
	err = c.within(func() (err error) {
		switch v {
		case create:
			made, err = s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true),
				client.Bool(key.AttrSign, true), client.ULong(key.AttrValueLen, uint64(32)), client.Text(key.AttrLabel, text)})
		case sign_:
			mac, err = s.Sign(client.Mech(key.MechSHA256HMAC), k.handle, message)
		case read:
			got, err = s.Get(k.handle, key.AttrLabel)
		case write:
			err = s.Set(k.handle, client.Template{client.Text(key.AttrLabel, text)})
		case suspend:
			err = s.KeyState(k.handle, key.StateSuspended)
		case activate:
			err = s.KeyState(k.handle, key.StateActive)
		case destroy:
			err = s.Destroy(k.handle)
		}
		return err
	})
	if err != nil {
		switch fault.Of(err) {
		case fault.ObjectUnknown, fault.KeyUnknown:
			return output{outcome: gone}, nil
		case fault.KeyDisabled:
			return output{outcome: disabled}, nil
		}
		return output{outcome: unknown}, err
	}
	out.outcome = done
	switch v {
	case create:
		k.handle = made.Handle
	case read:
		if len(got) != 1 {
			return output{outcome: unknown}, fmt.Errorf("read answers %d attributes", len(got))
		}
		out.label = string(got[0].Value)
	case sign_:
		c.work.mu.Lock()
		if k.mac == nil {
			k.mac = mac
		} else if !bytes.Equal(k.mac, mac) {
			c.work.wrong = append(c.work.wrong, fmt.Sprintf("key %d signs differently than before", k.number))
		}
		c.work.mu.Unlock()
	}
	return out, nil
}

// run works until the workload's limit of operations.
func (c *caller) run() {
	defer c.hangUp()
	r := rand.New(rand.NewPCG(c.work.seed, uint64(c.number)))
	w := c.work
	for n := w.count.Add(1); n <= w.limit; n = w.count.Add(1) {
		if c.session == nil {
			if err := c.connect(); err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
		}
		v, k := choose(r), w.pick(r)
		if k == nil || v == create {
			v, k = create, &workKey{number: int(n)}
		}
		in := input{key: k.number, verb: v}
		if v == create || v == write {
			in.label = fmt.Sprintf("s%d-%d", w.seed, n)
		}
		from := w.now()
		out, err := c.do(v, k, in.label)
		switch {
		case err == nil:
			w.note(c.number, in, out, from)
			if v == create {
				w.mu.Lock()
				w.keys = append(w.keys, k)
				w.mu.Unlock()
			}
		case refused[fault.Of(err)]: // nothing was done
		case v.changes():
			w.note(c.number, in, out, from)
		case c.agent:
			w.mu.Lock()
			w.hiccups = append(w.hiccups, fmt.Sprintf("operation %d, %s: %v", n, v, err))
			w.mu.Unlock()
		}
		if err != nil && (err == errLate || broken[fault.Of(err)]) {
			c.hangUp()
		}
		time.Sleep(time.Duration(r.IntN(8)) * time.Millisecond)
	}
}

// refused are the answers after which nothing has changed: a state that the key is in already, somebody else's change at the
// same moment, a lease that is over.
var refused = map[fault.Code]bool{fault.ActionProhibited: true, fault.Conflict: true, fault.LeaseExpired: true, fault.Locked: true,
	fault.NotLoggedIn: true, fault.SessionUnknown: true, fault.AppUnknown: true, fault.StoreFull: true}

// broken are the answers after which a client starts over.
var broken = map[fault.Code]bool{fault.Unavailable: true, fault.Malformed: true, fault.NotLoggedIn: true, fault.SessionUnknown: true,
	fault.AppUnknown: true, fault.Locked: true, fault.Internal: true}

func choose(r *rand.Rand) verb {
	switch n := r.IntN(100); {
	case n < 36:
		return sign_
	case n < 58:
		return read
	case n < 72:
		return write
	case n < 80:
		return suspend
	case n < 90:
		return activate
	case n < 97:
		return create
	}
	return destroy
}
