// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// diary is what one writer has done, in order: after each act, which labels there are.
type diary struct {
	name string
	acts []act
}

type act struct {
	make, destroy string
}

// after is what there is after so many acts.
func (d *diary) after(n int) map[string]bool {
	have := map[string]bool{}
	for _, a := range d.acts[:n] {
		if a.make != "" {
			have[a.make] = true
		}
		delete(have, a.destroy)
	}
	return have
}

// write makes keys and destroys every other one, one act after the other, until it is told to stop. done counts acts that
// were answered, for others to see.
func (d *diary) write(t *testing.T, n *node, stop *atomic.Bool, done *atomic.Int64) {
	s := n.keysOf(t)
	var handles []uint64
	for i := 0; !stop.Load(); i++ {
		label := fmt.Sprintf("%s-%d", d.name, i)
		o, err := s.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, label), client.ULong(key.AttrValueLen, uint64(32))})
		if err != nil {
			t.Error(err)
			return
		}
		d.acts = append(d.acts, act{make: label})
		done.Add(1)
		handles = append(handles, o.Handle)
		if i%2 == 1 {
			if err := s.Destroy(handles[i-1]); err != nil {
				t.Error(err)
				return
			}
			d.acts = append(d.acts, act{destroy: fmt.Sprintf("%s-%d", d.name, i-1)})
			done.Add(1)
		}
	}
}

func (n *node) keysOf(t *testing.T) *client.Session {
	t.Helper()
	conn := n.operational()
	slot, err := findSlot(conn, tokenLabel)
	must(t, err)
	s, err := conn.Open(slot, true)
	must(t, err)
	_, err = s.Login(client.User, "", []byte(userPIN))
	must(t, err)
	return s
}

// TestABackupUnderLoadHoldsForEachWriterAMomentOfItsOwn: writers act while backups are made. What a backup restores is, for each
// writer, exactly what there was after some number of its acts: at least those answered before the backup began, and none begun
// after it ended. The root comes by its keeper's file, which was kept elsewhere.
func TestABackupUnderLoadHoldsForEachWriterAMomentOfItsOwn(t *testing.T) {
	n := ready(t)
	place := t.TempDir()
	diaries := []*diary{{name: "a"}, {name: "b"}, {name: "c"}}
	done := make([]atomic.Int64, len(diaries))
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i, d := range diaries {
		wg.Go(func() { d.write(t, n, &stop, &done[i]) })
	}
	type kept struct {
		Name         string `json:"name"`
		began, ended []int64
	}
	var backups []kept
	counts := func() (c []int64) {
		for i := range done {
			c = append(c, done[i].Load())
		}
		return c
	}
	for i := range 3 {
		eventually(t, "some acts", func() bool { return slices.Min(counts()) >= int64(40*(i+1)) })
		b := kept{began: counts()}
		out := n.run("backup", "create", "--place", place, "--json")
		must(t, json.Unmarshal([]byte(out), &b))
		b.ended = counts()
		backups = append(backups, b)
	}
	stop.Store(true)
	wg.Wait()
	for _, b := range backups {
		n.run("backup", "verify", b.Name, "--place", place)
	}

	for _, b := range backups[1:] {
		bare := newNode(t)
		for _, name := range []string{"keeper.key", "root/file"} {
			text, err := os.ReadFile(n.path(name))
			must(t, err)
			must(t, os.MkdirAll(bare.path("root"), 0o700))
			must(t, os.WriteFile(bare.path(name), text, 0o600))
		}
		bare.serve()
		bare.run("restore", "--from", place, "--backup", b.Name)
		have := map[string]map[string]bool{}
		for label := range inventory(t, bare.keysOf(t)) {
			writer, _, _ := strings.Cut(label, "-")
			if have[writer] == nil {
				have[writer] = map[string]bool{}
			}
			have[writer][label] = true
		}
		for i, d := range diaries {
			// One more act than was answered when the backup ended may have been under way.
			from, to := int(b.began[i]), min(int(b.ended[i])+1, len(d.acts))
			at := -1
			for p := from; p <= to; p++ {
				if maps.Equal(d.after(p), have[d.name]) {
					at = p
				}
			}
			if at < 0 {
				t.Errorf("%s: writer %s has %d keys, which is not what there was after any of its acts from %d to %d", b.Name, d.name, len(have[d.name]), from, to)
			} else {
				t.Logf("%s: writer %s as after %d acts (%d to %d)", b.Name, d.name, at, from, to)
			}
		}
	}
}

