// SPDX-License-Identifier: Apache-2.0

package boundary_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/systemtest/democore"
)

// lines collects what a core logs.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) { l.mu.Lock(); l.all = append(l.all, s); l.mu.Unlock() }

func (l *lines) wait(t *testing.T, want string) {
	t.Helper()
	for range 200 {
		l.mu.Lock()
		found := strings.Contains(strings.Join(l.all, "\n"), want)
		l.mu.Unlock()
		if found {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Errorf("no line %q in %q", want, l.all)
}

func start(t *testing.T, log *lines, words ...string) *boundary.Core {
	t.Helper()
	if log == nil {
		log = new(lines)
	}
	core, err := boundary.Start(t.Context(), boundary.Options{
		Args: democore.Args(words...), Log: log.add,
		Handle: func(op uint16, body []byte) ([]byte, error) {
			if op == wire.OpLoad {
				return nil, fault.RecordUnknown.At("load " + string(body))
			}
			return body, nil
		},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(log.all, "\n"))
	}
	t.Cleanup(core.Stop)
	return core
}

func TestCoreRunsInAllItsProtections(t *testing.T) {
	core := start(t, nil)
	s := core.Status()
	for _, want := range []string{"image", "userns", "namespaces", "uid", "memfd_secret", "dumpable", "limits", "no_new_privs",
		"capabilities", "landlock", "seccomp"} {
		if !slices.Contains(s.Sandbox, want) {
			t.Errorf("%s is not in force (missing: %v)", want, s.Missing)
		}
	}
	if len(s.Missing) != 0 {
		t.Errorf("missing: %v", s.Missing)
	}
	if os.Getuid() == 0 {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(core.Pid()) + "/status")
		if err != nil || !strings.Contains(string(b), "Uid:\t65528\t65528\t65528\t65528") {
			t.Errorf("the core's uid: %v\n%s", err, b)
		}
	}
}

func TestCallsGoBothWays(t *testing.T) {
	core := start(t, nil)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 50 {
				body := bytes.Repeat([]byte{byte(g), byte(i)}, 1+i*100)
				if out, err := core.Call(wire.OpPing, body); err != nil || !bytes.Equal(out, body) {
					t.Errorf("ping: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	var w wire.Writer
	w.U16(wire.OpLoad)
	w.Raw([]byte("r/x"))
	if _, err := core.Call(democore.OpAskHost, w.B); fault.Of(err) != fault.RecordUnknown || !strings.Contains(err.Error(), "load r/x") {
		t.Errorf("the core's own request: %v", err)
	}
}

func TestEnvironmentIsEmptyButForTheRuntime(t *testing.T) {
	t.Setenv("LD_PRELOAD", "/tmp/evil.so")
	t.Setenv("GODEBUG", "http2debug=1")
	t.Setenv("GOTRACEBACK", "crash")
	out, err := start(t, nil).Call(democore.OpEnviron, nil)
	if err != nil {
		t.Fatal(err)
	}
	for v := range strings.SplitSeq(string(out), "\n") {
		if !strings.HasPrefix(v, "GODEBUG=containermaxprocs=0,") && !strings.HasPrefix(v, "GOMAXPROCS=") {
			t.Errorf("the core sees %s", v)
		}
	}
}

func TestForbiddenActsFail(t *testing.T) {
	core := start(t, nil, "errno")
	for _, act := range democore.Acts() {
		out, err := core.Call(democore.OpTry, []byte(act))
		if err != nil {
			t.Fatal(err)
		}
		if s := string(out); !strings.Contains(s, "operation not permitted") {
			t.Errorf("%s: %s", act, s)
		}
	}
}

func TestAForbiddenCallEndsTheCore(t *testing.T) {
	core := start(t, nil)
	if _, err := core.Call(democore.OpTry, []byte("open file")); fault.Of(err) != fault.Unavailable {
		t.Errorf("the call came back: %v", err)
	}
	if err := core.Wait(); err == nil || !strings.Contains(err.Error(), "bad system call") {
		t.Errorf("the core ended by %v", err)
	}
}

func TestIntroducedChannelReachesTheCore(t *testing.T) {
	core := start(t, nil)
	for range 50 { // descriptors do not run out
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(p[0]), "ours"), os.NewFile(uintptr(p[1]), "theirs")
		if err := core.Introduce(theirs, nil, 1, 1000, 1001, 4711); err != nil {
			t.Fatal(err)
		}
		theirs.Close()
		conn, err := net.FileConn(ours)
		ours.Close()
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		head := make([]byte, 13)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		r := wire.NewReader(head)
		if door, uid, gid, pid := r.U8(), r.U32(), r.U32(), r.U32(); door != 1 || uid != 1000 || gid != 1001 || pid != 4711 {
			t.Errorf("asserted %d %d %d %d", door, uid, gid, pid)
		}
		big := bytes.Repeat([]byte("0123456789"), 50000) // more than a socket buffer holds
		go conn.Write(big)
		got := make([]byte, len(big))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, big) {
			t.Fatalf("echo: %v", err)
		}
		conn.Close()
	}
}

func TestADescriptorOfTheWrongKindIsRefusedAndTheNextAccepted(t *testing.T) {
	var log lines
	core := start(t, &log)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := core.Introduce(null, nil, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := core.PassKeeper(null, false); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "look at descriptor: malformed request")
	keep(t, core, filepath.Join(t.TempDir(), "keeper"), os.O_RDWR|os.O_CREATE, true)
}

// keep passes a keeper file and returns what the core made of it.
func keep(t *testing.T, core *boundary.Core, path string, flags int, write bool) ([]byte, error) {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := core.PassKeeper(f, write); err != nil {
		t.Fatal(err)
	}
	return core.Call(democore.OpKeeper, nil)
}

func TestKeeperFileIsWrittenOnceAndReadAgain(t *testing.T) {
	core := start(t, nil)
	path := filepath.Join(t.TempDir(), "keeper")
	sum, err := keep(t, core, path, os.O_RDWR|os.O_CREATE, true)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(path)
	if want := sha256.Sum256(b); len(b) != 32 || !bytes.Equal(sum, want[:]) {
		t.Errorf("the file holds %d bytes", len(b))
	}
	again, err := keep(t, start(t, nil), path, os.O_RDONLY, false)
	if err != nil || !bytes.Equal(again, sum) {
		t.Errorf("read again: %v", err)
	}
	if _, err := keep(t, core, path, os.O_RDWR, true); fault.Of(err) != fault.AlreadyInitialized {
		t.Errorf("a second write: %v", err)
	}
	for name, content := range map[string][]byte{"empty": {}, "short": b[:31], "long": append(b, 0)} {
		path := filepath.Join(t.TempDir(), name)
		os.WriteFile(path, content, 0o600)
		if _, err := keep(t, core, path, os.O_RDONLY, false); fault.Of(err) != fault.KeeperRefused {
			t.Errorf("%s file: %v", name, err)
		}
	}
}

func TestStopAndSignal(t *testing.T) {
	var log lines
	core := start(t, &log)
	if err := core.Zeroize(); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "zeroized")
	core.Stop()
	if err := core.Wait(); err != nil {
		t.Errorf("after Stop: %v", err)
	}
	if _, err := core.Call(wire.OpPing, nil); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a call after the end: %v", err)
	}
}

