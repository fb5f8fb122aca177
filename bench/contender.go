// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	tokenLabel = "bench"
	userPIN    = "1234"
	officerPIN = "87654321"
)

// contender is one module under a driver of its own.
type contender struct {
	name string
	does []string // operations that work through it

	cmd    *exec.Cmd
	ask    io.WriteCloser
	answer *bufio.Reader
}

// drive starts a driver on a module.
func (b *bench) drive(name, module string, env []string, watched ...string) (*contender, error) {
	c := &contender{name: name}
	c.cmd = exec.Command(b.driver, append([]string{module, tokenLabel, userPIN, officerPIN}, watched...)...)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stderr = os.Stderr
	var err error
	if c.ask, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.answer = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	b.stops = append(b.stops, c.close)
	if _, err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *contender) close() {
	c.ask.Close()
	c.cmd.Wait()
}

// do sends one command and answers the words after OK; none when the driver says NO.
func (c *contender) do(format string, args ...any) ([]string, error) {
	if _, err := fmt.Fprintf(c.ask, format+"\n", args...); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return c.read()
}

func (c *contender) read() ([]string, error) {
	line, err := c.answer.ReadString('\n')
	words := strings.Fields(line)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: the driver ended: %w", c.name, err)
	case len(words) > 0 && words[0] == "OK":
		return words[1:], nil
	case len(words) > 0 && words[0] == "NO":
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %s", c.name, strings.TrimSpace(line))
}

func (c *contender) can(op string) bool { return slices.Contains(c.does, op) }

// measured is one slice.
type measured struct {
	rate, p50, p99        float64 // per second, us
	clientCPU, othersCPU  float64 // us per operation
	operations, inSeconds float64
}

// run measures one slice; ok is false when the module cannot do it.
func (c *contender) run(op string, threads int, warm, span time.Duration) (m measured, ok bool, err error) {
	words, err := c.do("run %s %d %d %d", op, threads, warm.Milliseconds(), span.Milliseconds())
	if err != nil || words == nil {
		return m, false, err
	}
	var client, others float64
	if _, err := fmt.Sscan(strings.Join(words, " "), &m.operations, &m.inSeconds, &m.p50, &m.p99, &client, &others); err != nil {
		return m, false, err
	}
	if m.operations > 0 {
		m.rate, m.clientCPU, m.othersCPU = m.operations/m.inSeconds, client/m.operations, others/m.operations
	}
	return m, true, nil
}

// SoftHSM and p11-kit as Debian and others install them.
const (
	softHSMGlob = "/usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so"
	p11KitGlob  = "/usr/lib/*/pkcs11/p11-kit-client.so /usr/lib64/pkcs11/p11-kit-client.so"
)

func findFile(globs string) (string, error) {
	for _, g := range strings.Fields(globs) {
		if m, _ := filepath.Glob(g); len(m) > 0 {
			return m[0], nil
		}
	}
	return "", fmt.Errorf("none of %s is here: run deploy/install-tools bench", globs)
}

// softConf makes a directory of tokens for SoftHSM and answers the setting that leads there.
func (b *bench) softConf(name string) (env string, err error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	conf := dir + ".conf"
	text := "directories.tokendir = " + dir + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	return "SOFTHSM2_CONF=" + conf, os.WriteFile(conf, []byte(text), 0o600)
}

// softHSM is SoftHSM in the driver's own process.
func (b *bench) softHSM() (*contender, error) {
	module, err := findFile(softHSMGlob)
	if err != nil {
		return nil, err
	}
	env, err := b.softConf("softhsm")
	if err != nil {
		return nil, err
	}
	return b.drive("SoftHSM", module, []string{env})
}

// p11Kit is SoftHSM behind p11-kit's server. The token must exist before the server starts, so softhsm2-util makes it.
func (b *bench) p11Kit() (*contender, error) {
	module, err := findFile(softHSMGlob)
	if err != nil {
		return nil, err
	}
	client, err := findFile(p11KitGlob)
	if err != nil {
		return nil, err
	}
	env, err := b.softConf("p11kit")
	if err != nil {
		return nil, err
	}
	make := exec.Command("softhsm2-util", "--init-token", "--free", "--label", tokenLabel, "--so-pin", officerPIN, "--pin", userPIN)
	make.Env = append(os.Environ(), env)
	if out, err := make.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("softhsm2-util: %w: %s", err, out)
	}
	socket := filepath.Join(b.dir, "p11")
	server := exec.Command("p11-kit", "server", "-f", "-n", socket, "--provider", module, "pkcs11:token="+tokenLabel)
	server.Env = append(os.Environ(), env)
	if err := server.Start(); err != nil {
		return nil, err
	}
	b.stops = append(b.stops, func() { server.Process.Kill(); server.Wait() })
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
	}
	return b.drive("p11-kit", client, []string{"P11_KIT_SERVER_ADDRESS=unix:path=" + socket})
}

// node is a running Genbu.
type node struct {
	dir  string
	env  []string          // as genbu env prints it
	vars map[string]string // the same
}

// up starts a node, or starts it again.
func (b *bench) up(name string, flags ...string) (*node, error) {
	n := &node{dir: filepath.Join(b.dir, name), vars: map[string]string{}}
	fresh := false
	if _, err := os.Stat(n.dir); err != nil {
		fresh = true
	}
	args := append([]string{"up", "--dir", n.dir, "--token", tokenLabel, "--so-pin", officerPIN, "--pin", userPIN}, flags...)
	if out, err := exec.Command(b.genbu, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("genbu up: %w: %s", err, out)
	}
	if fresh {
		b.stops = append(b.stops, n.downWith(b.genbu))
	}
	out, err := exec.Command(b.genbu, "env", "--dir", n.dir).Output()
	if err != nil {
		return nil, fmt.Errorf("genbu env: %w", err)
	}
	for line := range bytes.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(line)), "export "), "=")
		value = strings.Trim(value, "'")
		n.vars[name] = value
		n.env = append(n.env, name+"="+value)
	}
	return n, nil
}

func (n *node) downWith(genbu string) func() {
	return func() { exec.Command(genbu, "down", "--dir", n.dir).Run() }
}

func (b *bench) driveNode(name string, n *node) (*contender, error) {
	return b.drive(name, b.library, n.env, n.vars["GENBU_CORE_PID"], n.vars["GENBU_HOST_PID"])
}

func (b *bench) genbuNode(name string, flags ...string) (*contender, error) {
	n, err := b.up(name, flags...)
	if err != nil {
		return nil, err
	}
	return b.driveNode("Genbu "+name, n)
}
