// SPDX-License-Identifier: Apache-2.0

package core

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// machineDouble is a System whose keeper file outlives the core and whose process does not end.
type machineDouble struct {
	mu     sync.Mutex
	keeper []byte
	exits  chan int
	gone   atomic.Bool
	skew   atomic.Int64 // of its wall clock
}

func (m *machineDouble) Now() int64  { return time.Now().UnixNano() + m.skew.Load() }
func (m *machineDouble) Boot() int64 { return time.Now().UnixNano() }

// After runs nothing once the process would have ended.
func (m *machineDouble) After(d int64, f func()) {
	time.AfterFunc(time.Duration(d), func() {
		if !m.gone.Load() {
			f()
		}
	})
}
func (m *machineDouble) Exit(code int) {
	m.gone.Store(true)
	m.exits <- code
}

func (m *machineDouble) ReadKeeper() (ssp.Bytes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keeper == nil {
		return ssp.Bytes{}, fault.RecordUnknown
	}
	b, err := ssp.Alloc(len(m.keeper))
	if err == nil {
		b.Use(access.Token{}, func(p []byte) { copy(p, m.keeper) })
	}
	return b, err
}

func (m *machineDouble) WriteKeeper(secret ssp.Bytes) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret.Use(access.Token{}, func(p []byte) { m.keeper = append([]byte{}, p...) })
	return nil
}

// node is a host with a real service over a store in memory, and a core in the same process.
type node struct {
	t       *testing.T
	dir     string
	store   store.Store
	machine *machineDouble
	core    *Core
	id      key.ID                                                             // zero: 7
	outside func(op uint16, body []byte) (answer []byte, err error, mine bool) // what a cluster's host answers before the service

	network func(c *Core) network // how the cores of a test speak to each other; nil: by links

	accident atomic.Pointer[func(op uint16) error] // what the host does to a request of the core first
	deaf     atomic.Bool                           // the host does not tell what others changed
}

// logFails makes the host refuse audit entries, after so many were taken.
func (n *node) logFails(after int32) {
	var taken atomic.Int32
	f := func(op uint16) error {
		if op == wire.OpAudit && taken.Add(1) > after {
			return fault.AuditUnavailable
		}
		return nil
	}
	n.accident.Store(&f)
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, dir: t.TempDir(), store: memory.New(), machine: &machineDouble{exits: make(chan int, 4)}}
	n.start(wire.Config{})
	return n
}

// start runs a core as the next process of this node would be.
func (n *node) start(config wire.Config) {
	n.t.Helper()
	n.machine.gone.Store(false)
	svc, err := service.New(n.store, n.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		n.t.Fatal(err)
	}
	inside, outside := net.Pipe()
	host := wire.NewMux(outside, func(op uint16, body []byte) ([]byte, error) {
		if accident := n.accident.Load(); accident != nil {
			if err := (*accident)(op); err != nil {
				return nil, err
			}
		}
		if n.outside != nil {
			if answer, err, mine := n.outside(op, body); mine {
				return answer, err
			}
		}
		return svc.Handle(op, body)
	})
	var c *Core
	mux := wire.NewMux(inside, func(op uint16, body []byte) ([]byte, error) {
		if op == wire.OpChanged && n.deaf.Load() {
			return nil, nil
		}
		return c.Handle(op, body)
	})
	if c, err = New(n.machine, mux); err != nil {
		n.t.Fatal(err)
	}
	if n.network != nil {
		c.coherence.network = n.network(c)
	}
	go host.Serve()
	go mux.Serve()
	n.t.Cleanup(func() { inside.Close(); svc.Close() })
	if n.id.IsZero() {
		n.id = key.ID{7}
	}
	config.Node, config.MaxLagMS, config.AuditLast = n.id, 10_000, svc.AuditLast()
	config.Accepted = []string{"runtimesecret"} // tests run with and without the experiment
	var w wire.Writer
	config.Encode(&w)
	if _, err := host.Call(wire.OpConfigure, w.B); err != nil {
		n.t.Fatal(err)
	}
	svc.Attach(host)
	c.KeeperCame()
	n.core = c
}

func (n *node) client() *client.Conn { return n.through(wire.DoorPKCS11) }

