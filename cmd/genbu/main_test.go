// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// binDir holds the genbu under test with its PKCS #11 library.
var binDir string

// TestMain finds the program: GENBU_TEST_BIN (make test sets it), or one built now, so that nobody tests yesterday's.
func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	if binDir = os.Getenv("GENBU_TEST_BIN"); binDir != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "g")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // other users run it, too
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", dir, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build genbu:", err)
		return 1
	}
	for _, name := range []string{library, "genbu.module"} {
		if from, err := filepath.Abs("../../bin/" + name); err == nil {
			os.Symlink(from, filepath.Join(dir, name)) // a dangling one is as good as none
		}
	}
	binDir = dir
	return m.Run()
}

const library = "libgenbu-pkcs11.so"

// TestSessions replays the sessions of testdata: what somebody types, and what the terminal answers. Each runs in a
// directory of its own; nodes that it leaves running are stopped.
func TestSessions(t *testing.T) {
	work, err := os.MkdirTemp("", "g") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(work, 0o755)
	t.Cleanup(func() { os.RemoveAll(work) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		WorkdirRoot:         work,
		Setup:               setup,
		Condition:           condition,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fails": fails, "json": jsonIs, "save": save, "eval": evalEnv, "until": until, "lines": lines,
		},
	})
}

func setup(e *testscript.Env) error {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GENBU_") {
			e.Setenv(name, "")
		}
	}
	e.Setenv("PATH", binDir+":"+os.Getenv("PATH")+":/usr/sbin")
	e.Setenv("BIN", binDir)
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("LC_ALL", "C")
	e.Defer(func() { downAll(e.WorkDir) })
	return nil
}

// downAll stops every node below dir.
func downAll(dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "host.pid" {
			node := filepath.Dir(filepath.Dir(path))
			if out, err := exec.Command(filepath.Join(binDir, "genbu"), "down", "--dir", node).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "down %s: %v\n%s", node, err, out)
			}
		}
		return nil
	})
}

// condition are [root], and [library] where the PKCS #11 library is built.
func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Getuid() == 0, nil
	case "library":
		_, err := os.Stat(filepath.Join(binDir, library))
		return err == nil, nil
	}
	if path, ok := strings.CutPrefix(cond, "file:"); ok {
		_, err := os.Stat(path)
		return err == nil, nil
	}
	return false, fmt.Errorf("no condition %q", cond)
}
