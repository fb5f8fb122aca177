// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// The promise of issue 2, section 3: kill -9 at any moment loses no key whose creation was answered, revives none whose
// destruction was answered, and leaves no half key.
func TestKillsLoseAndReviveNothing(t *testing.T) {
	kills := 100
	if soak() {
		kills = 500
	}
	const clients = 16
	seed := seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	n := ready(t)
	admin := n.admin()
	slot := slotOf(t, admin, tokenLabel)
	auditKey := n.auditKey()
	for i := range guessers {
		must(t, admin.OperatorCreate(slot, fmt.Sprintf("guess-c%d", i), client.CryptoUser, []byte(guesserPIN)))
	}
	c := &crowd{socket: n.socket(), history: newHistory(), shared: sharedPair(t, n.userSession()),
		unlock: unlocker(t, n, slot)}
	c.history.add(c.shared)
	c.start(clients, seed)
	eventually(t, "all clients to be in", func() bool { return c.history.counted("channels") >= clients })
	began := time.Now()
	for i := range kills {
		n.killOnce(random, c.history)
		switch {
		case (i+1)%(kills/5) == 0:
			c.check(t, n, fmt.Sprintf("after %d kills", i+1))
		case i%4 == 0:
			n.userSession() // the right PIN goes on working, which also gives back the tries that kills have cost
		}
	}
	c.end()
	n.operational()
	c.check(t, n, "at the end")
	c.checkLogins(t, n)
	fmt.Printf("%s: %d kills in %v: %s\n", t.Name(), kills, time.Since(began).Round(time.Second), strings.Join(c.history.lines(), ", "))
	n.stop()
	c.checkDisk(t, n, auditKey)
}

// unlocker gives an operator its PIN again, which unlocks it, by a ticket of the domain's admin, whose PIN the kills shall not
// use up. It does not wait for a node that is away.
func unlocker(t *testing.T, n *node, slot uint64) func(operator string) error {
	t.Helper()
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(t, err)
	ticket, err := s.Login(client.Officer, "", []byte(adminPIN))
	must(t, err)
	socket := n.socket()
	return func(operator string) error {
		conn, err := client.Dial(socket)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Resume(0, ticket); err != nil {
			return err
		}
		return conn.OperatorSet(slot, operator, client.SetPINOf, []byte(guesserPIN))
	}
}

func sharedPair(t *testing.T, s *client.Session) *thing {
	t.Helper()
	x := &thing{label: "shared", pair: true, made: yes}
	public, private := pairTemplates(x.label, []byte(x.label))
	pub, priv, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), public, private)
	must(t, err)
	x.half[0], x.half[1] = half{handle: priv.Handle, id: []byte(x.label)}, half{handle: pub.Handle, id: []byte(x.label)}
	must(t, x.note(s))
	return x
}

// killOnce waits for a random moment and kills host or core. One kill in five comes while the last one is not yet
// recovered from.
func (n *node) killOnce(random *rand.Rand, h *history) {
	n.t.Helper()
	host, early := random.IntN(5) < 2, random.IntN(5) == 0
	wait := time.Duration(random.IntN(500)) * time.Millisecond
	if early {
		wait /= 3
	} else {
		n.operational().Close()
	}
	time.Sleep(wait)
	if !host && n.killCore() {
		h.count("kills of the core")
		return
	}
	if n.corePID() == 0 {
		h.count("kills of the host during a start")
	}
	n.kill()
	h.count("kills of the host")
	n.spawn()
}
