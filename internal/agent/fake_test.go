// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	fakePIN     = "1234-a-pin-that-is-searched-for"
	fakeSlot    = 7
	fakeObjects = 5
	fakeKey     = 0x1001 // the handle of a token key that there is from the start
)

// town is a cluster in this process: what every node sees. Its nodes speak the channel's protocol over real sockets.
type town struct {
	t *testing.T

	mu      sync.Mutex
	tickets map[string]bool   // guarded by mu: that nodes take
	created []uint64          // guarded by mu: token objects, in the order in which they were made
	nodes   map[string]*house // guarded by mu
}

func newTown(t *testing.T) *town {
	return &town{t: t, tickets: make(map[string]bool), nodes: make(map[string]*house)}
}

// house is one node of a town.
type house struct {
	town *town
	name string
	path string
	stop context.CancelFunc
	done chan struct{}

	answers atomic.Pointer[func(call wire.Call) fault.Code] // a fault in place of the answer; OK for the answer
	slow    atomic.Pointer[func(call wire.Call) time.Duration]
	dies    atomic.Uint32 // the call that this node does, and then ends before it answers

	gate sync.RWMutex // held while the node is stopped

	mu    sync.Mutex
	epoch [16]byte             // guarded by mu
	apps  map[[32]byte]*person // guarded by mu
	conns map[net.Conn]bool    // guarded by mu
	made  map[wire.Call]int    // guarded by mu: requests answered
	came  map[wire.Call]int    // guarded by mu: requests read
	down  bool                 // guarded by mu
}

// person is an application as a node has it.
type person struct {
	sessions map[uint64]uint64 // slots
	logins   map[uint64]bool   // by slot
	objects  map[uint64]uint64 // session objects with their sessions
	running  map[uint64]hashed // by session
	left     map[uint64]int    // by session: objects that a search has not answered yet
}

type hashed []byte

func (w *town) house(name string) *house {
	w.t.Helper()
	h := &house{town: w, name: name, path: filepath.Join(w.t.TempDir(), "s"), made: make(map[wire.Call]int), came: make(map[wire.Call]int)}
	w.mu.Lock()
	w.nodes[name] = h
	w.mu.Unlock()
	h.start()
	w.t.Cleanup(h.kill)
	return h
}

func (h *house) address() string { return unixScheme + h.path }

// start opens the node's socket, with a core that knows nothing of earlier applications.
func (h *house) start() {
	h.town.t.Helper()
	os.Remove(h.path)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.path})
	if err != nil {
		h.town.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.mu.Lock()
	h.down = false
	rand.Read(h.epoch[:])
	h.apps = make(map[[32]byte]*person)
	h.conns = make(map[net.Conn]bool)
	h.mu.Unlock()
	h.stop, h.done = cancel, make(chan struct{})
	go func() {
		defer close(h.done)
		(&pkcs11.Door{Core: h, Log: slog.New(slog.DiscardHandler)}).Serve(ctx, l)
	}()
}

// kill ends the node as SIGKILL does: every connection is cut, and nobody answers the door.
func (h *house) kill() {
	h.mu.Lock()
	if h.down {
		h.mu.Unlock()
		return
	}
	h.down = true
	list := h.conns
	h.conns = nil
	h.mu.Unlock()
	h.stop()
	for c := range list {
		c.Close()
	}
	<-h.done
}

// hang stops the node as SIGSTOP does: what is sent to it stays unread. The answer lets it go on.
func (h *house) hang() (goOn func()) {
	h.gate.Lock()
	return sync.OnceFunc(h.gate.Unlock)
}

func (h *house) say(f func(call wire.Call) fault.Code) { h.answers.Store(&f) }

func (h *house) count(call wire.Call) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.made[call]
}

func (h *house) asked(call wire.Call) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came[call]
}

