// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// A key that was used last, in a core that is then left alone, must go without help: nothing that comes later overwrites
// it, and no later use makes the core collect.

// stays is the control: what an operation under way keeps is there and is found, as SECURITY.md says.
const stays = "have operations under way"

// acts are what the quiet role does on command. Those with a pause between begin and end leave the core alone before the
// end, so that only the end itself can make it collect.
var acts = []struct {
	name string
	do   func(p *planter) error
}{
	{"import keys", (*planter).importAll},
	{"make keys and read them", (*planter).generateAll},
	{"use each key once", (*planter).useAgain},
	{"wrap and unwrap", (*planter).moveAll},
	{"copy and change", (*planter).manage},
	{"give operations up", func(p *planter) error {
		return p.endBegun(func(b *begun) error { return b.s.Cancel(b.use) })
	}},
	{"close sessions in an operation", func(p *planter) error {
		return p.endBegun(func(b *begun) error { return b.s.Close() })
	}},
	{stays, func(p *planter) error { return p.endBegun(func(*begun) error { return nil }) }},
	{"log out in an operation", func(p *planter) error { return p.s.Logout() }},
	{"log in", func(p *planter) error {
		if _, err := p.s.Login(client.User, operator, []byte("no pin of anybody")); err == nil {
			return errors.New("a wrong pin was taken")
		}
		_, err := p.s.Login(client.User, operator, p.pin())
		return err
	}},
	{"be refused", (*planter).failAll},
	{"change the PIN", func(p *planter) error { return p.s.SetPIN(p.pin(), p.pin()) }},
	{"vanish in an operation", (*planter).vanish},
}

// vanish is a client that goes away with operations under way. Its application, with their keys, is kept for a minute.
func (p *planter) vanish() (err error) {
	q := *p
	if q.conn, err = client.Dial(filepath.Join(p.dir, "genbu.sock")); err != nil {
		return err
	}
	if q.s, err = q.conn.Open(p.out.Slot, true); err != nil {
		return err
	}
	if _, err = q.s.Login(client.User, operator, p.pin()); err != nil {
		return err
	}
	if err = q.endBegun(func(*begun) error { return nil }); err != nil {
		return err
	}
	q.conn.Close()
	time.Sleep(62 * time.Second)
	return nil
}

// endBegun begins an operation with each key, waits until the core has nothing to do, and ends them.
func (p *planter) endBegun(end func(b *begun) error) error {
	var all []*begun
	for _, k := range p.keys {
		if k.handle&key.SessionHandle != 0 && p.conn != k.conn {
			continue // another application's
		}
		b, err := p.begin(k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		if b != nil {
			all = append(all, b)
		}
	}
	time.Sleep(2500 * time.Millisecond) // uses are counted into the audit log each second, and its head is signed
	var err error
	for _, b := range all {
		err = errors.Join(err, end(b))
	}
	return err
}

// quiet is the role that plants, and then does one act at a time.
func quiet(in *gob.Decoder, out *gob.Encoder) error {
	p := &planter{did: map[string]bool{}, marker: bytesOf(512)}
	if err := in.Decode(&p.dir); err != nil {
		return err
	}
	p.keep("data signed and encrypted", 1, p.marker[:64])
	if err := p.partition(); err != nil {
		return err
	}
	for {
		act := 0
		if err := in.Decode(&act); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := acts[act].do(p); err != nil {
			return fmt.Errorf("%s: %w", acts[act].name, err)
		}
		if err := out.Encode(p.out.Secrets); err != nil {
			return err
		}
		p.out.Secrets = nil
	}
}

func TestALastUseIsForgottenWithinASecond(t *testing.T) {
	n := newNode(t)
	n.up()
	r := start(t, "quiet")
	r.tell(n.dir)
	var s *search
	for i, act := range acts {
		if act.name == "vanish in an operation" && os.Getenv("GENBU_SOAK") == "" {
			continue // takes a minute
		}
		r.tell(i)
		var more []secret
		r.hear(&more)
		if s == nil {
			s = newSearch(t, nil)
		}
		s.add(more)
		if act.name != stays {
			s.gone(act.name, n, "")
		} else if f := s.ask(nil, look{Pids: []int{n.Core}}); len(f.Secrets) < 20 {
			t.Errorf("control: of keys in use only %v are found", f.Secrets)
		}
	}
	r.end()
}
