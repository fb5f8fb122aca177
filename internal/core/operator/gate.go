// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/key"
)

// MaxTries is how many wrong PINs in a row lock a PIN, on all nodes together and across restarts.
const MaxTries = 10

// Charger is the store as the Gate sees it.
type Charger interface {
	// Operator answers the newest record of the operator, opened and checked by the ledger; UserUnknown when there is none.
	Operator(id key.ID) (*Operator, error)

	// Charge commits op.WithTries(used) as the next version of op's record. On nil it is durable, a majority of the nodes knows
	// it, and Operator answers it from then on. When the record has changed since op was read, on any node, it answers Conflict,
	// and Operator the newer one; when the outcome is unknown it answers an error, and the login fails with it. Charge is not
	// called twice at once for one operator.
	Charge(op *Operator, used uint32) error
}

// Gate checks PINs. Each try is charged to the operator's record before it is made: who kills the core between the try and its
// result, or tries on another node, has spent it all the same. The charges of all nodes are commits of one record, each of which
// names the one before; so whoever has not heard of another's charge makes none, and it does not matter whether every node has
// heard of one when the try is made (docs/design/coherence.md). After a success the charged try stays, as credit of this core,
// so that right PINs cost no commit. The next try is charged in its place, while nobody else has charged or reset since, which
// the record's serial shows. So the number charged is never less than the number of wrong PINs since the last right one.
//
// Ten wrong ones lock the PIN. Since the right PIN resets that count, wrong ones between the logins of a busy service
// would never add up; so wrong ones also draw from a bucket that only time fills: 20, and 1 more each 30 s. When it is empty the
// right PIN is refused too, or its acceptance would tell it from a wrong one.
type Gate struct {
	charger Charger
	boot    ssp.Bytes     // key of the fast verifiers, random at each start
	hashing chan struct{} // one slow hash at a time, so that guessing takes at most one processor

	mu        sync.Mutex
	operators map[key.ID]*tries  // guarded by mu
	strangers map[key.ID]*bucket // guarded by mu: by partition, for names that do not exist
	decoy     *Verifier          // never changed
}

// tries is what the Gate remembers of one operator.
type tries struct {
	mu      sync.Mutex
	serial  uint64   // guarded by mu, as are all below: Operator.Charges when credit was last right
	charged uint32   // Operator.Tries at that time
	credit  uint32   // 1: one of the charged tries was right and is this core's, 0: none
	owed    uint32   // wrong PINs, known by the fast verifier, that could not be charged
	wrong   bool     // a wrong PIN was given here since the last right one
	fast    [32]byte // HMAC of the last right PIN under boot
	fastGen uint64   // the generation it is of; 0 for none
	bucket  bucket

	before atomic.Pointer[State] // as it was when the check under way began
}

// NewGate makes a gate that remembers nothing.
func NewGate(charger Charger) (*Gate, error) {
	boot, err := ssp.Alloc(32)
	if err != nil {
		return nil, err
	}
	boot.Use(access.Token{}, func(p []byte) { rand.Read(p) })
	decoy := &Verifier{iterations: iterations}
	rand.Read(decoy.hash[:])
	return &Gate{charger: charger, boot: boot, hashing: make(chan struct{}, 1), decoy: decoy,
		operators: map[key.ID]*tries{}, strangers: map[key.ID]*bucket{}}, nil
}

