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

// program finds what is tested: GENBU_TEST_BIN (make test sets it), or a genbu built now, so that nobody tests yesterday's.
// Beside it lies the PKCS #11 library, if that is built.
func program(t *testing.T) (dir string) {
	t.Helper()
	if dir = os.Getenv("GENBU_TEST_BIN"); dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755) // other users run it, too
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", dir, ".").CombinedOutput(); err != nil {
		t.Fatalf("build genbu: %v\n%s", err, out)
	}
	for _, name := range []string{library, "genbu.module"} {
		if from, err := filepath.Abs("../../bin/" + name); err == nil {
			os.Symlink(from, filepath.Join(dir, name)) // a dangling one is as good as none
		}
	}
	return dir
}

const library = "libgenbu-pkcs11.so"

// TestSessions replays the sessions of testdata: what somebody types, and what the terminal answers. Each runs in a
// directory of its own; nodes that it leaves running are stopped.
func TestSessions(t *testing.T) {
	bin := program(t)
	work, err := os.MkdirTemp("", "g") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(work, 0o755)
	t.Cleanup(func() { os.RemoveAll(work) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		WorkdirRoot:         work,
		Setup:               func(e *testscript.Env) error { return setup(e, bin) },
		Condition:           func(cond string) (bool, error) { return condition(cond, bin) },
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fails": fails, "json": jsonIs, "save": save, "eval": evalEnv, "until": until, "lines": lines, "readme": readme,
		},
	})
}

func setup(e *testscript.Env, bin string) error {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GENBU_") {
			e.Setenv(name, "")
		}
	}
	e.Setenv("PATH", bin+":"+os.Getenv("PATH")+":/usr/sbin")
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("LC_ALL", "C")
	e.Defer(func() { downAll(e.WorkDir, bin) })
	return nil
}

// downAll stops every node below dir.
func downAll(dir, bin string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "host.pid" {
			node := filepath.Dir(filepath.Dir(path))
			if out, err := exec.Command(filepath.Join(bin, "genbu"), "down", "--dir", node).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "down %s: %v\n%s", node, err, out)
			}
		}
		return nil
	})
}

// condition are [root], and [library] where the PKCS #11 library is built.
func condition(cond, bin string) (bool, error) {
	switch cond {
	case "root":
		return os.Getuid() == 0, nil
	case "library":
		_, err := os.Stat(filepath.Join(bin, library))
		return err == nil, nil
	}
	return false, fmt.Errorf("no condition %q", cond)
}
