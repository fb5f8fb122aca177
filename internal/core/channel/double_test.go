// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// module is a Module in memory: real objects, policy and mechanisms, records that are not sealed, PINs that are not
// hashed. It keeps what it was told for the tests to read.
type module struct {
	fast, fips atomic.Bool
	unleased   atomic.Bool
	state      atomic.Uint32
	now        atomic.Int64
	macKey     [32]byte
	epoch      [16]byte

	mu       sync.Mutex
	tokens   map[uint64]*token
	tickets  map[string]channel.Identity
	audit    []channel.AuditEntry
	uses     []channel.Use
	log      []string
	usedErr  error  // what Used answers
	afterUse func() // called by Used
	failed   []string
	managed  []uint16
}

// token is one partition.
type token struct {
	module *module
	info   channel.Token

	mu      sync.Mutex
	pins    map[string]string // by operator
	roles   map[string]uint64
	left    int
	objects map[uint64]*record // by handle
	order   []key.ID
	full    bool
}

type record struct {
	object *object.Object
	secret []byte
	parsed mech.Key
}

const (
	slotA uint64 = 1
	slotB uint64 = 2
)

func newModule() *module {
	m := &module{tokens: map[uint64]*token{}, tickets: map[string]channel.Identity{}}
	m.state.Store(uint32(wire.StateOperational))
	m.now.Store(1_800_000_000)
	rand.Read(m.macKey[:])
	rand.Read(m.epoch[:])
	for slot, label := range map[uint64]string{0: "", slotA: "first", slotB: "second"} {
		t := &token{module: m, pins: map[string]string{"so": "so-pin", "user": "user-pin", "alice": "alice-pin", "auditor": "auditor-pin"},
			roles: map[string]uint64{"so": channel.RoleAdmin, "user": channel.RoleUser, "alice": channel.RoleUser, "auditor": channel.RoleAuditor},
			left:  3, objects: map[uint64]*record{}}
		t.info = channel.Token{Slot: slot, Label: []byte(label), Serial: []byte{'0' + byte(slot)}, Flags: channel.FlagTokenInitialized,
			MinPIN: 4, MaxPIN: 255, Free: 1000, Objects: t}
		if slot > 0 {
			t.info.Partition = key.ID{15: byte(slot)}
		}
		m.tokens[slot] = t
	}
	return m
}

func (m *module) State() wire.State { return wire.State(m.state.Load()) }
func (m *module) Fast() bool        { return m.fast.Load() }
func (m *module) FIPS() bool        { return m.fips.Load() }
func (m *module) Epoch() [16]byte   { return m.epoch }
func (m *module) Now() int64        { return m.now.Load() }
func (m *module) Boot() int64       { return m.now.Load() }

func (m *module) Tokens() []channel.Token {
	return []channel.Token{m.tokens[slotA].info, m.tokens[slotB].info}
}

func (m *module) Token(slot uint64) (channel.Token, error) {
	if t := m.tokens[slot]; t != nil {
		return t.info, nil
	}
	return channel.Token{}, fault.PartitionUnknown.At("find token")
}

func operatorID(slot uint64, name string) (id key.ID) {
	copy(id[:], name)
	id[15] = byte(slot)
	return id
}

