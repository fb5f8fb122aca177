// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

func (c *cluster) get(e *Engine, path string) string {
	r, err := e.Get(soon(c.t), path)
	if fault.Of(err) == fault.RecordUnknown {
		return ""
	}
	must(c.t, err)
	return string(r.Value)
}

// Of three members two are lost for good. What the third has in its log is all there, also a write that it could not know to be
// committed; and until it is restored nothing in its directory is another.
func TestAMemberAloneRecoversAllThatItsLogHas(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 20 {
		_, err := c.engines[i%3].Txn(soon(t), store.Txn{Puts: []store.Put{{Path: fmt.Sprint("r/", i), Value: []byte("value")}}})
		must(t, err)
	}
	left := c.leader()
	_, err := recoverAfter(soon(t), Config{Dir: t.TempDir(), Name: "alone"}, 30*time.Second)
	if !errors.Is(err, ErrMajority) {
		t.Errorf("a member that has its majority: %v", err)
	}
	for i, e := range c.engines {
		if i != left {
			e.mu.Lock()
			e.run.etcd.Server.HardStop()
			e.mu.Unlock()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := c.engines[left].Txn(ctx, store.Txn{Puts: []store.Put{{Path: "r/late", Value: []byte("value")}}}); fault.Of(err) != fault.OutcomeUnknown {
		t.Errorf("a write that nobody else takes: %v", err)
	}
	must(t, c.engines[left].Close())
	config := c.configs[left]
	before, err := os.ReadFile(config.Dir + "/current")
	must(t, err)
	for round := range 2 { // the first is broken off
		e, err := recoverAfter(soon(t), config, 2*time.Second)
		must(t, err)
		for i := range 20 {
			if got := c.get(e, fmt.Sprint("r/", i)); got != "value" {
				t.Errorf("round %d: record %d is %q", round, i, got)
			}
		}
		if got := c.get(e, "r/late"); got != "value" {
			t.Errorf("round %d: what was in the log alone is %q", round, got)
		}
		if now, err := os.ReadFile(config.Dir + "/current"); err != nil || !bytes.Equal(now, before) {
			t.Errorf("round %d: another generation is in use: %q, %v", round, now, err)
		}
		if round == 0 {
			must(t, e.Close())
			continue
		}
		var b bytes.Buffer
		_, err = e.Snapshot(soon(t), &b)
		must(t, err)
		must(t, e.Restore(soon(t), &b))
		must(t, e.Close())
	}
	config.Peer, config.Join = nil, nil
	e, err := Start(soon(t), config)
	must(t, err)
	defer e.Close()
	all, err := e.Members(soon(t))
	if err != nil || len(all) != 1 || c.get(e, "r/late") != "value" {
		t.Errorf("afterwards it has %d members, %v", len(all), err)
	}
	_, err = e.Txn(soon(t), store.Txn{Puts: []store.Put{{Path: "r/new", Value: []byte("value")}}})
	must(t, err)
}
