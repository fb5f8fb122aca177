// SPDX-License-Identifier: Apache-2.0

// Package pkcs11check runs pkcs11-check, a broad suite of PKCS #11 behaviour by other people (PyPI, Python 3.12 or later), against a
// real node. It takes a quarter of an hour and so is part of the soak. differences.txt names each test of it that fails here, and
// why that is right.
package pkcs11check

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/conformance/node"
)

const version = "pkcs11-check==0.2.3"

func TestPKCS11Check(t *testing.T) {
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("a quarter of an hour: with GENBU_SOAK=1")
	}
	suite := install(t)
	n := node.Start(t)
	work := t.TempDir()
	result := filepath.Join(work, "result.json")
	cmd := exec.Command(suite, "test", "--module", filepath.Join(node.Bin(t), "libgenbu-pkcs11.so"), "--pin", node.UserPIN,
		"--so-pin", node.SOPIN, "--skip-slow", "--timeout", "60", "--isolation", "file", "--format", "json", "--output-file", result)
	cmd.Dir, cmd.Env = work, n.Env
	out, _ := cmd.CombinedOutput() // some fail: which, is judged below

	var report struct {
		Summary struct{ Passed, Failed, Error, Crashed, Timeout, Skipped, XFailed int }
		Units   []struct {
			Target string
			Tests  []struct{ NodeID, Outcome string }
		}
	}
	data, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, node.Tail(string(out), 4000))
	}
	known := differences(t)
	for _, u := range report.Units {
		for _, test := range u.Tests {
			if test.Outcome == "passed" || test.Outcome == "skipped" || test.Outcome == "xfailed" {
				continue
			}
			_, name, _ := strings.Cut(test.NodeID, "testcases/")
			if reason, ok := known[name]; ok {
				t.Logf("%s differs: %s", name, reason)
			} else {
				t.Errorf("%s: %s", name, test.Outcome)
			}
		}
	}
	s := report.Summary
	if s.Passed < 1000 || s.Crashed != 0 || s.Timeout != 0 || t.Failed() {
		t.Errorf("%+v\n%s", s, node.Tail(string(out), 8000))
	}
	t.Logf("%s: %d passed, %d failed as listed, %d noted by it as a choice of ours, %d of what is not offered", version, s.Passed, s.Failed, s.XFailed, s.Skipped)
}

// differences reads lines "TEST: REASON".
func differences(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		test, reason, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("differences.txt: %q", line)
		}
		known[test] = reason
	}
	return known
}

// install puts the suite into a virtual environment in the user's cache.
func install(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "genbu-conformance", strings.ReplaceAll(version, "==", "-"))
	suite := filepath.Join(dir, "bin", "pkcs11-check")
	if _, err := os.Stat(suite); err == nil {
		return suite
	}
	for _, python := range []string{"python3.14", "python3.13", "python3.12", "python3"} {
		if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))").Run() != nil {
			continue
		}
		if out, err := exec.Command(python, "-m", "venv", dir).CombinedOutput(); err != nil {
			t.Skipf("no virtual environment: %v\n%s", err, out)
		}
		if out, err := exec.Command(filepath.Join(dir, "bin", "pip"), "-q", "install", version).CombinedOutput(); err != nil {
			t.Skipf("%s cannot be installed: %v\n%s", version, err, node.Tail(string(out), 1000))
		}
		return suite
	}
	t.Skip("Python 3.12 or later is not installed")
	return ""
}
