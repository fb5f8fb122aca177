// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// offsetFile moves the clock of a node, in a program built with the tag faultclock (internal/clock).
const offsetFile = "genbu-faultclock-offset"

// movable is the program whose clock can be set, built once.
func movable(t *testing.T) string {
	t.Helper()
	if program == "" {
		return "" // newNetwork skips
	}
	path, err := build()
	must(t, err)
	return path
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(program), "genbu-faultclock")
	cmd := exec.Command("go", "build", "-tags", "faultclock", "-ldflags", "-s -w", "-o", path, "../../cmd/genbu")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=runtimesecret", "GOFIPS140=v1.0.0") // as the Makefile has them
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
})

// setClock sets the node's clock so far from the right time: host and core see it at once.
func (m *machine) setClock(off time.Duration) {
	f, err := os.OpenFile(filepath.Join(m.dir, offsetFile), os.O_WRONLY, 0)
	if err != nil {
		m.t.Logf("%s: its clock cannot be set: %v", m.address, err)
		return
	}
	defer f.Close()
	f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(off)), 0)
}

// lastTime is the time of the newest entry in a node's audit log.
func (m *machine) lastTime() time.Time {
	m.t.Helper()
	m.run("audit", "note", "what time is it")
	var e struct{ Time time.Time }
	must(m.t, json.Unmarshal([]byte(m.run("audit", "list", "--last", "1", "--json")), &e))
	return e.Time
}

// TestNothingSetsTheClockOfTheProduct lays the file that moves the clock of a test's program beside the product's node.
func TestNothingSetsTheClockOfTheProduct(t *testing.T) {
	for name, control := range map[string]bool{"the product": false, "control: built for tests": true} {
		t.Run(name, func(t *testing.T) {
			net := newNetwork(t)
			if control {
				net.run = movable(t)
			}
			b, err := os.ReadFile(net.run)
			must(t, err)
			if bytes.Contains(b, []byte(offsetFile)) != control {
				t.Errorf("the program knows the file: %v", !control)
			}
			m := net.machine()
			must(t, os.MkdirAll(m.dir, 0o755))
			must(t, os.WriteFile(filepath.Join(m.dir, offsetFile), make([]byte, 8), 0o600))
			m.run("up", "--token", label, "--pin", userPIN)
			m.setClock(9 * time.Hour)
			if ahead := time.Until(m.lastTime()) > 8*time.Hour; ahead != control {
				t.Errorf("the core's clock is moved: %v", ahead)
			}
		})
	}
}

// TestClocksThatAreSetMoveNoLease sets clocks ahead and back. What depends on the time of day goes by the clock of the node that is
// asked, and leases, links and the log go on.
func TestClocksThatAreSetMoveNoLease(t *testing.T) {
	f := newField(t, 3)
	one, two := f.machines[0], f.machines[1]
	a, b := login(t, one.socket()), login(t, two.socket())
	mac := func(s *client.Session, handle uint64) error {
		_, err := s.Sign(client.Mech(key.MechSHA256HMAC), handle, message)
		return err
	}
	create := func(s *client.Session, more ...client.Attribute) uint64 {
		t.Helper()
		made, err := s.Generate(client.Mech(key.MechGenericKeyGen), append(client.Template{client.Bool(key.AttrToken, true), client.Bool(key.AttrSign, true),
			client.ULong(key.AttrValueLen, uint64(32))}, more...))
		must(t, err)
		return made.Handle
	}
	always := create(a)
	must(t, mac(b, always))
	for _, off := range []time.Duration{5 * time.Hour, -20 * time.Hour} {
		two.setClock(off)
		for range 20 { // longer than a lease of three seconds
			if err := mac(b, always); err != nil {
				t.Errorf("%v: use at the node whose clock was set: %v", off, err)
			}
			if err := mac(a, create(b)); err != nil {
				t.Errorf("%v: a key that it has made, at another: %v", off, err)
			}
			time.Sleep(170 * time.Millisecond)
		}
		if ahead := time.Until(two.lastTime()); (ahead - off).Abs() > time.Minute {
			t.Errorf("its log says %v instead of %v", ahead, off)
		}
	}
	// A key's dates are those of the node's calendar.
	dated := create(a, client.Bytes(key.AttrEndDate, time.Now().UTC().AppendFormat(nil, "20060102")))
	must(t, mac(b, dated))
	two.setClock(72 * time.Hour)
	if err := mac(b, dated); fault.Of(err) != fault.KeyDisabled {
		t.Errorf("a key that has ended by this node's calendar: %v", err)
	}
	must(t, mac(a, dated))
	two.setClock(-20 * time.Hour)

	// Restarted so, it comes back: certificates bear a day.
	two.die()
	two.back()
	one.stands(3)
	b = login(t, two.socket())
	must(t, mac(b, always))
	two.run("audit", "verify") // order is the log's own; times are what the clock said

	// A join token's hour is over where it is: refused, and good again once the clock is right.
	for _, m := range f.machines {
		m.setClock(0)
	}
	token := one.token("token", "create", "late")
	for _, m := range f.machines {
		m.setClock(2 * time.Hour)
	}
	late := f.newcomer(-1)
	if _, err := late.try("join", token, "--keeper", "file"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a token whose time is over: %v", err)
	}
	for _, m := range f.machines {
		m.setClock(0)
	}
	late.run("join", token, "--keeper", "file")
	one.stands(4)
}
