// SPDX-License-Identifier: Apache-2.0

package pkcs11v3

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/conformance/node"
)

// The outside verifiers, pinned.
const (
	cryptography = "cryptography==50.0.2"
	noble        = "@noble/post-quantum@0.7.1"
)

// programTime bounds the whole run; it takes some ten seconds.
const programTime = 3 * time.Minute

func TestPKCS11V3(t *testing.T) {
	program := build(t)
	for _, mode := range []string{"strict", "fast"} {
		t.Run(mode, func(t *testing.T) {
			var flags []string
			if mode == "fast" {
				flags = append(flags, "--fast")
			}
			n := node.Start(t, flags...)
			results := filepath.Join(t.TempDir(), "results")
			passed := runProgram(t, n, program, results)
			t.Logf("PKCS #11 3.x from the standard's text, %s mode: %d tests", mode, passed)
			if mode == "fast" {
				return // the same code makes the same values
			}
			t.Run("verified by pyca cryptography", func(t *testing.T) { checkWithPython(t, results) })
			t.Run("verified by noble", func(t *testing.T) { checkWithNoble(t, results) })
		})
	}
}

func build(t *testing.T) string {
	sources, err := filepath.Glob("program/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources: ", err)
	}
	return node.Compile(t, sources[0], sources[1:]...)
}

// runProgram has each test of the program be a test here.
func runProgram(t *testing.T, n *node.Node, program, results string) (passed int) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, results)
	// How the program learns whom to kill: each core has another process id.
	genbu := filepath.Join(node.Bin(t), "genbu")
	cmd.Env = append(n.Env, `V3_CORE_PID=eval "$('`+genbu+`' env --dir '`+n.Dir+`')"; echo $GENBU_CORE_PID`)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			passed++
			t.Run(name, func(*testing.T) {})
		} else if what, ok := strings.CutPrefix(line, "FAIL "); ok {
			name, _, _ := strings.Cut(what, ":")
			t.Run(name, func(t *testing.T) { t.Error(what) })
		} else if line != "" {
			t.Log(line)
		}
	}
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1 && t.Failed()) {
		t.Fatalf("v3: %v\n%s", err, stderr.String())
	}
	return passed
}

func checkWithPython(t *testing.T, results string) {
	venv := cached(t, "python3", cryptography, func(dir string) [][]string {
		return [][]string{{"python3", "-m", "venv", dir}, {filepath.Join(dir, "bin", "pip"), "-q", "install", cryptography}}
	})
	report(t, exec.Command(filepath.Join(venv, "bin", "python"), "check.py", results))
}

func checkWithNoble(t *testing.T, results string) {
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed: SLH-DSA, ML-KEM-512 and EdDSA with context or hash stay without an outside verifier")
	}
	modules := cached(t, "npm", noble, func(dir string) [][]string {
		return [][]string{{"npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, noble}}
	})
	// Node looks for modules beside the file.
	work := t.TempDir()
	text, err := os.ReadFile("check.mjs")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(work, "check.mjs")
	if err := os.WriteFile(script, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	report(t, exec.Command("node", script, results))
}

// report logs what a checker counted. A checker that counts nothing has checked nothing.
func report(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("verified:\n%s", out)
}

// cached is a folder in the user's cache that the commands fill once. Where a tool or the network is missing the test is
// skipped, but in CI it fails.
func cached(t *testing.T, tool, what string, commands func(dir string) [][]string) string {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("CI") != "" {
		skip = t.Fatalf
	}
	if _, err := exec.LookPath(tool); err != nil {
		skip("%s is not installed", tool)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "genbu-conformance", strings.NewReplacer("/", "-", "=", "-", "@", "-").Replace(what))
	ready := filepath.Join(dir, "ready")
	if _, err := os.Stat(ready); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(dir) {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			skip("%s cannot be installed: %v\n%s", what, err, node.Tail(string(out), 1000))
		}
	}
	if err := os.WriteFile(ready, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