// Introduce serves a channel (front/pkcs11.Core).
func (h *house) Introduce(f, _ *os.File, _ pkcs11.Peer) error {
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return err
	}
	h.gate.RLock()
	defer h.gate.RUnlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		conn.Close()
		return fault.Unavailable
	}
	h.conns[conn] = true
	go h.serve(conn)
	return nil
}

func (h *house) serve(conn net.Conn) {
	defer conn.Close()
	var who *person
	for {
		head := make([]byte, wire.RequestHeader)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		r := wire.NewReader(head)
		n, call, _, seq := int(r.U32())+4-wire.RequestHeader, wire.Call(r.U16()), r.U16(), r.U32()
		body := make([]byte, n)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		h.mu.Lock()
		h.came[call]++
		h.mu.Unlock()
		if f := h.slow.Load(); f != nil {
			time.Sleep((*f)(call))
		}
		h.gate.RLock()
		code := fault.OK
		if f := h.answers.Load(); f != nil {
			code = (*f)(call)
		}
		var w wire.Writer
		if code == fault.OK {
			h.mu.Lock()
			h.made[call]++
			code = h.answer(&who, call, body, &w)
			h.mu.Unlock()
		}
		h.gate.RUnlock()
		if wire.Call(h.dies.Load()) == call {
			go h.kill()
			return
		}
		if code != fault.OK {
			w.B = nil
			w.String(code.String())
			w.U64(^uint64(0))
		}
		var out wire.Writer
		out.U32(uint32(wire.ResponseHeader - 4 + len(w.B)))
		out.U16(uint16(call))
		out.U16(uint16(code))
		out.U32(seq)
		out.U64(1)
		out.Bool(false)
		out.Raw(w.B)
		if _, err := conn.Write(out.B); err != nil {
			return
		}
	}
}

// answer is the core's part. h.mu is held.
func (h *house) answer(who **person, call wire.Call, body []byte, w *wire.Writer) fault.Code {
	r := wire.NewReader(body)
	switch call {
	case wire.CallStatus:
		(&wire.Status{State: wire.StateOperational}).Encode(w)
		return fault.OK
	case wire.CallSlots:
		w.U32(1)
		w.U64(fakeSlot)
		w.String("fake")
		w.String(h.name)
		for range 4 {
			w.U64(0)
		}
		return fault.OK
	case wire.CallHello:
		return h.hello(who, &r, w)
	}
	p := *who
	if p == nil {
		return fault.AppUnknown
	}
	switch call {
	case wire.CallSessionOpen:
		slot, id := r.U64(), r.U64()
		p.sessions[id] = slot
		return fault.OK
	case wire.CallResume:
		slot, ticket := r.U64(), string(r.Bytes())
		h.town.mu.Lock()
		good := h.town.tickets[ticket]
		h.town.mu.Unlock()
		if !good {
			return fault.TicketInvalid
		}
		if p.logins[slot] {
			return fault.AlreadyLoggedIn
		}
		p.logins[slot] = true
		w.U64(1)
		return fault.OK
	}
	id := r.U64()
	slot, open := p.sessions[id]
	if call == wire.CallSessionClose && id == 0 {
		clear(p.sessions)
		clear(p.logins)
		clear(p.objects)
		return fault.OK
	}
	if !open {
		return fault.SessionUnknown
	}
	return h.session(p, call, id, slot, &r, w)
}

