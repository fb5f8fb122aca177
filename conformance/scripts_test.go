// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scriptTime bounds one script; the longest take a minute and a half, and on a new machine as long again for what they install.
const scriptTime = 8 * time.Minute

func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestForeignPrograms runs every script. A program that is not installed fails its script where CI is set, since the
// Makefile installs all of them, and skips it elsewhere.
func TestForeignPrograms(t *testing.T) {
	bin := os.Getenv("GENBU_TEST_BIN")
	if bin == "" {
		bin = filepath.Join(top(t), "bin")
	}
	if _, err := os.Stat(filepath.Join(bin, "genbu")); err != nil {
		t.Fatal("make build first: ", err)
	}
	scripts, err := filepath.Glob("scripts/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".sh")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			require(t, string(text))
			run(t, bin, path)
		})
	}
}

// require reads the script's line "# needs: PROGRAM ...".
func require(t *testing.T, script string) {
	t.Helper()
	for line := range strings.Lines(script) {
		programs, ok := strings.CutPrefix(line, "# needs:")
		if !ok {
			continue
		}
		for _, p := range strings.Fields(programs) {
			_, err := exec.LookPath(p)
			if err == nil || os.Getenv("CI") != "" {
				continue
			}
			if _, err := os.Stat(filepath.Join("/usr/sbin", p)); err != nil {
				t.Skipf("%s is not installed: make test installs it", p)
			}
		}
		return
	}
	t.Fatal(`no line "# needs:"`)
}

func run(t *testing.T, bin, script string) {
	t.Helper()
	abs, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: its long name would not fit a unix socket's path, and workers of other users must pass through.
	work, err := os.MkdirTemp("", "genbu")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(work, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", filepath.Join(filepath.Dir(abs), "../run-script"), abs)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin", "HERE="+filepath.Dir(abs), "HOME="+work, "TOP="+top(t))
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // which Go would look for under HOME
		value, _ := exec.Command("go", "env", name).Output() // without go its script fails by itself
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(work, "node", "genbu.log"))
		t.Errorf("%s: %v\n%s\n--- node log ---\n%s", filepath.Base(script), err, tail(out.String(), 6000), tail(string(log), 3000))
		return
	}
	for line := range strings.Lines(out.String()) { // what a script wants told: counts, versions
		if note, ok := strings.CutPrefix(line, "note: "); ok {
			t.Log(strings.TrimSpace(note))
		}
	}
	os.RemoveAll(work)
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}
