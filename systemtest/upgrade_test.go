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
	"testing"
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