func (m *module) Login(peer channel.Peer, slot, user uint64, name string, pin []byte) (channel.Identity, []byte, error) {
	t := m.tokens[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, after, ok := bytes.Cut(pin, []byte(":")); ok && name == "" {
		name, pin = string(before), after
	}
	switch {
	case name != "":
	case user == channel.UserOfficer:
		name = "so"
	default:
		name = "user"
	}
	want, ok := t.pins[name]
	switch {
	case !ok || (user == channel.UserOfficer) != (t.roles[name] == channel.RoleAdmin):
		return channel.Identity{}, nil, fault.UserUnknown.At("find operator")
	case t.left == 0:
		return channel.Identity{}, nil, fault.PINLocked.At("check pin")
	case want != string(pin):
		t.left--
		return channel.Identity{}, nil, &fault.Error{Code: fault.PINIncorrect, Step: "check pin", Left: t.left}
	}
	t.left = 3
	who := channel.Identity{Operator: operatorID(slot, name), Partition: t.info.Partition, Name: name, Role: t.roles[name]}
	ticket := make([]byte, 16)
	rand.Read(ticket)
	m.mu.Lock()
	m.tickets[string(ticket)] = who
	m.mu.Unlock()
	return who, ticket, nil
}

func (m *module) Resume(_ channel.Peer, slot uint64, ticket []byte) (channel.Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	who, ok := m.tickets[string(ticket)]
	if !ok || who.Partition != m.tokens[slot].info.Partition {
		return channel.Identity{}, fault.TicketInvalid.At("open ticket")
	}
	return who, nil
}

func (m *module) InitToken(_ channel.Peer, slot uint64, pin, label []byte) error {
	t := m.tokens[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pins["so"] != string(pin) {
		return &fault.Error{Code: fault.PINIncorrect, Left: 2}
	}
	clear(t.objects)
	t.order = nil
	t.info.Label = bytes.Clone(label)
	return nil
}

func (m *module) InitPIN(_ channel.Identity, slot uint64, pin []byte) error {
	m.tokens[slot].pins["user"] = string(pin)
	return nil
}

func (m *module) SetPIN(_ channel.Peer, who *channel.Identity, slot uint64, old, pin []byte) error {
	name := "user"
	if who != nil {
		name = who.Name
	}
	if m.tokens[slot].pins[name] != string(old) {
		return &fault.Error{Code: fault.PINIncorrect, Left: 2}
	}
	m.tokens[slot].pins[name] = string(pin)
	return nil
}

func (m *module) Record(e channel.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.audit = append(m.audit, e)
	return nil
}

func (m *module) Used(u channel.Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.afterUse != nil {
		m.afterUse()
	}
	if len(m.uses) < 10000 {
		m.uses = append(m.uses, u)
	}
	return m.usedErr
}

func (m *module) Manage(call uint16, c *channel.ManageContext, body []byte) ([]byte, error) {
	m.mu.Lock()
	m.managed = append(m.managed, call)
	m.mu.Unlock()
	switch wire.Call(call) {
	case wire.CallStatus:
		var w wire.Writer
		(&wire.Status{State: m.State(), AuditKey: []byte("key")}).Encode(&w)
		return w.B, nil
	case wire.CallKeyState:
		r := wire.NewReader(body)
		session, handle, state := r.U64(), r.U64(), key.State(r.U64())
		o, t, who, err := c.Object(session, handle)
		if err != nil {
			return nil, err
		}
		next, err := o.WithState(state, 0)
		if err != nil {
			return nil, err
		}
		return nil, t.Objects.Update(*who, o, next)
	case wire.CallKeyShare:
		r := wire.NewReader(body)
		session, handle, name, on := r.U64(), r.U64(), r.String(), r.U64()
		o, t, who, err := c.Object(session, handle)
		if err != nil {
			return nil, err
		}
		next, err := o.WithShared(operatorID(t.Slot, name), on == 1)
		if err != nil {
			return nil, err
		}
		return nil, t.Objects.Update(*who, o, next)
	case wire.CallLock:
		if who := c.Who(0); who == nil {
			return nil, fault.NotLoggedIn.At("lock")
		}
		return nil, nil
	case wire.CallAuditNote:
		panic("a bug in a handler")
	}
	return nil, fault.Unsupported.At("manage")
}

func (m *module) Rest(o *object.Object, secret []byte) error {
	o.Resting = append([]byte{0xEE}, secret...)
	return nil
}

func (m *module) Open(o *object.Object, f func(mech.Material) error) error {
	return f(o.Material(bytes.Clone(o.Resting[1:])))
}

func (m *module) Fail(test string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = append(m.failed, test)
}

func (m *module) Log(_ uint64, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.log) < 10000 {
		m.log = append(m.log, text)
	}
}

func (m *module) Mark(b []byte) (mac [32]byte) {
	h := hmac.New(sha256.New, m.macKey[:])
	h.Write(b)
	h.Sum(mac[:0])
	return mac
}

func (m *module) Marked(b, mac []byte) bool {
	want := m.Mark(b)
	return hmac.Equal(want[:], mac)
}

func (t *token) Load(handle uint64) (*object.Object, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.objects[handle]; r != nil {
		return r.object, nil
	}
	return nil, fault.ObjectUnknown.At("load object")
}

func (t *token) Find(q wire.Query, after key.ID, limit int) (list []*object.Object, more bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, _ := slices.BinarySearchFunc(t.order, after, func(a, b key.ID) int { return bytes.Compare(a[:], b[:]) })
	for ; at < len(t.order); at++ {
		id := t.order[at]
		o := t.objects[id.Handle()].object
		meta := o.Meta(t.info.Partition)
		if id == after || q.Class != nil && *q.Class != meta.Class || q.KeyType != nil && *q.KeyType != meta.KeyType ||
			q.Object != nil && *q.Object != id || q.Label != nil && !bytes.Equal(q.Label, meta.Label) ||
			q.ID != nil && !bytes.Equal(q.ID, meta.ID) {
			continue
		}
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, o)
	}
	return list, false, nil
}

