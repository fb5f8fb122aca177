// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// later is the version that the tests of this file upgrade to: this source under another name. What former versions wrote is
// in testdata/golden.
const later = "99.0"

var laterProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(program), "later")
	stamp := "-s -w -X github.com/genbu-hsm/genbu/internal/wire.Version=" + later
	out, err := exec.Command("go", "build", "-ldflags", stamp, "-o", path, "../cmd/genbu").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

func upgrade(t *testing.T) string {
	t.Helper()
	needBinary(t)
	if os.Getenv("GOEXPERIMENT") != "runtimesecret" {
		t.Skip("without the Makefile's settings everything would be built anew: make test")
	}
	path, err := laterProgram()
	must(t, err)
	return path
}

// by runs the command line of one version on the node in dir.
func by(t *testing.T, program, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append(args, "--dir", dir)...)
	cmd.Env = environ()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", filepath.Base(program), strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

func versionOf(t *testing.T, program, dir string) string {
	t.Helper()
	var s struct{ Version string }
	must(t, json.Unmarshal([]byte(by(t, program, dir, "status", "--json")), &s))
	return s.Version
}

func TestANodeIsUpgradedAndBothVersionsCommandLinesSpeakToIt(t *testing.T) {
	newer := upgrade(t)
	dir, err := os.MkdirTemp("", "g")
	must(t, err)
	t.Cleanup(func() {
		exec.Command(newer, "down", "--dir", dir).Run()
		os.RemoveAll(dir)
	})
	message := filepath.Join(dir, "message")
	must(t, os.WriteFile(message, []byte("m"), 0o600))
	by(t, program, dir, "up", "--pin", "123456")
	by(t, program, dir, "key", "create", "k")
	by(t, program, dir, "sign", "k", message, "--out", message+".sig")
	was := versionOf(t, newer, dir)
	by(t, program, dir, "down")

	by(t, newer, dir, "up")
	if now := versionOf(t, program, dir); now != later || was == later {
		t.Errorf("version %q, then %q", was, now)
	}
	for _, p := range []string{program, newer} {
		by(t, p, dir, "verify", "k", message, "--signature", message+".sig")
		by(t, p, dir, "sign", "k", message)
		by(t, p, dir, "key", "list", "--json")
		by(t, p, dir, "operator", "list")
		by(t, p, dir, "partition", "list")
	}
	by(t, newer, dir, "audit", "verify")
}

func TestAClusterIsUpgradedNodeByNodeUnderLoad(t *testing.T) {
	newer := upgrade(t)
	dir, err := os.MkdirTemp("", "g")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			for i := 1; i <= 3; i++ {
				b, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("node%d/genbu.log", i)))
				t.Logf("node%d:\n%s", i, tail(string(b), 3000))
			}
		}
		exec.Command(newer, "down", "--dir", dir).Run()
		os.RemoveAll(dir)
	})
	by(t, program, dir, "up", "--nodes", "3", "--pin", "123456")
	by(t, program, dir, "key", "create", "k")
	var env struct{ Socket, Token string }
	must(t, json.Unmarshal([]byte(by(t, program, dir, "env", "--json")), &env))

	conn, err := client.Dial(env.Socket)
	must(t, err)
	defer conn.Close()
	var slots []client.Token
	eventually(t, "the token", func() bool {
		slots, err = conn.Slots()
		return err == nil && len(slots) == 1
	})
	s, err := conn.Open(slots[0].Slot, true)
	must(t, err)
	_, err = s.Login(client.User, "", []byte("123456"))
	must(t, err)
	private, err := s.FindAll(client.Template{client.Text(key.AttrLabel, "k"), client.ULong(key.AttrClass, uint64(key.ClassPrivate))})
	must(t, err)
	if len(private) != 1 {
		t.Fatalf("%d keys", len(private))
	}
	var signed, failed atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Sign(client.Mech(key.MechECDSA), private[0].Handle, make([]byte, 32)); err != nil {
				failed.Add(1)
				t.Errorf("a signature fails: %v", err)
				return
			}
			signed.Add(1)
		}
	}()

	for i := 1; i <= 3; i++ {
		node := filepath.Join(dir, fmt.Sprintf("node%d", i))
		before := signed.Load()
		by(t, newer, node, "down")
		by(t, newer, dir, "up", "--nodes", "3")
		eventually(t, "the upgraded node to serve", func() bool {
			c, err := client.Dial(filepath.Join(node, "genbu.sock"))
			if err != nil {
				return false
			}
			defer c.Close()
			st, err := c.Status()
			return err == nil && st.State == wire.StateOperational && st.Version == later
		})
		eventually(t, "signatures to go on", func() bool { return failed.Load() > 0 || signed.Load() > before+20 })
		by(t, newer, node, "key", "create", fmt.Sprintf("after%d", i)) // mixed versions make keys together
	}
	close(stop)
	<-done
	t.Logf("%d signatures, %d failed", signed.Load(), failed.Load())
	for i := 1; i <= 3; i++ {
		node := filepath.Join(dir, fmt.Sprintf("node%d", i))
		for j := 1; j <= 3; j++ {
			end := time.Now().Add(patience)
			for !strings.Contains(by(t, newer, node, "key", "list"), fmt.Sprintf("after%d", j)) && time.Now().Before(end) {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}
