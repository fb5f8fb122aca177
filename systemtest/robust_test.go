// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// Two series that SoftHSM2 does not survive: of 8 processes that start and log in at the same moment one in three
// failed, and a kill during mere logins lost the whole token in 9 % of trials.

// clientMain is this test binary as a client process: SOCKET TOKEN and what to do.
func clientMain(args []string) int {
	err := clientWork(args[0], args[1], args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func clientWork(socket, label, what string) error {
	conn, err := client.Dial(socket)
	if err != nil {
		return err
	}
	slot, err := findSlot(conn, label)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		s, err := conn.Open(slot, true)
		if err != nil {
			return err
		}
		name, pin := "", userPIN
		if what == "uid" {
			name, pin = "uid", ""
		}
		if _, err := s.Login(client.User, name, []byte(pin)); err != nil {
			return err
		}
		switch what {
		case "once", "uid":
			_, err := s.FindAll(nil)
			return err
		case "create":
			public, private := pairTemplates(fmt.Sprintf("%d-%d", os.Getpid(), i), []byte{1})
			if _, _, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), public, private); err != nil {
				return err
			}
		}
		if err := errors.Join(s.Logout(), s.Close()); err != nil {
			return err
		}
	}
}

func (n *node) client(label, what string) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: []string{"client", n.socket(), label, what}, Env: environ(), Stderr: new(strings.Builder)}
}

// together starts all commands at once and answers what each that failed has said.
func together(cmds []*exec.Cmd) (failed []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, cmd := range cmds {
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Sprint(err, ": ", cmd.Stderr))
			}
		})
	}
	all.Wait()
	return failed
}

// freshToken makes a token that nobody has logged in to yet.
func freshToken(t *testing.T, admin *client.Conn, label string) {
	t.Helper()
	_, _, err := admin.PartitionCreate(label, []byte(soPIN), []byte(userPIN), 0)
	must(t, err)
}

func TestProcessesThatStartAndLogInAtTheSameMomentAllSucceed(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	series := func(name string, processes, trials int, command func(label string) *exec.Cmd) {
		failures := 0
		for trial := range trials {
			label := fmt.Sprintf("%s-%d-%d", name, processes, trial)
			freshToken(t, admin, label)
			var cmds []*exec.Cmd
			for range processes {
				cmds = append(cmds, command(label))
			}
			for _, f := range together(cmds) {
				failures++
				t.Errorf("%s, %d processes, trial %d: %s", name, processes, trial, f)
			}
		}
		fmt.Printf("%s: %s, %d processes, %d trials: %d of %d failed\n", t.Name(), name, processes, trials, failures, processes*trials)
	}
	series("client", 8, 25, func(label string) *exec.Cmd { return n.client(label, "once") })
	series("client", 16, 5, func(label string) *exec.Cmd { return n.client(label, "once") })
	tool, err := exec.LookPath("pkcs11-tool")
	if module() == "" || err != nil {
		t.Log("no libgenbu-pkcs11.so, or no pkcs11-tool: that series is left out")
		return
	}
	series("pkcs11-tool", 8, 5, func(label string) *exec.Cmd {
		return &exec.Cmd{Path: tool, Env: append(environ(), "GENBU_SOCKET="+n.socket()), Stderr: new(strings.Builder),
			Args: []string{"pkcs11-tool", "--module", module(), "--token-label", label, "--login", "--pin", userPIN, "--list-objects"}}
	})
}

func TestKilledClientsLeaveTheTokenAsItWas(t *testing.T) {
	random := rand.New(rand.NewPCG(seed(t), 0))
	n := ready(t, `azure: {listen: ""}`) // a door of the host has a channel of its own, from some moment on
	first, pid := n.operational(), n.corePID()
	n.userSession()
	channels := func() uint32 {
		s, err := first.Status()
		must(t, err)
		return s.Channels
	}
	before, descriptors := channels(), descriptorsOf(n.host.Process.Pid)
	for _, series := range []struct {
		what  string
		count int
	}{{"login", 150}, {"create", 50}} {
		what, count := series.what, series.count
		for trial := range count {
			cmd := n.client(tokenLabel, what)
			must(t, cmd.Start())
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			cmd.Process.Kill()
			if err := cmd.Wait(); !strings.Contains(fmt.Sprint(err), "killed") {
				t.Fatalf("%s, trial %d: the client was not at work any more: %v: %s", what, trial, err, cmd.Stderr)
			}
		}
		eventually(t, "the channels of killed clients to end", func() bool { return channels() == before })
		if n.corePID() != pid {
			t.Error("the core is another one")
		}
		s := n.userSession()
		whole := 0
		for label, f := range inventory(t, s) {
			if f[0] == nil || f[1] == nil {
				t.Errorf("%s: half a key", label)
				continue
			}
			public, err := publicKey(s, f[1].Handle)
			must(t, err)
			must(t, signs(s, f[0].Handle, public))
			whole++
		}
		before = channels()
		fmt.Printf("%s: %s: %d clients killed, token there, %d keys whole\n", t.Name(), what, count, whole)
	}
	if now := descriptorsOf(n.host.Process.Pid); now > descriptors+4 {
		t.Errorf("the host has %d descriptors open, %d before", now, descriptors)
	}
}

func descriptorsOf(pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0
	}
	return len(list)
}
