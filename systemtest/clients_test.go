// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// crowd is clients at work on one node while it is killed. Each reconnects by itself, as a PKCS #11 library does.
type crowd struct {
	socket  string
	history *history
	shared  *thing // a pair that all use and none destroys
	unlock  func(operator string) error

	gate sync.RWMutex // held for reading during one act; the checker takes it for writing
	stop chan struct{}
	all  sync.WaitGroup

	mu     sync.Mutex
	faults []string // guarded by mu: answers that must not be
}

// complain notes an answer that breaks a promise.
func (c *crowd) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults) < 50 {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

func (c *crowd) start(clients int, seed uint64) {
	c.stop = make(chan struct{})
	for i := range clients {
		p := &person{crowd: c, name: fmt.Sprintf("c%d", i), random: rand.New(rand.NewPCG(seed, uint64(i)+1)), guesser: i < guessers}
		c.all.Go(p.work)
	}
}

func (c *crowd) end() {
	close(c.stop)
	c.all.Wait()
}

// person is one client.
type person struct {
	crowd  *crowd
	name   string
	random *rand.Rand

	conn    *client.Conn
	session *client.Session
	ticket  []byte
	things  []*thing
	serial  int
	guesser bool // has an operator of its own, at whose PIN it guesses
	tries   int  // wrong and unanswered PINs of that operator since its last right one
}

// guessers are few, since checking a PIN takes long on purpose, and one after the other.
const guessers = 4

const maxThings = 25 // of one client at a time

// work acts until the crowd ends.
func (p *person) work() {
	defer p.leave()
	for {
		select {
		case <-p.crowd.stop:
			return
		case <-time.After(time.Duration(p.random.IntN(4000)) * time.Microsecond):
		}
		if p.session == nil && !p.join() {
			continue
		}
		p.crowd.gate.RLock()
		p.act()
		p.crowd.gate.RUnlock()
	}
}

// join connects and logs in: by the ticket of an earlier login, else by PIN.
func (p *person) join() bool {
	conn, err := client.Dial(p.crowd.socket)
	if err != nil {
		return false
	}
	s, err := p.enter(conn)
	if err != nil {
		if !dying(err) && codeOf(err) != fault.PartitionUnknown { // the core answers before it is unlocked
			p.crowd.complain("%s: login: %v", p.name, err)
		}
		conn.Close()
		return false
	}
	p.conn, p.session = conn, s
	p.crowd.history.count("channels")
	return true
}

func (p *person) enter(conn *client.Conn) (*client.Session, error) {
	slot, err := findSlot(conn, tokenLabel)
	if err != nil {
		return nil, err
	}
	s, err := conn.Open(slot, true)
	if err != nil {
		return nil, err
	}
	if p.ticket != nil && p.random.IntN(16) > 0 { // as a PKCS #11 library does; a PIN in flight costs a try at each kill
		_, err = conn.Resume(slot, p.ticket)
		p.crowd.history.count("resumes")
		return s, err
	}
	p.ticket, err = s.Login(client.User, "", []byte(userPIN))
	p.crowd.history.count("logins")
	return s, err
}

func findSlot(conn *client.Conn, label string) (uint64, error) {
	list, err := conn.Slots()
	if err != nil {
		return 0, err
	}
	for _, t := range list {
		if strings.TrimRight(t.Label, " ") == label {
			return t.Slot, nil
		}
	}
	return 0, fault.PartitionUnknown
}

func (p *person) leave() {
	if p.conn != nil {
		p.conn.Close()
	}
	p.conn, p.session = nil, nil
}

// act does one thing, chosen at random.
func (p *person) act() {
	n := p.random.IntN(100)
	var err error
	switch {
	case len(p.things) == 0 || n < 22 && len(p.things) < maxThings:
		err = p.create()
	case n < 60:
		err = p.use()
	case n < 74:
		err = p.change()
	case n < 92:
		err = p.destroy()
	case n < 94:
		err = signs(p.session, p.crowd.shared.half[0].handle, p.crowd.shared.public)
		p.crowd.history.count("uses of the shared key")
	case n < 98 && p.guesser:
		err = p.guess()
	default:
		p.leave()
		return
	}
	if err == nil {
		return
	}
	if !dying(err) {
		p.crowd.complain("%s: %v", p.name, err)
	}
	p.crowd.history.count("calls cut off")
	p.leave()
}

func (p *person) create() error {
	p.serial++
	x := &thing{label: fmt.Sprintf("%s-%d", p.name, p.serial), pair: p.random.IntN(3) > 0, made: unknown}
	id := []byte(x.label)
	x.half[0].id, x.half[1].id = id, id
	p.crowd.history.add(x)
	p.crowd.history.count("creations asked")
	if x.pair {
		public, private := pairTemplates(x.label, id)
		pub, priv, err := p.session.GeneratePair(client.Mech(key.MechECKeyPairGen), public, private)
		if err != nil {
			return fmt.Errorf("create pair %s: %w", x.label, err)
		}
		x.made, x.half[0].handle, x.half[1].handle = yes, priv.Handle, pub.Handle
	} else {
		o, err := p.session.Generate(client.Mech(key.MechAESKeyGen), secretTemplate(x.label, id))
		if err != nil {
			return fmt.Errorf("create secret %s: %w", x.label, err)
		}
		x.made, x.half[0].handle = yes, o.Handle
	}
	x.told = true
	p.crowd.history.count("creations answered")
	if err := x.note(p.session); err != nil { // without a note there is no knowing whether it is the same later
		return err
	}
	p.things = append(p.things, x)
	return nil
}

// note keeps what will show later that it is still the same key.
func (x *thing) note(s *client.Session) (err error) {
	if x.pair {
		x.public, err = publicKey(s, x.half[1].handle)
		return err
	}
	x.iv = make([]byte, 12)
	x.sealed, err = s.Encrypt(client.GCM(x.iv, nil, 128), x.half[0].handle, probe)
	return err
}

func (p *person) pick() *thing { return p.things[p.random.IntN(len(p.things))] }

func (p *person) use() error {
	x := p.pick()
	if x.half[0].gone != never {
		return nil
	}
	p.crowd.history.count("uses")
	var err error
	if x.pair {
		err = signs(p.session, x.half[0].handle, x.public)
	} else {
		err = x.opens(p.session, x.half[0].handle)
	}
	if err != nil {
		return fmt.Errorf("use %s: %w", x.label, err)
	}
	return nil
}

// change gives an object another CKA_ID.
func (p *person) change() error {
	x := p.pick()
	h := &x.half[p.random.IntN(2)]
	if h.handle == 0 || h.gone != never {
		return nil
	}
	p.serial++
	id := fmt.Appendf(nil, "%s-%d", x.label, p.serial)
	h.maybe = append(h.maybe, id)
	p.crowd.history.count("changes asked")
	if err := p.session.Set(h.handle, client.Template{client.Bytes(key.AttrID, id)}); err != nil {
		return fmt.Errorf("change %s: %w", x.label, err)
	}
	h.id, h.maybe = id, nil
	p.crowd.history.count("changes answered")
	return nil
}

// destroy ends one object; the thing leaves its owner's hands when both halves were asked to go.
func (p *person) destroy() error {
	x := p.pick()
	for i := range x.half {
		h := &x.half[i]
		if h.handle == 0 || h.gone != never {
			continue
		}
		h.gone = unknown
		p.crowd.history.count("destructions asked")
		if i == 1 || !x.pair || x.half[1].gone != never {
			p.things = slices.DeleteFunc(p.things, func(y *thing) bool { return x == y })
		}
		if err := p.session.Destroy(h.handle); err != nil {
			return fmt.Errorf("destroy %s: %w", x.label, err)
		}
		h.gone, h.told = yes, true
		p.crowd.history.count("destructions answered")
		return nil
	}
	return nil
}

// guess gives a wrong PIN and then the right one, as an operator of this client's own. A kill between a try and its answer
// has spent the try, so the operator may be locked once ten were given, and not before. One of the ten may be the try that
// stays charged after a right PIN: a core that ends takes the credit for it along (core/operator, Gate).
func (p *person) guess() error {
	conn, err := client.Dial(p.crowd.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	slot, err := findSlot(conn, tokenLabel)
	if err != nil {
		return err
	}
	s, err := conn.Open(slot, true)
	if err != nil {
		return err
	}
	for _, pin := range []string{"not it", guesserPIN} {
		p.tries++
		_, err = s.Login(client.User, "guess-"+p.name, []byte(pin))
		switch code := codeOf(err); {
		case dying(err), code == fault.RateLimited:
			return nil
		case code == fault.PINLocked && p.tries >= 10:
			p.crowd.history.count("lockouts")
			switch err := p.crowd.unlock("guess-" + p.name); {
			case err == nil:
				p.tries = 0
				p.crowd.history.count("unlocks")
			case !dying(err):
				return fmt.Errorf("unlock guess-%s: %w", p.name, err)
			}
			return nil
		case pin == guesserPIN && err == nil:
			p.tries = 0
			p.crowd.history.count("right PINs after wrong ones")
		case pin != guesserPIN && code == fault.PINIncorrect:
			p.crowd.history.count("wrong PINs")
		default:
			return fmt.Errorf("login of guess-%s, try %d: %w", p.name, p.tries, errWrongPIN(pin, err))
		}
	}
	return nil
}

const guesserPIN = "secret99"

func errWrongPIN(pin string, err error) error {
	if err == nil {
		return fmt.Errorf("%q was accepted: %w", pin, errWrong)
	}
	return err
}