// TestARestoreThatIsKilledIsWholeOrNotThere kills the host in the middle of a restore, at several moments.
func TestARestoreThatIsKilledIsWholeOrNotThere(t *testing.T) {
	n := ready(t)
	place := t.TempDir()
	s := n.keysOf(t)
	for i := range 300 {
		_, err := s.Generate(client.Mech(key.MechAESKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Text(key.AttrLabel, fmt.Sprint("k", i)), client.ULong(key.AttrValueLen, uint64(32))})
		must(t, err)
	}
	n.run("backup", "create", "--place", place)
	bare := newNode(t)
	must(t, os.MkdirAll(bare.path("root"), 0o700))
	for _, name := range []string{"keeper.key", "root/file"} {
		text, err := os.ReadFile(n.path(name))
		must(t, err)
		must(t, os.WriteFile(bare.path(name), text, 0o600))
	}
	outcomes := map[wire.State]int{}
	for delay := 20 * time.Millisecond; ; delay += delay / 2 {
		bare.serve()
		_, err := bare.dial().DomainKeeper(nil)
		must(t, err)
		restored := make(chan bool, 1)
		go func() { restored <- bare.askHost("/restore", map[string]string{"place": place}) }()
		time.Sleep(delay)
		bare.kill()
		answered := <-restored
		bare.serve()
		var state wire.State
		eventually(t, "a settled state", func() bool {
			conn := bare.dial()
			defer conn.Close()
			status, err := conn.Status()
			state = status.State
			return err == nil && (state == wire.StateUninitialized || state == wire.StateOperational)
		})
		outcomes[state]++
		if answered && state != wire.StateOperational {
			t.Fatal("a restore that was answered is not there")
		}
		if state == wire.StateOperational {
			if keys := inventory(t, bare.keysOf(t)); len(keys) != 300 {
				t.Errorf("%d keys of 300 after a kill", len(keys))
			}
			break
		}
		bare.kill()
	}
	t.Logf("%v", outcomes)
	if outcomes[wire.StateUninitialized] == 0 {
		t.Error("no kill came in the middle")
	}
}

// askHost asks a node's host over the door of its owner, as the command line does, and tells whether it was answered with a result.
func (n *node) askHost(path string, request map[string]string) bool {
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", n.path("run/control.sock"))
	}}}
	body, err := json.Marshal(request)
	must(n.t, err)
	answer, err := c.Post("http://host"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return err == nil && bytes.Contains(text, []byte(`"result"`))
}

// TestAScheduledDrillRestoresWhatASchedulesBackupHolds waits for a host's own clock: in make soak.
func TestAScheduledDrillRestoresWhatASchedulesBackupHolds(t *testing.T) {
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("GENBU_SOAK is not set: this waits for minutes")
	}
	n := ready(t, "backup: {every: 1m, drill_every: 1m}")
	n.run("drill", "--prepare")
	var report struct {
		OK       bool
		Reason   string
		Canaries []any
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end) && !report.OK; time.Sleep(time.Second) {
		if text, err := os.ReadFile(n.path("drill-report.json")); err == nil {
			must(t, json.Unmarshal(text, &report))
		}
	}
	if !report.OK || len(report.Canaries) != 2 {
		t.Errorf("%+v", report)
	}
	if out := n.run("backup", "list"); !strings.Contains(out, "yes") {
		t.Errorf("scheduled backups: %s", out)
	}
}
