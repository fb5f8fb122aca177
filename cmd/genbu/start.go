// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/server"
)

// startTimeout bounds the wait for a node: a million objects are read in less.
const startTimeout = 2 * time.Minute

// memberPatience is after how long one is told what a member of a cluster waits for.
const memberPatience = 10 * time.Second

// reach connects to the node of c, starting it unless it answers.
func reach(ctx context.Context, c *server.Config) (conn *client.Conn, started bool, err error) {
	if conn, err = client.Dial(c.Socket); err == nil {
		return conn, false, nil
	}
	defer progress("starting the node")()
	conn, err = start(ctx, nodeDir(), c)
	return conn, true, err
}

// start runs genbu serve on dir as a process of its own and waits until its socket answers. A socket or pid that a killed node
// left does not matter: what counts is the lock that the kernel gives back.
func start(ctx context.Context, dir string, c *server.Config, flags ...string) (*client.Conn, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	logPath := filepath.Join(c.Dir, "genbu.log")
	if err := os.MkdirAll(c.Dir, 0o711); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	began, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, append([]string{"serve", "--dir", dir}, flags...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/" // so that no file system is kept busy by where somebody happened to stand
	cmd.Env = withoutPINs(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this command and its terminal
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	start, waits := time.Now(), time.Duration(0)
	if cluster.IsMember(c.Dir) && len(flags) == 0 {
		waits = memberPatience
	}
	for {
		if conn, err := client.Dial(c.Socket); err == nil {
			return conn, nil
		}
		if waits > 0 && time.Since(start) > waits {
			note("the node waits for a majority of its cluster: start the others")
			waits = 0
		}
		select {
		case <-gone:
			if running, err := server.Running(c.Dir); err == nil && running {
				continue // somebody else started one a moment before; gone is empty from now on
			}
			said, todo := lastError(logPath, began)
			return nil, noNode{hinted{fmt.Errorf("the node ended: %s", said), todo}}
		case <-ctx.Done():
			if cluster.IsMember(c.Dir) {
				return nil, noNode{hinted{errors.New("the node runs, and waits for a majority of its cluster"), hint{"genbu up", "on the other nodes' machines; if a majority of them is lost for good: genbu cluster recover, here"}}}
			}
			return nil, noNode{next(errors.New("the node did not answer in time"), "less "+word(logPath))}
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// withoutPINs leaves out what genbu env exported: an honest host never has a PIN in its memory.
func withoutPINs(environ []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "GENBU_") && strings.HasSuffix(name, "_PIN")
	})
}

// lastError is what the node said why it ended, in its log after offset began, and its advice where it had a better one than to
// read that log.
func lastError(path string, began int64) (said string, todo hint) {
	todo = hint{command: "less " + word(path)}
	text, err := os.ReadFile(path)
	if err != nil || int64(len(text)) <= began {
		return "nothing was logged", todo
	}
	lines := bytes.Split(bytes.TrimSpace(text[began:]), []byte{'\n'})
	for i, line := range slices.Backward(lines) {
		why, ok := bytes.CutPrefix(line, []byte("genbu: error: "))
		if !ok {
			continue
		}
		if i+1 < len(lines) {
			if advice, ok := bytes.CutPrefix(lines[i+1], []byte("genbu: hint: ")); ok && !bytes.HasPrefix(advice, []byte("genbu doctor")) {
				command, note, _ := strings.Cut(string(advice), "   (")
				todo = hint{command, strings.TrimSuffix(note, ")")}
			}
		}
		return string(why), todo
	}
	return string(lines[len(lines)-1]), todo
}
