// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// node is a node that genbu up started.
type node struct {
	t      *testing.T
	dir    string
	socket string
	Core   int `json:"core_pid"`
	Host   int `json:"host_pid"`
}

// newNode makes a directory for a node.
func newNode(t *testing.T) *node {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("reading the memory of other processes takes root")
	}
	if genbu == "" {
		t.Skip("no genbu in GENBU_TEST_BIN or ../../bin: make build")
	}
	dir, err := os.MkdirTemp("", "g") // short: a unix socket's path has 107 bytes
	must(t, err)
	n := &node{t: t, dir: dir, socket: filepath.Join(dir, "genbu.sock")}
	t.Cleanup(func() {
		n.run("down")
		if t.Failed() {
			log, _ := os.ReadFile(n.path("genbu.log"))
			t.Logf("end of genbu.log:\n%s", log[max(0, len(log)-3000):])
		}
		os.RemoveAll(dir)
	})
	return n
}

// up starts the node, with its first token, whose PINs lie in access.json and are not looked for.
func (n *node) up(flags ...string) {
	n.t.Helper()
	n.run("up", append([]string{"--token", "conf"}, flags...)...)
	n.look()
}

// serve starts the node without initializing it.
func (n *node) serve() {
	n.t.Helper()
	log, err := os.Create(n.path("genbu.log"))
	must(n.t, err)
	defer log.Close()
	cmd := exec.Command(genbu, "serve", "--dir", n.dir)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.dir, []string{"PATH=" + os.Getenv("PATH")}, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(n.t, cmd.Start())
	go cmd.Wait()
	n.await(wire.StateUninitialized, 0)
}

// look learns the pids.
func (n *node) look() {
	n.t.Helper()
	must(n.t, json.Unmarshal(n.run("env", "--json"), n))
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

// run runs a subcommand. GOTRACEBACK=crash reaches the host: a fatal signal then ends in the kernel's hands, which would
// dump core.
func (n *node) run(command string, flags ...string) []byte {
	n.t.Helper()
	return n.command(append([]string{command}, flags...)...)
}

// command is run for those of several words.
func (n *node) command(words ...string) []byte {
	n.t.Helper()
	command := words[0]
	cmd := exec.Command(genbu, append(words, "--dir", n.dir)...)
	cmd.Dir, cmd.Env = n.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GOTRACEBACK=crash"}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("genbu %s: %v\n%s", command, err, errs.String())
	}
	return out
}

// status asks the core; nil while there is none.
func (n *node) status() *wire.Status {
	c, err := client.Dial(n.socket)
	if err != nil {
		return nil
	}
	defer c.Close()
	s, err := c.Status()
	if err != nil {
		return nil
	}
	return &s
}

// await waits until the node is in a state, with a core other than the one given.
func (n *node) await(state wire.State, other int) {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s := n.status(); s != nil && s.State == state {
			if n.look(); n.Core != other && syscall.Kill(n.Core, 0) == nil {
				return
			}
		}
	}
	n.t.Fatalf("the node did not become %v", state)
}
