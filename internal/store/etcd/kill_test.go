// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/store"
)

const killDir = "GENBU_TEST_ETCD_KILL_DIR"

// TestMain turns the test binary into the victim when the parent asks for it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// victim writes pairs of records from eight callers, every third time deletes the pair before, and tells of each answer
// only after it has it.
func victim(dir string) {
	e, err := Start(context.Background(), Config{Dir: dir})
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		os.Stdout.WriteString(what + "\n")
	}
	tell("ready x")
	for caller := range 8 {
		go func() {
			last := ""
			for i := 0; ; i++ {
				if i%3 == 2 {
					tell("try " + last)
					if _, err := e.Txn(context.Background(), store.Txn{Deletes: []string{"a/" + last, "b/" + last}}); err == nil {
						tell("gone " + last)
					}
					continue
				}
				last = fmt.Sprintf("%d-%d-%d", os.Getpid(), caller, i)
				if _, err := e.Txn(context.Background(), store.Txn{Puts: []store.Put{
					{Path: "a/" + last, Value: []byte(last)}, {Path: "b/" + last, Value: []byte(last)},
				}}); err == nil {
					tell("made " + last)
				}
			}
		}()
	}
	select {}
}

func TestAKillLosesNothingAcknowledgedAndLeavesNoHalfTxn(t *testing.T) {
	dir := t.TempDir()
	const ready, made, tried, gone = "ready", "made", "try", "gone"
	state := map[string]string{}
	for round := range 4 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), killDir+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			what, name, _ := strings.Cut(lines.Text(), " ")
			switch what {
			case ready:
				time.AfterFunc(time.Duration(20+rand.IntN(250))*time.Millisecond, func() { c.Process.Kill() })
			case made, tried, gone:
				state[name] = what
			default:
				t.Fatal(lines.Text())
			}
		}
		c.Wait()

		e, err := Start(context.Background(), Config{Dir: dir})
		if err != nil {
			t.Fatalf("round %d: start after the kill: %v", round, err)
		}
		have := map[string]int{}
		if _, err := e.List(context.Background(), store.Range{}, func(r store.Record) error {
			if string(r.Value) != r.Path[2:] {
				t.Errorf("%s holds %q", r.Path, r.Value)
			}
			have[r.Path[2:]]++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for name, n := range have {
			if n != 2 {
				t.Errorf("round %d: half of %s is there", round, name)
			}
			if state[name] == gone {
				t.Errorf("round %d: %s came back", round, name)
			}
		}
		for name, what := range state {
			if what == made && have[name] == 0 {
				t.Errorf("round %d: %s is lost", round, name)
			}
		}
		e.Close()
	}
	if len(state) < 50 {
		t.Errorf("only %d pairs were written, which shows little", len(state))
	}
	t.Logf("%d pairs", len(state))
}
