// SPDX-License-Identifier: Apache-2.0

// Package node gives a conformance test a real node of its own, brought up and taken down by the built program as a user
// would, and builds the C programs that talk to it.
package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// PINs of the node's token.
const (
	UserPIN = "fedcba123456"
	SOPIN   = "abcdef654321"
	Label   = "conformance"
)

// Node is a running node.
type Node struct {
	Dir   string   // its directory, which goes with the test
	Env   []string // the test's environment and what genbu env prints
	genbu string
}

// Top is the repository's root.
func Top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// Bin is the folder of the built programs: GENBU_TEST_BIN, or bin.
func Bin(t testing.TB) string {
	t.Helper()
	bin := os.Getenv("GENBU_TEST_BIN")
	if bin == "" {
		bin = filepath.Join(Top(t), "bin")
	}
	if _, err := os.Stat(filepath.Join(bin, "libgenbu-pkcs11.so")); err != nil {
		t.Fatal("make build first: ", err)
	}
	return bin
}

// Start brings up a node with one token; flags go to genbu up.
func Start(t testing.TB, flags ...string) *Node {
	t.Helper()
	// Not t.TempDir: its long name would not fit a unix socket's path.
	dir, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Dir: dir, genbu: filepath.Join(Bin(t), "genbu")}
	args := append([]string{"up", "--dir", dir, "--token", Label, "--so-pin", SOPIN, "--pin", UserPIN}, flags...)
	n.Genbu(t, args...)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "genbu.log"))
			t.Logf("the node's log ends:\n%s", Tail(string(log), 3000))
		}
		n.Genbu(t, "down", "--dir", dir)
		os.RemoveAll(dir)
	})
	n.Renew(t)
	return n
}

// Renew reads genbu env again: the core's process id changes when it was restarted.
func (n *Node) Renew(t testing.TB) {
	t.Helper()
	n.Env = os.Environ()
	for line := range strings.Lines(n.Genbu(t, "env", "--dir", n.Dir)) {
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		if ok {
			n.Env = append(n.Env, name+"="+strings.Trim(value, "'"))
		}
	}
}

// Genbu runs the program and gives what it wrote on standard output.
func (n *Node) Genbu(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command(n.genbu, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("genbu %s: %v\n%s", args[0], err, stderr.String())
	}
	return string(out)
}

// Compile builds one C file of the calling test into its temporary directory.
func Compile(t testing.TB, source string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil && os.Getenv("CI") == "" {
		t.Skip("gcc is not installed: make test installs it")
	}
	program := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	args := append([]string{"-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o", program, source}, flags...)
	if out, err := exec.Command("gcc", append(args, "-ldl")...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %s: %v\n%s", source, err, out)
	}
	return program
}

// Tail is the end of a long text.
func Tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}