// VerifyPIN checks the PIN of an operator and answers the operator as it is now. now is nanoseconds of a clock that does
// not go back. Called inside ssp.Do.
//
//	PINIncorrect  Left says how many tries are left; also for an operator that is disabled
//	PINLocked     an admin must set a new PIN
//	PINLength     no PIN is that short or long; nothing was charged
//	PINNotSet, RateLimited, and whatever Charger answers
func (g *Gate) VerifyPIN(id key.ID, pin []byte, now int64) (*Operator, error) {
	if err := CheckPINLength(pin); err != nil {
		return nil, err
	}
	t := g.tries(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	for range races {
		op, err := g.verify(t, id, pin, now)
		if fault.Of(err) != fault.Conflict {
			return op, err
		}
	}
	t.uncharged(now)
	return nil, fault.Conflict.At("check pin")
}

// races bounds how often a try is charged anew because another node has charged one to the same operator meanwhile. Until it
// is charged nothing was tried.
const races = 8

func (g *Gate) verify(t *tries, id key.ID, pin []byte, now int64) (*Operator, error) {
	op, err := g.charger.Operator(id)
	switch {
	case err != nil:
		return nil, err
	case op.Disabled:
		return nil, g.VerifyStranger(op.Partition, pin, now)
	case op.PIN == nil:
		return nil, fault.PINNotSet.At("check pin")
	}
	t.learn(op)
	before := t.state()
	t.before.Store(&before)
	if t.locked() {
		t.fastGen = 0
		return nil, fault.PINLocked.At("check pin")
	}
	if !t.bucket.allows(now) {
		return nil, fault.RateLimited.At("check pin")
	}
	if t.fastGen != op.Generation {
		t.fastGen = 0
	}
	fast := g.fastHash(op, pin)
	if t.fastGen != 0 && subtle.ConstantTimeCompare(t.fast[:], fast[:]) == 1 {
		g.succeed(t, op)
		return op, nil
	}
	if err := g.try(t, op, pin, now); err != nil {
		return nil, err
	}
	t.fast, t.fastGen = fast, op.Generation
	g.succeed(t, op)
	return op, nil
}

// try is the slow way: charge, then look.
func (g *Gate) try(t *tries, op *Operator, pin []byte, now int64) error {
	if err := g.charger.Charge(op, t.used()+1); err != nil {
		if fault.Of(err) != fault.Conflict {
			t.uncharged(now)
		}
		return err
	}
	t.own(op, t.used()+1)
	right, err := g.slow(op.PIN, pin)
	if err != nil {
		return err
	}
	if !right {
		t.wrong = true
		t.bucket.take(now)
		return &fault.Error{Code: fault.PINIncorrect, Step: "check pin", Left: int(MaxTries - t.used())}
	}
	t.credit = 1
	return nil
}

// uncharged ends a try that could not be charged. Where the right PIN would have been known by the fast verifier, the failure
// told that this one is wrong: it is owed, and the next one is not told before something is charged. Otherwise who keeps a core
// from committing, its own host first, could ask for ever.
func (t *tries) uncharged(now int64) {
	if t.fastGen != 0 {
		t.fastGen = 0
		t.owed++
		t.bucket.take(now)
	}
}

// succeed takes all charges back but one, which becomes this core's credit. Where that cannot be committed the login
// stands: what was charged stays charged, which errs on the safe side.
func (g *Gate) succeed(t *tries, op *Operator) {
	t.wrong, t.owed = false, 0
	if t.charged <= 1 {
		return
	}
	newest, err := g.charger.Operator(op.ID)
	if err == nil && newest.Generation == op.Generation && g.charger.Charge(newest, 1) == nil {
		t.own(newest, 1)
		t.credit = 1
	}
}

// VerifyStranger is for a login by a name that does not exist in the partition: it takes the time of a wrong PIN and
// answers the same code. Called inside ssp.Do.
//
// BUG(genbu): who measures well can tell a stranger from an operator whose try had to be committed, by the time of that
// commit, and PINLocked and RateLimited come after different counts. Names are no secrets; this only keeps them from
// being listed cheaply.
func (g *Gate) VerifyStranger(partition key.ID, pin []byte, now int64) error {
	if err := CheckPINLength(pin); err != nil {
		return err
	}
	g.mu.Lock()
	b := g.strangers[partition]
	if b == nil {
		b = &bucket{}
		g.strangers[partition] = b
	}
	allowed := b.allows(now)
	if allowed {
		b.take(now)
	}
	g.mu.Unlock()
	if !allowed {
		return fault.RateLimited.At("check pin")
	}
	if _, err := g.slow(g.decoy, pin); err != nil {
		return err
	}
	return fault.PINIncorrect.At("check pin")
}

// Blind removes the number of tries left, for a login by a free name, where the number would tell that the name exists.
func Blind(err error) error {
	if e, ok := err.(*fault.Error); ok {
		return &fault.Error{Code: e.Code, Step: e.Step, Left: -1}
	}
	return err
}

// State is what CK_TOKEN_INFO tells of a PIN.
type State struct {
	Low    bool // a wrong PIN was given since the last right one
	Final  bool // one more locks it
	Locked bool
	Left   uint32
}

// PINState tells how many tries the operator has left. It costs nothing and charges nothing. While a PIN is being checked
// it tells how things stood before: everybody who opens a session asks, and none of them shall wait for a guesser.
func (g *Gate) PINState(op *Operator) State {
	t := g.tries(op.ID)
	if !t.mu.TryLock() {
		if s := t.before.Load(); s != nil {
			return *s
		}
		t.mu.Lock()
	}
	defer t.mu.Unlock()
	t.learn(op)
	return t.state()
}

// state is what PINState tells; the caller holds mu.
func (t *tries) state() State {
	used := t.used()
	if used == 1 && !t.wrong {
		used = 0 // after a restart, or beside another node: the credit that its last success left
	}
	return State{Low: used > 0, Final: used == MaxTries-1, Locked: used == MaxTries, Left: MaxTries - used}
}

// Forget drops the cached login of an operator, when it is changed or destroyed. Charged tries are not forgotten.
func (g *Gate) Forget(id key.ID) {
	t := g.tries(id)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fastGen = 0
}

// Close forgets everything; the Gate is not used after it.
func (g *Gate) Close() { g.boot.Free() }

func (g *Gate) tries(id key.ID) *tries {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.operators[id]
	if t == nil {
		t = &tries{}
		g.operators[id] = t
	}
	return t
}

// learn takes in what others did to the record. After that this core's credit is worth nothing: they may have counted
// from zero since.
func (t *tries) learn(op *Operator) {
	if op.Charges != t.serial || op.Tries != t.charged {
		if op.Tries == 0 { // an admin gave all tries back
			t.owed = 0
		}
		t.serial, t.charged, t.credit = op.Charges, op.Tries, 0
	}
}

// own takes in this core's own charge on op.
func (t *tries) own(op *Operator, charged uint32) {
	t.serial, t.charged, t.credit, t.owed = op.Charges+1, charged, 0, 0
}

func (t *tries) used() uint32 { return min(t.charged-t.credit+t.owed, MaxTries) }

func (t *tries) locked() bool { return t.used() == MaxTries }

func (g *Gate) slow(v *Verifier, pin []byte) (bool, error) {
	g.hashing <- struct{}{}
	defer func() { <-g.hashing }()
	return v.matches(pin)
}

// fastHash lets a right PIN be known again without the slow hash: it is of use to nobody without boot, which never
// leaves secret memory and dies with the core.
func (g *Gate) fastHash(op *Operator, pin []byte) (sum [32]byte) {
	g.boot.Use(access.Token{}, func(p []byte) {
		m := hmac.New(sha256.New, p)
		m.Write(op.ID[:])
		m.Write(pin)
		m.Sum(sum[:0])
	})
	return sum
}