func (t *token) Create(_ channel.Identity, objs []channel.NewObject) (list []*object.Object, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full {
		return nil, fault.QuotaExceeded.At("create object")
	}
	for _, n := range objs {
		n.Object.Version = 1
		t.objects[n.Object.Handle()] = &record{object: n.Object, secret: bytes.Clone(n.Material.Secret)}
		at, _ := slices.BinarySearchFunc(t.order, n.Object.ID, func(a, b key.ID) int { return bytes.Compare(a[:], b[:]) })
		t.order = slices.Insert(t.order, at, n.Object.ID)
		list = append(list, n.Object)
	}
	return list, nil
}

func (t *token) Update(_ channel.Identity, old, new *object.Object) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.objects[old.Handle()]
	if r == nil || r.object != old {
		return fault.Conflict.At("update object")
	}
	r.object = new
	return nil
}

func (t *token) Destroy(_ channel.Identity, o *object.Object) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.objects, o.Handle())
	if at := slices.Index(t.order, o.ID); at >= 0 {
		t.order = slices.Delete(t.order, at, at+1)
	}
	return nil
}

func (t *token) Key(o *object.Object) (k mech.Key, release func(), err error) {
	t.mu.Lock()
	r := t.objects[o.Handle()]
	if r != nil {
		k = r.parsed
	}
	t.mu.Unlock()
	if r == nil {
		return nil, nil, fault.ObjectUnknown.At("open key")
	}
	if k != nil && t.module.Fast() {
		return k, func() {}, nil
	}
	ssp.Do(func() { k, err = all.Family(o.KeyType()).Parse(o.Material(bytes.Clone(r.secret)), false) })
	if err == nil && t.module.Fast() {
		t.mu.Lock()
		r.parsed = k
		t.mu.Unlock()
	}
	return k, func() {}, err
}

func (t *token) Material(o *object.Object, f func(mech.Material) error) error {
	t.mu.Lock()
	r := t.objects[o.Handle()]
	t.mu.Unlock()
	if r == nil {
		return fault.ObjectUnknown.At("open object")
	}
	return f(o.Material(bytes.Clone(r.secret)))
}

// world is a server over a module, and how tests reach it.
type world struct {
	t      testing.TB
	module *module
	server *channel.Server
	peer   channel.Peer
}

func newWorld(t testing.TB) *world {
	m := newModule()
	return &world{t, m, channel.New(m), channel.Peer{Door: 1, UID: 1000, GID: 1000, PID: 42}}
}

// raw opens a channel without HELLO.
func (w *world) raw() net.Conn {
	mine, theirs := socketpair(w.t)
	peer := w.peer
	go w.server.Serve(theirs, peer)
	w.t.Cleanup(func() { mine.Close() })
	return mine
}

// dial opens a channel with an application of its own.
func (w *world) dial() *client.Conn {
	c := client.New(w.raw())
	if err := c.Hello(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// join opens another channel of an application.
func (w *world) join(secret []byte) *client.Conn {
	c := client.New(w.raw())
	if err := c.HelloJoin(secret); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// open is a read-write session of a new application on slotA, without login.
func (w *world) open() *client.Session {
	s, err := w.dial().Open(slotA, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// user is open, logged in as the partition's user.
func (w *world) user() *client.Session {
	s := w.open()
	w.login(s, client.User, "")
	return s
}

func (w *world) login(s *client.Session, user uint64, name string) []byte {
	w.t.Helper()
	pin := "user-pin"
	switch {
	case name != "":
		pin = name + "-pin"
	case user == client.Officer:
		pin = "so-pin"
	}
	ticket, err := s.Login(user, name, []byte(pin))
	if err != nil {
		w.t.Fatal(err)
	}
	return ticket
}

func socketpair(t testing.TB) (net.Conn, net.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "channel")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return ends[0], ends[1]
}

// must and refused judge the outcome of a call.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if fault.Of(err) != want {
		t.Errorf("got %v (%d), want %v", err, fault.Of(err), want)
	}
}