// through is a client that comes by a door.
func (n *node) through(door uint8) *client.Conn {
	n.t.Helper()
	ours, theirs := net.Pipe()
	go n.core.server.Serve(theirs, channel.Peer{Door: door, UID: 1000, PID: 1})
	c := client.New(ours)
	if err := c.Hello(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	return c
}

// admin is a client that is logged in as the domain's admin.
func (n *node) admin() *client.Conn {
	n.t.Helper()
	c := n.client()
	s, err := c.Open(0, true)
	if err == nil {
		_, err = s.Login(client.Officer, "", []byte("admin-pin"))
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *node) initialize(keeper string, m, of int) [][]byte {
	n.t.Helper()
	shares, err := n.client().Init(keeper, m, of, []byte("admin-pin"))
	if err != nil {
		n.t.Fatal(err)
	}
	return shares
}

func (n *node) partition(label string, flags uint64) (slot uint64) {
	n.t.Helper()
	_, slot, err := n.admin().PartitionCreate(label, []byte("so-pin"), []byte("user-pin"), flags)
	if err != nil {
		n.t.Fatal(err)
	}
	return slot
}

func want(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if fault.Of(err) != code {
		t.Errorf("%s: %v; want %v", what, err, code)
	}
}

func TestEveryManagementCallHasARow(t *testing.T) {
	for _, s := range wire.Calls {
		if _, ok := management[s.Call]; ok != (s.Call >= wire.CallStatus && s.Call != wire.CallAgentStatus) {
			t.Errorf("%s: row %t", s.Name, ok)
		}
	}
}

func TestAFileKeeperUnlocksTheNextCoreUnlessItIsHeld(t *testing.T) {
	n := newNode(t)
	if s := n.core.State(); s != wire.StateUninitialized {
		t.Fatalf("a new node is %v", s)
	}
	n.initialize("file", 0, 0)
	slot := n.partition("p", 0)
	n.start(wire.Config{})
	if s := n.core.State(); s != wire.StateOperational {
		t.Fatalf("the next core is %v", s)
	}
	if tokens := n.core.Tokens(); len(tokens) != 1 || tokens[0].Slot != slot || string(tokens[0].Label) != "p" {
		t.Errorf("its tokens: %+v", tokens)
	}
	n.start(wire.Config{Hold: true})
	if s := n.core.State(); s != wire.StateLocked {
		t.Fatalf("a held core is %v", s)
	}
	if _, err := n.client().Open(slot, true); fault.Of(err) != fault.Locked {
		t.Errorf("a session of a locked module: %v", err)
	}
	_, err := n.client().Unlock(nil)
	want(t, "unlock", err, fault.OK)
	if s := n.core.State(); s != wire.StateOperational {
		t.Errorf("unlocked, it is %v", s)
	}
}

func TestAnySharesOfTheSetUnlockAndWrongOnesChangeNothing(t *testing.T) {
	n := newNode(t)
	shares := n.initialize("custodians", 2, 3)
	other := newNode(t).initialize("custodians", 2, 3)
	for _, pair := range [][2]int{{0, 1}, {2, 0}, {1, 2}} {
		n.start(wire.Config{})
		c := n.client()
		give := func(share []byte) (uint64, error) { return c.Unlock(append([]byte{}, share...)) }
		missing, err := give(shares[pair[0]])
		if err != nil || missing != 1 {
			t.Fatalf("first share: %d missing, %v", missing, err)
		}
		_, err = give(shares[pair[0]])
		want(t, "the same share again", err, fault.ShareBad)
		_, err = give(other[1])
		want(t, "a share of another set", err, fault.ShareBad)
		slip := append([]byte{}, shares[pair[1]]...)
		slip[len(slip)/2] ^= 1
		_, err = give(slip)
		want(t, "a damaged share", err, fault.ShareBad)
		if s := n.core.State(); s != wire.StateLocked {
			t.Fatalf("state %v", s)
		}
		_, err = give(shares[pair[1]])
		want(t, "second share", err, fault.OK)
		if s := n.core.State(); s != wire.StateOperational {
			t.Errorf("shares %v: %v", pair, s)
		}
	}
}

func TestAZeroizedRootLeavesNoise(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	domain := n.core.domain.String()
	c := n.admin()
	want(t, "with another confirmation", c.Zeroize("yes"), fault.ArgumentsBad)
	want(t, "zeroize", c.Zeroize(domain), fault.OK)
	if code := <-n.machine.exits; code != wire.ExitZeroized {
		t.Errorf("the core ends with %d", code)
	}
	if rootGone := func() bool {
		_, err := n.core.host.Root(wire.RootGet, "file", nil)
		return fault.Of(err) == fault.RecordUnknown
	}(); !rootGone {
		t.Error("the sealed root is still there")
	}
}

func TestLoginsNeedTheRightOperatorInTheRightPlace(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	a, b := n.partition("a", 0), n.partition("b", client.UIDLogin)
	for _, c := range []struct {
		name string
		slot uint64
		user uint64
		op   string
		pin  string
		want fault.Code
	}{
		{"the user", a, client.User, "", "user-pin", fault.OK},
		{"the user, named", a, client.User, "user", "user-pin", fault.OK},
		{"the user, named in the PIN", a, client.User, "", "user:user-pin", fault.OK},
		{"the officer", a, client.Officer, "", "so-pin", fault.OK},
		{"a wrong PIN", a, client.User, "", "wrong", fault.PINIncorrect},
		{"the officer's PIN for the user", a, client.User, "", "so-pin", fault.PINIncorrect},
		{"the officer as a user", a, client.User, "so", "so-pin", fault.PINIncorrect},
		{"a stranger", a, client.User, "nobody", "user-pin", fault.PINIncorrect},
		{"the admin of the domain in a partition", a, client.Officer, "admin", "admin-pin", fault.PINIncorrect},
		{"by uid where it is not allowed", a, client.User, "uid", "", fault.Denied},
		{"by uid without one", b, client.User, "uid", "", fault.Denied},
		{"no PIN at all", a, client.User, "", "", fault.PINLength},
	} {
		s, err := n.client().Open(c.slot, true)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Login(c.user, c.op, []byte(c.pin))
		want(t, c.name, err, c.want)
	}
	want(t, "give the user a uid", n.admin().OperatorSet(b, "user", client.SetUIDs, nil, 1000), fault.OK)
	s, err := n.client().Open(b, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Login(client.User, "uid", nil)
	want(t, "by uid", err, fault.OK)
}

func TestAdminsOfOnePartitionDoNotManageAnother(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	a, b := n.partition("a", 0), n.partition("b", 0)
	c := n.client()
	s, err := c.Open(a, true)
	if err == nil {
		_, err = s.Login(client.Officer, "", []byte("so-pin"))
	}
	want(t, "log in", err, fault.OK)
	want(t, "an operator of its own", c.OperatorCreate(a, "x", client.CryptoUser, []byte("1234")), fault.OK)
	want(t, "an operator of another", c.OperatorCreate(b, "x", client.CryptoUser, []byte("1234")), fault.NotLoggedIn)
	_, err = c.Operators(b)
	want(t, "another's operators", err, fault.NotLoggedIn)
	_, _, err = c.PartitionCreate("c", []byte("1234"), []byte("1234"), 0)
	want(t, "a partition", err, fault.NotLoggedIn)
	want(t, "lock", c.Lock(), fault.NotLoggedIn)
	p := client.Partition{ID: n.core.Tokens()[0].Partition, MaxObjects: 5}
	want(t, "its own quota", c.PartitionSet(client.SetQuotas, p), fault.Denied)
}

func TestQuotasHold(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	slot := n.partition("a", 0)
	id := n.core.Tokens()[0].Partition
	want(t, "set quota", n.admin().PartitionSet(client.SetQuotas, client.Partition{ID: id, MaxObjects: 1, MaxOperators: 3}), fault.OK)
	s, err := n.client().Open(slot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte("user-pin"))
	}
	want(t, "log in", err, fault.OK)
	aes := client.Template{client.Bool(key.AttrToken, true), client.ULong(key.AttrValueLen, uint64(32))}
	_, err = s.Generate(client.Mech(key.MechAESKeyGen), aes)
	want(t, "first key", err, fault.OK)
	_, err = s.Generate(client.Mech(key.MechAESKeyGen), aes)
	want(t, "second key", err, fault.QuotaExceeded)
}

func TestADestroyedPartitionIsGoneAndItsRecordsSwept(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	slot := n.partition("a", 0)
	id := n.core.Tokens()[0].Partition
	want(t, "without its label", n.admin().PartitionDestroy(id, "b"), fault.ArgumentsBad)
	want(t, "destroy", n.admin().PartitionDestroy(id, "a"), fault.OK)
	_, err := n.client().Open(slot, true)
	want(t, "a session on it", err, fault.PartitionUnknown)
	records, err := n.core.host.List("r/" + id.String() + "/")
	if err != nil || len(records) != 0 {
		t.Errorf("%d records are left, %v", len(records), err)
	}
	n.start(wire.Config{})
	if tokens := n.core.Tokens(); len(tokens) != 0 {
		t.Errorf("after a restart: %+v", tokens)
	}
}

func TestASelfTestThatFailsEndsTheCore(t *testing.T) {
	passed, failed := selfTest("")
	if failed != "" || passed == 0 {
		t.Fatalf("%d passed, %q failed", passed, failed)
	}
	for _, test := range all.SelfTests()[:3] { // mech/all breaks each of them
		if _, failed = selfTest(test.Name); failed != test.Name {
			t.Errorf("with %q broken, %q failed", test.Name, failed)
		}
	}
	n := newNode(t)
	n.initialize("file", 0, 0)
	n.core.Fail("pairwise test")
	if code := <-n.machine.exits; code != wire.ExitSelfTest {
		t.Errorf("the core ends with %d", code)
	}
	if s := n.core.State(); s != wire.StateError {
		t.Errorf("state %v", s)
	}
}

// A root key without its shares opens never again, so an act on keepers that the log refuses must not have happened, and
// one that happened must give the shares out.
func TestARootKeyIsNotEntrustedWithoutALogNorWithoutItsShares(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	c := n.admin()
	n.logFails(0)
	_, err := c.Rekeep("custodians", 1, 1)
	want(t, "rekeep without a log", err, fault.AuditUnavailable)
	if _, err := n.core.host.Root(wire.RootGet, "file", nil); err != nil {
		t.Errorf("the keeper before has lost the root: %v", err)
	}
	n.logFails(1)
	shares, err := c.Rekeep("custodians", 1, 1)
	if err != nil || len(shares) != 1 {
		t.Fatalf("rekeep whose outcome the log does not take: %d shares, %v", len(shares), err)
	}
	n.accident.Store(nil)
	n.start(wire.Config{})
	_, err = n.client().Unlock(shares[0])
	want(t, "unlock with the share", err, fault.OK)
}

func TestAHostThatDoesNotAnswerDoesNotKeepSecretsAlive(t *testing.T) {
	for name, op := range map[string]uint16{"the log": wire.OpAudit, "the sealed root": wire.OpRoot} {
		n := newNode(t)
		n.initialize("file", 0, 0)
		c := n.admin()
		release := make(chan struct{})
		hang := func(asked uint16) error {
			if asked == op {
				<-release
			}
			return nil
		}
		n.accident.Store(&hang)
		go c.Zeroize(n.core.domain.String())
		select {
		case code := <-n.machine.exits:
			if code != wire.ExitZeroized {
				t.Errorf("%s: the core ends with %d", name, code)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the core waits for the host", name)
		}
		close(release)
	}
}

func TestSettingsOfUnknownOutcomeGoByWhatIsStored(t *testing.T) {
	n := newNode(t)
	n.initialize("file", 0, 0)
	n.partition("a", 0)
	c, p := n.admin(), client.Partition{ID: n.core.Tokens()[0].Partition, Flags: client.AuditEach}
	unknown := func(op uint16) error {
		if op == wire.OpCommit {
			return fault.OutcomeUnknown
		}
		return nil
	}
	n.accident.Store(&unknown)
	want(t, "a change that nobody could confirm", c.PartitionSet(client.SetFlags, p), fault.OutcomeUnknown)
	n.accident.Store(nil)
	want(t, "the same again", c.PartitionSet(client.SetFlags, p), fault.OK)
}