func (h *house) session(p *person, call wire.Call, id, slot uint64, r *wire.Reader, w *wire.Writer) fault.Code {
	switch call {
	case wire.CallSessionClose:
		delete(p.sessions, id)
		for _, s := range p.sessions {
			if s == slot {
				return fault.OK
			}
		}
		delete(p.logins, slot)
		return fault.OK
	case wire.CallLogin:
		r.U64()
		r.Bytes()
		if string(r.Bytes()) != fakePIN {
			return fault.PINIncorrect
		}
		if p.logins[slot] {
			return fault.AlreadyLoggedIn
		}
		ticket := make([]byte, 24)
		rand.Read(ticket)
		ticket = append([]byte("ticket:"), ticket...)
		h.town.mu.Lock()
		h.town.tickets[string(ticket)] = true
		h.town.mu.Unlock()
		p.logins[slot] = true
		w.Bytes(ticket)
		return fault.OK
	case wire.CallLogout:
		if !p.logins[slot] {
			return fault.NotLoggedIn
		}
		delete(p.logins, slot)
		return fault.OK
	case wire.CallRandom:
		w.Bytes(make([]byte, r.U64()))
		return fault.OK
	case wire.CallFind, wire.CallFindNext:
		if call == wire.CallFind {
			p.left[id] = fakeObjects
		}
		if p.left[id] == 0 {
			return fault.OperationNotActive
		}
		p.left[id]--
		w.Bool(p.left[id] > 0)
		summarise(w, fakeKey+uint64(p.left[id]))
		return fault.OK
	case wire.CallFindEnd:
		delete(p.left, id)
		return fault.OK
	case wire.CallBegin:
		p.running[id] = hashed{}
		return fault.OK
	case wire.CallUpdate, wire.CallFinal:
		r.U64()
		if p.running[id] == nil {
			return fault.OperationNotActive
		}
		p.running[id] = append(p.running[id], r.Bytes()...)
		if call == wire.CallUpdate {
			w.Bytes(nil)
			return fault.OK
		}
		sum := sha256.Sum256(p.running[id])
		p.running[id] = nil
		w.Bytes(sum[:])
		return fault.OK
	}
	if !p.logins[slot] {
		return fault.NotLoggedIn
	}
	switch call {
	case wire.CallCreate:
		handle := uint64(0x2000)
		h.town.mu.Lock()
		handle += uint64(len(h.town.created))
		token := r.Count(12) > 0 // the fake's templates: empty for a session object
		if token {
			h.town.created = append(h.town.created, handle)
		}
		h.town.mu.Unlock()
		if !token {
			handle = key.SessionHandle | uint64(0x100+len(p.objects))
			p.objects[handle] = id
		}
		summarise(w, handle)
		return fault.OK
	case wire.CallSign:
		r.U64()
		r.Bytes()
		handle, data := r.U64(), r.Bytes()
		if handle&key.SessionHandle != 0 {
			if _, there := p.objects[handle]; !there {
				return fault.KeyUnknown
			}
		} else if handle != fakeKey {
			return fault.KeyUnknown
		}
		w.Bytes(signature(data))
		return fault.OK
	}
	return fault.Unsupported
}

func (h *house) hello(who **person, r *wire.Reader, w *wire.Writer) fault.Code {
	_, flags, _, secret := r.U64(), r.U64(), r.U64(), r.Bytes()
	old := h.apps[sha256.Sum256(secret)]
	if flags != helloNew && old == nil {
		return fault.AppUnknown
	}
	if flags == helloJoin {
		*who = old
	} else {
		*who = &person{sessions: map[uint64]uint64{}, logins: map[uint64]bool{}, objects: map[uint64]uint64{},
			running: map[uint64]hashed{}, left: map[uint64]int{}}
		secret = make([]byte, 32)
		rand.Read(secret)
		h.apps[sha256.Sum256(secret)] = *who
	}
	if flags == helloFork {
		for id, slot := range old.sessions {
			(*who).sessions[id] = slot
		}
		for slot := range old.logins {
			(*who).logins[slot] = true
		}
		for o, s := range old.objects {
			(*who).objects[o] = s
		}
		for s, d := range old.running {
			(*who).running[s] = append(hashed{}, d...)
		}
	}
	w.Bytes(secret)
	w.Bytes(h.epoch[:])
	w.U64(0)
	return fault.OK
}

func summarise(w *wire.Writer, handle uint64) {
	w.U32(1)
	w.U64(handle)
	for range 5 {
		w.U64(0)
	}
}

func signature(data []byte) []byte {
	sum := sha256.Sum256(append([]byte("signed:"), data...))
	return sum[:]
}
