// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/agent"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// The agent of nodes that were made together: programs on this machine reach all of them by its socket, as programs on other
// machines would by an agent of theirs.

const (
	agentName    = "agent" // its directory, and how the cluster knows it
	agentPIDFile = "agent.pid"
	agentLog     = "agent.log"

	agentWithin = 30 * time.Second
)

func (l *layout) agent() string { return filepath.Join(l.dir, agentName) }

// agentSocket is where the agent listens; empty where there is none.
func (l *layout) agentSocket() string {
	if !agent.Enrolled(l.agent()) {
		return ""
	}
	c, err := agent.Load(l.agent())
	if err != nil {
		return ""
	}
	return c.Socket
}

// agentPID is the agent's process, 0 when none runs. The number is believed only while its lock is held.
func (l *layout) agentPID() int {
	socket := l.agentSocket()
	if socket == "" {
		return 0
	}
	f, err := os.Open(socket + ".lock")
	if err != nil {
		return 0
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) != unix.EWOULDBLOCK {
		return 0
	}
	return readPID(filepath.Join(l.agent(), agentPIDFile))
}

// upAgent enrols the agent unless it is, and starts it unless it runs.
func (l *layout) upAgent(ctx context.Context) (started bool, err error) {
	defer progress("starting the agent")()
	if !agent.Enrolled(l.agent()) {
		if err := l.enrolAgent(ctx); err != nil {
			return false, fmt.Errorf("agent: %w", err)
		}
	}
	c, err := agent.Load(l.agent())
	if err != nil {
		return false, err
	}
	if conn, err := client.Dial(c.Socket); err == nil {
		conn.Close()
		return false, nil
	}
	if err := l.startAgent(); err != nil {
		return false, err
	}
	var last error
	for end := time.Now().Add(agentWithin); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if last = seesNode(c.Socket); last == nil {
			return true, nil
		}
	}
	return true, next(fmt.Errorf("the agent does not serve: %w", errors.Join(last, ctx.Err())), "less "+word(filepath.Join(l.agent(), agentLog)))
}

func (l *layout) enrolAgent(ctx context.Context) error {
	above := admin{}
	var token []byte
	err := above.as("", func(s *session) error {
		made, err := s.conn.Tokens()
		if err == nil && slices.ContainsFunc(made, func(t client.JoinTokenInfo) bool { return t.Name == agentName }) {
			err = s.conn.TokenRevoke(agentName)
		}
		if err != nil {
			return err
		}
		// An attempt that was interrupted may have left one that nobody has the key of.
		if err := s.conn.AgentRemove(agentName); err != nil && fault.Of(err) != fault.MemberUnknown {
			return err
		}
		token, err = s.conn.TokenCreate(agentName, wire.JoinAgent, joinLife)
		return err
	})
	if err != nil {
		return err
	}
	_, err = agent.Enroll(ctx, l.agent(), token)
	return err
}

// startAgent runs genbu agent as a process of its own.
func (l *layout) startAgent() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(l.agent(), agentLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(exe, "agent", "--dir", l.agent())
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	cmd.Env = withoutPINs(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Process.Release()
	return os.WriteFile(filepath.Join(l.agent(), agentPIDFile), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o644)
}

// seesNode tells whether there is a node behind the agent's socket.
func seesNode(socket string) error {
	conn, err := client.Dial(socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Status()
	return err
}

// downAgent ends the agent and waits for it.
func (l *layout) downAgent() (bool, error) {
	pid := l.agentPID()
	if pid <= 1 {
		return false, nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
		return false, fmt.Errorf("cannot stop the agent (pid %d): %w", pid, err)
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if l.agentPID() == 0 {
			return true, nil
		}
	}
	return false, next(fmt.Errorf("the agent (pid %d) does not end", pid), fmt.Sprintf("kill -9 %d", pid))
}