func TestAPanicIsLoggedAndEndsTheCore(t *testing.T) {
	var log lines
	core := start(t, &log)
	if _, err := core.Call(democore.OpPanic, nil); fault.Of(err) != fault.Unavailable {
		t.Errorf("call: %v", err)
	}
	if err := core.Wait(); err == nil {
		t.Error("the core ended well")
	}
	log.wait(t, "panic: asked to")
}

// A host that was captured could send a fatal signal in the middle of a signature, and read its log.
func TestAFatalSignalShowsNoRegisters(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGABRT, unix.SIGQUIT, unix.SIGSEGV} {
		var log lines
		core := start(t, &log)
		if err := unix.Kill(core.Pid(), sig); err != nil {
			t.Fatal(err)
		}
		core.Wait()
		log.mu.Lock()
		if s := strings.Join(log.all, "\n"); strings.Contains(s, "0x") || strings.Contains(s, "goroutine ") {
			t.Errorf("%v: the log has %s", sig, s)
		}
		log.mu.Unlock()
	}
}

func TestStartGivesUpOnACoreThatDoesNotAnswer(t *testing.T) {
	_, err := boundary.Start(t.Context(), boundary.Options{Args: democore.Args("hang"), Timeout: time.Second})
	if !errors.Is(err, fault.Timeout) {
		t.Errorf("got %v", err)
	}
}
