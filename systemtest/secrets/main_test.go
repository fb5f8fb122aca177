// SPDX-License-Identifier: Apache-2.0

// Package secrets looks for keys, PINs and data of a whole node where they must not be: in the memory of every process, in
// the node's directory, in core dumps and logs (SECURITY.md names what is promised). It runs real nodes, in both modes.
//
// Whoever searches for a secret has it in memory, so the work is divided among processes, all of them this test genbu:
//
//	plant   a client: makes values, brings them into the core or reads them back, uses each in every way the module
//	        knows, hands them masked to the test, and is gone
//	load    a client that signs with planted keys, by handle, as long as it is told to
//	hold    a process that has every value in every form, for the negative control
//	scan    searches; it alone unmasks what it looks for, and it leaves out itself alone
//
// The test itself holds masked values only and is searched with the others. It takes root, and says so where it is not.
package secrets

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// settled is how long after its last use a key must be gone in strict mode: the promised second, and the time in which
// the last answer reached us.
const settled = 1100 * time.Millisecond

// genbu is a copy of the program that no rebuild changes under a running test.
var genbu string

var roles = map[string]func(in *gob.Decoder, out *gob.Encoder) error{
	"plant": plant, "load": load, "hold": hold, "scan": scan, "blind": blind, "afar": afar, "quiet": quiet, "custodians": custodians, "hierarchy": hierarchy,
}

func TestMain(m *testing.M) {
	if os.Args[0] == "role" {
		if err := roles[os.Args[1]](gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)); err != nil {
			fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "g")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		from := os.Getenv("GENBU_TEST_BIN")
		if from == "" {
			from = "../../bin"
		}
		if b, err := os.ReadFile(filepath.Join(from, "genbu")); err == nil {
			if os.WriteFile(filepath.Join(dir, "genbu"), b, 0o755) == nil {
				genbu = filepath.Join(dir, "genbu")
			}
		}
		return m.Run()
	}())
}

// secret is a value as it travels between our processes and rests in the test.
type secret struct {
	Name   string
	Kind   memscan.Kind
	Masked []byte
}

// masked hides a value; it keeps no other copy.
func masked(name string, kind memscan.Kind, value []byte) secret {
	return secret{name, kind, mask(value)}
}

func (s secret) value() []byte { return mask(s.Masked) }

// mask hides and shows. Both byte orders, limbs and encodings of a masked value are not those of the value.
func mask(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c ^ 0xA5 ^ byte(i*7)
	}
	return out
}

// role is a process of ours, which reads and writes gobs.
type role struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	in   *gob.Encoder
	out  *gob.Decoder
	pipe io.Closer
	errs strings.Builder // to be read after the end
}

// start makes a role's process. It is killed at the test's end if it has not ended before.
func start(t *testing.T, name string) *role {
	t.Helper()
	r := &role{t: t, name: name, cmd: &exec.Cmd{Path: "/proc/self/exe", Args: []string{"role", name}, Dir: "/", Env: []string{"PLANT_TRACE=" + os.Getenv("PLANT_TRACE")}}}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.cmd.Stderr = &r.errs
	in, err := r.cmd.StdinPipe()
	must(t, err)
	out, err := r.cmd.StdoutPipe()
	must(t, err)
	r.in, r.out, r.pipe = gob.NewEncoder(in), gob.NewDecoder(out), in
	must(t, r.cmd.Start())
	t.Cleanup(func() { r.cmd.Process.Kill(); r.cmd.Wait() })
	return r
}

func (r *role) tell(v any) {
	r.t.Helper()
	if err := r.in.Encode(v); err != nil {
		r.cmd.Wait()
		r.t.Fatalf("%s: %v\n%s", r.name, err, r.errs.String())
	}
}

func (r *role) hear(v any) {
	r.t.Helper()
	if err := r.out.Decode(v); err != nil {
		r.cmd.Wait()
		r.t.Fatalf("%s: %v\n%s", r.name, err, r.errs.String())
	}
}

// end waits until the process is gone, and its memory with it.
func (r *role) end() {
	r.t.Helper()
	r.pipe.Close()
	if err := r.cmd.Wait(); err != nil {
		r.t.Fatalf("%s: %v\n%s", r.name, err, r.errs.String())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
