// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/core/mech/all"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// bareCore runs the program as a core under no host but this test, and answers what Configure said, its exit code and its
// last words. A core that came up is ended by closing its stream.
func bareCore(config wire.Config) (answer error, exit int, words string) {
	var ours, theirs [2]*os.File
	for i, typ := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		p, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err, -1, ""
		}
		ours[i], theirs[i] = os.NewFile(uintptr(p[0]), "host"), os.NewFile(uintptr(p[1]), "core")
	}
	defer ours[1].Close()
	var said bytes.Buffer
	cmd := &exec.Cmd{Path: program, Args: []string{"genbu", "core"}, Dir: "/", Stderr: &said, ExtraFiles: theirs[:],
		Env: []string{"GODEBUG=containermaxprocs=0,updatemaxprocs=0"}} // as boundary does: the sandbox has no sched_getaffinity
	if err := cmd.Start(); err != nil {
		return err, -1, ""
	}
	for _, f := range theirs {
		f.Close()
	}
	host := func(op uint16, body []byte) ([]byte, error) {
		switch op {
		case wire.OpLoad, wire.OpRoot:
			return nil, fault.RecordUnknown // a new node
		case wire.OpAudit:
			return nil, nil
		}
		return nil, fault.Unsupported
	}
	mux := wire.NewMux(ours[0], host)
	served := make(chan struct{})
	go func() {
		mux.Serve()
		close(served)
	}()
	var w wire.Writer
	config.Accepted = server.Protections // what a bare core lacks is not what this is about
	config.Encode(&w)
	_, answer = mux.Call(wire.OpConfigure, w.B)
	if answer == nil {
		ours[0].Close()
	}
	ended := cmd.Wait()
	<-served
	return answer, cmd.ProcessState.ExitCode(), fmt.Sprintln(ended) + said.String()
}

// Every self-test is shown to be able to fail, and a failed one ends the module: there is no path around it.
func TestEachFailedSelfTestEndsTheCore(t *testing.T) {
	needBinary(t)
	if answer, exit, words := bareCore(wire.Config{}); answer != nil || exit != wire.ExitClosed {
		t.Fatalf("with nothing broken: %v, exit code %d, %s", answer, exit, words)
	}
	if answer, exit, _ := bareCore(wire.Config{Self: "no such test"}); answer != nil || exit != wire.ExitClosed {
		t.Fatalf("with the break of no test: %v, exit code %d", answer, exit)
	}
	tests := all.SelfTests()
	names := map[string]bool{}
	two := make(chan struct{}, 2)
	var running sync.WaitGroup
	for _, cast := range tests {
		if names[cast.Name] {
			t.Errorf("two self-tests are named %s", cast.Name)
		}
		names[cast.Name] = true
		two <- struct{}{}
		running.Go(func() {
			defer func() { <-two }()
			answer, exit, words := bareCore(wire.Config{Self: cast.Name})
			if fault.Of(answer) != fault.SelfTestFailed || exit != wire.ExitSelfTest || !strings.Contains(words, "self-test failed: "+cast.Name) {
				t.Errorf("%s broken: %v, exit code %d, %q", cast.Name, answer, exit, words)
			}
		})
	}
	running.Wait()
	fmt.Printf("%s: %d self-tests, each broken once\n", t.Name(), len(tests))
}
