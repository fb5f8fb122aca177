// SPDX-License-Identifier: Apache-2.0

// Package container assembles the container's root file system from the steps of its Dockerfile, and runs it as a container
// runtime would: as its user, without a capability, with nothing of the machine's files.
package container

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/deploy/internal/jail"
)

func TestMain(m *testing.M) { jail.Main(m) }

const patience = 60 * time.Second

// image is what the last stage of a Dockerfile says.
type image struct {
	root             string
	uid, gid         int
	env              []string
	entrypoint, args []string
}

// build carries out the steps of the last stage, with what the stages before it would have made taken from here.
func build(t *testing.T) *image {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	must(t, err)
	_, last, found := strings.Cut(string(text), "\nFROM scratch\n")
	if !found {
		t.Fatal("the image does not start from nothing")
	}
	i := &image{root: filepath.Join(t.TempDir(), "root")}
	must(t, os.Mkdir(i.root, 0o755))
	for line := range strings.Lines(last) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "COPY":
			i.copy(t, strings.Fields(rest))
		case "ENV":
			i.env = strings.Fields(rest)
		case "USER":
			if _, err := fmt.Sscanf(rest, "%d:%d", &i.uid, &i.gid); err != nil {
				t.Fatalf("USER %s: %v", rest, err)
			}
		case "ENTRYPOINT":
			must(t, json.Unmarshal([]byte(rest), &i.entrypoint))
		case "CMD":
			must(t, json.Unmarshal([]byte(rest), &i.args))
		case "", "#", "VOLUME", "EXPOSE", "HEALTHCHECK":
		default:
			t.Fatalf("a step that this test does not know: %s", line)
		}
	}
	if i.uid == 0 {
		t.Fatal("the image runs as root")
	}
	return i
}

