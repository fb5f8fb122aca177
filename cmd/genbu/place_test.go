// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func given(t *testing.T, dir string, env map[string]string) {
	t.Helper()
	before := global.dir
	t.Cleanup(func() { global.dir = before })
	global.dir = dir
	for _, name := range []string{"GENBU_DIR", "GENBU_SOCKET", "GENBU_USER_PIN"} {
		t.Setenv(name, env[name])
	}
}

func TestASocketInTheEnvironmentStandsForNoNodeThatWasNamed(t *testing.T) {
	dir := t.TempDir()
	for what, c := range map[string]struct {
		dir  string
		env  map[string]string
		want string
	}{
		"socket alone":        {"", map[string]string{"GENBU_SOCKET": "/s"}, "/s"},
		"flag before socket":  {dir, map[string]string{"GENBU_SOCKET": "/s"}, filepath.Join(dir, "genbu.sock")},
		"GENBU_DIR":           {"", map[string]string{"GENBU_SOCKET": "/s", "GENBU_DIR": dir}, filepath.Join(dir, "genbu.sock")},
		"flag over GENBU_DIR": {dir, map[string]string{"GENBU_DIR": "/other"}, filepath.Join(dir, "genbu.sock")},
	} {
		given(t, c.dir, c.env)
		if got, err := socketPath(); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", what, got, err, c.want)
		}
	}
}

func TestPINsOfOneNodeAreNotForAnother(t *testing.T) {
	dir := t.TempDir()
	pin := map[string]string{"GENBU_USER_PIN": "1234", "GENBU_DIR": dir}
	given(t, "", pin)
	if fromEnv("GENBU_USER_PIN") != "1234" {
		t.Error("the PIN of the node in GENBU_DIR is not used")
	}
	given(t, dir+"/../"+filepath.Base(dir), pin)
	if fromEnv("GENBU_USER_PIN") != "1234" {
		t.Error("the same directory by another path is another node")
	}
	given(t, t.TempDir(), pin)
	if fromEnv("GENBU_USER_PIN") != "" {
		t.Error("the PIN of one node is used for another")
	}
	given(t, dir, map[string]string{"GENBU_USER_PIN": "1234"})
	if fromEnv("GENBU_USER_PIN") != "1234" {
		t.Error("a PIN given beside --dir is not used")
	}
}

func TestWordsSurviveAShell(t *testing.T) {
	for _, s := range []string{"plain", "", "two words", "it's", `"$HOME" \ ;&|<>*?[]{}~#!`, "line\nbreak", "-n", "日本"} {
		for _, quoted := range []string{word(s), quote(s)} {
			out, err := exec.Command("sh", "-c", "printf '%s' "+quoted+"x").Output()
			if err != nil || string(out) != s+"x" {
				t.Errorf("%q became %q: %v", s, out, err)
			}
		}
	}
}

func TestNoPINIsInheritedByTheNode(t *testing.T) {
	got := withoutPINs([]string{"PATH=/bin", "GENBU_USER_PIN=1", "GENBU_SO_PIN=2", "GENBU_ADMIN_PIN=3", "GENBU_DIR=/d", "PINS=4"})
	if want := []string{"PATH=/bin", "GENBU_DIR=/d", "PINS=4"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTheNodesLastErrorIsNotItsHint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	old := "genbu: error: of an earlier start\n"
	if err := os.WriteFile(path, []byte(old+"time=1 level=INFO\ngenbu: error: store: no space\ngenbu: hint: genbu doctor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, todo := lastError(path, int64(len(old))); got != "store: no space" || todo.command != "less "+word(path) {
		t.Errorf("%q, %v", got, todo)
	}
	if err := os.WriteFile(path, []byte("genbu: error: store: damaged\ngenbu: hint: on another node: x   (then y)\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, todo := lastError(path, 0); got != "store: damaged" || todo != (hint{"on another node: x", "then y"}) {
		t.Errorf("%q, %v", got, todo)
	}
	if err := os.WriteFile(path, []byte(old+"panic: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := lastError(path, int64(len(old))); got != "panic: x" {
		t.Errorf("%q", got)
	}
}