func (i *image) copy(t *testing.T, words []string) {
	t.Helper()
	owner := "0:0"
	from := "../.."
	for strings.HasPrefix(words[0], "--") {
		if o, ok := strings.CutPrefix(words[0], "--chown="); ok {
			owner = o
		} else if words[0] == "--from=build" {
			from = ""
		}
		words = words[1:]
	}
	source := filepath.Join(from, words[0])
	if rest, ok := strings.CutPrefix(words[0], "/src/"); ok && from == "" {
		source = filepath.Join("../..", rest)
	}
	if _, err := os.Stat(source); err != nil {
		t.Skipf("%s is missing: make build", source)
	}
	to := filepath.Join(i.root, words[1])
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	if out, err := exec.Command("cp", "-rL", source, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", owner, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// container is a running image.
type container struct {
	t    *testing.T
	jail *jail.Jail
	as   jail.As
	i    *image
	said bytes.Buffer
	gone chan struct{}
	cmd  *exec.Cmd
}

func create(t *testing.T, chroot bool) *container {
	t.Helper()
	i := build(t)
	c := &container{t: t, jail: jail.Folder(t, i.root), i: i, as: jail.As{UID: i.uid, GID: i.gid, Chroot: chroot, Env: i.env, Umask: 0o022}}
	must(t, os.MkdirAll(c.jail.Path("run/genbu"), 0o755)) // /run is a tmpfs, and this the volume in it
	must(t, os.Chown(c.jail.Path("run/genbu"), i.uid, i.gid))
	return c
}

func (c *container) start() {
	c.t.Helper()
	c.cmd = c.jail.Command(c.as, append(c.i.entrypoint, c.i.args...)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	must(c.t, c.cmd.Start())
	c.gone = make(chan struct{})
	go func() {
		c.cmd.Wait()
		close(c.gone)
	}()
	c.t.Cleanup(c.stop)
}

func (c *container) stop() {
	c.cmd.Process.Signal(os.Interrupt)
	select {
	case <-c.gone:
	case <-time.After(patience):
		c.t.Error("it does not end")
		c.cmd.Process.Kill()
		<-c.gone
	}
}

// genbu runs the command line in the container, as docker exec would.
func (c *container) genbu(stdin string, args ...string) (string, error) {
	cmd := c.jail.Command(c.as, append([]string{"/usr/bin/genbu"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// answers waits until the node does.
func (c *container) answers() {
	c.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		out, err := c.genbu("", "status")
		if err == nil || strings.Contains(out, "uninitialized") {
			return
		}
		select {
		case <-c.gone:
			c.t.Fatalf("it has ended: %s", c.said.String())
		default:
		}
		if time.Now().After(end) {
			c.t.Fatalf("it does not answer: %s\n%s", out, c.said.String())
		}
	}
}

// works makes a key and a signature.
func (c *container) works() {
	c.t.Helper()
	for _, step := range []struct{ stdin, command string }{
		{"admin-pin", "init --pin-file -"},
		{"admin-pin", "partition create demo --pin-file - --so-pin-file /tmp/so --user-pin-file /tmp/user"},
		{"user-pin", "key create k --token demo --pin-file -"},
		{"user-pin", "sign k /etc/passwd --token demo --pin-file - --out /tmp/sig"},
		{"user-pin", "verify k /etc/passwd --token demo --pin-file - --signature /tmp/sig"},
	} {
		must(c.t, os.WriteFile(c.jail.Path("tmp/so"), []byte("so-pin-1"), 0o644))
		must(c.t, os.WriteFile(c.jail.Path("tmp/user"), []byte("user-pin"), 0o644))
		if out, err := c.genbu(step.stdin, strings.Fields(step.command)...); err != nil {
			c.t.Fatalf("genbu %s: %v\n%s", step.command, err, out)
		}
	}
}

// missing are the protections that status names.
func (c *container) missing() []string {
	c.t.Helper()
	out, err := c.genbu("", "status", "--json")
	must(c.t, err)
	var s struct{ Missing []string }
	must(c.t, json.Unmarshal([]byte(out), &s))
	return s.Missing
}

func TestTheImageServesAsItsUserWithEveryProtection(t *testing.T) {
	c := create(t, false)
	c.start()
	c.answers()
	c.works()
	if m := c.missing(); len(m) != 0 {
		t.Errorf("missing: %v", m)
	}
	c.stop()
	c.start() // what was kept is kept
	c.answers()
	if out, err := c.genbu("user-pin", "sign", "k", "/etc/passwd", "--token", "demo", "--pin-file", "-"); err != nil {
		t.Errorf("after a restart: %v: %s", err, out)
	}
}

// In a process whose root was changed by chroot alone the kernel makes no user namespace, as where a container runtime's
// filter forbids it.
func TestWithoutUserNamespacesTheImageRefusesUntilThatIsAccepted(t *testing.T) {
	c := create(t, true)
	c.start()
	select {
	case <-c.gone:
	case <-time.After(patience):
		t.Fatal("it serves without user namespaces, though nobody accepted that")
	}
	if !strings.Contains(c.said.String(), "userns") {
		t.Fatalf("it does not say what is missing:\n%s", c.said.String())
	}
	text, err := os.ReadFile(c.jail.Path("var/lib/genbu/genbu.yaml"))
	must(t, err)
	must(t, os.WriteFile(c.jail.Path("var/lib/genbu/genbu.yaml"), []byte(strings.Replace(string(text), "# accept_missing:", "accept_missing:", 1)), 0o644))
	c.start()
	c.answers()
	c.works()
	if m := fmt.Sprint(c.missing()); !strings.Contains(m, "userns") || !strings.Contains(m, "namespaces") {
		t.Errorf("missing: %s", m)
	}
	out, err := c.genbu("", "doctor")
	if err == nil || !strings.Contains(out, "BAD  protections") || !strings.Contains(out, "userns") {
		t.Errorf("the doctor says: %v\n%s", err, out)
	}
	t.Log(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
