// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// startTimeout bounds the wait for a node: a million objects are read in less.
const startTimeout = 2 * time.Minute

func upCommand() *cobra.Command {
	var want access
	var fast, fips bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a node on this machine, in the background, or find it running",
		Long: `Start a node in the background and return once it serves. A new directory gets a root key
(kept in a file of its own, so that the node starts unattended), an admin, and one token with
a security officer and a user. PINs that are not given are drawn; genbu env prints them.

  genbu up --dir /tmp/demo --token demo --so-pin 12345678 --pin 1234`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), cmd.OutOrStdout(), want, fast, fips)
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.Token, "token", "", "label of the first token (default \"genbu\")")
	f.StringVar(&want.SOPIN, "so-pin", "", "PIN of its security officer (default: drawn)")
	f.StringVar(&want.PIN, "pin", "", "PIN of its user (default: drawn)")
	f.BoolVar(&fast, "fast", false, "for a new node: keep hot keys parsed in the core's memory")
	f.BoolVar(&fips, "fips", false, "for a new node: refuse what is not approved")
	return cmd
}

func up(ctx context.Context, out io.Writer, want access, fast, fips bool) error {
	if err := os.MkdirAll(global.dir, 0o711); err != nil { // other users' programs pass through to the socket
		return err
	}
	if err := firstConfig(global.dir, fast, fips); err != nil {
		return err
	}
	c, err := server.Load(global.dir)
	if err != nil {
		return err
	}
	conn, err := client.Dial(c.Socket)
	started := err != nil
	if started {
		done := progress("starting the node")
		conn, err = start(ctx, c)
		done()
		if err != nil {
			return err
		}
	}
	defer conn.Close()
	status, err := conn.Status()
	if err != nil {
		return err
	}
	if status.State == wire.StateUninitialized {
		if status, err = initialize(conn, &want); err != nil {
			return err
		}
	}
	if status.State == wire.StateOperational {
		if err := firstToken(conn, &want); err != nil {
			return err
		}
		if err := keepAuditKey(status.AuditKey); err != nil {
			return err
		}
	}
	e, err := readEnv(global.dir)
	if err != nil {
		return err
	}
	return show(out, map[string]any{"started": started, "state": status.State.String(), "env": e}, func(w io.Writer) {
		fmt.Fprintf(w, "node in %s: %s, %s mode, token %q\n", global.dir, status.State, modeName(&status), e.Token)
		if status.State == wire.StateLocked {
			fmt.Fprintf(w, "next: genbu unlock --dir %s\n", global.dir)
			return
		}
		fmt.Fprintf(w, "next: eval \"$(genbu env --dir %s)\"   then   genbu key create demo && genbu connect\n", global.dir)
	})
}

// firstConfig writes genbu.yaml for a new node when the flags ask for something other than the defaults.
func firstConfig(dir string, fast, fips bool) error {
	path := filepath.Join(dir, server.ConfigFile)
	if _, err := os.Stat(path); err == nil || !fast && !fips {
		return nil
	}
	text := ""
	if fast {
		text += "mode: fast\n"
	}
	if fips {
		text += "fips: true\n"
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// start runs genbu serve as a process of its own and waits until its socket answers.
func start(ctx context.Context, c *server.Config) (*client.Conn, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	logPath := filepath.Join(c.Dir, "genbu.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	began, _ := log.Seek(0, io.SeekEnd)
	cmd := exec.Command(exe, "serve", "--dir", c.Dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this command and its terminal
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if conn, err := client.Dial(c.Socket); err == nil {
			return conn, nil
		}
		select {
		case <-gone:
			return nil, hinted{fmt.Errorf("the node ended: %s", lastLine(logPath, began)), "genbu doctor --dir " + c.Dir}
		case <-ctx.Done():
			return nil, hinted{errors.New("the node did not answer in time"), "less " + logPath}
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func modeName(s *wire.Status) string {
	name := "strict"
	if s.Fast {
		name = "fast"
	}
	if s.FIPS {
		name += ", fips"
	}
	return name
}

// lastLine is the last thing the log says after offset began.
func lastLine(path string, began int64) string {
	text, err := os.ReadFile(path)
	if err != nil || int64(len(text)) <= began {
		return "nothing was logged"
	}
	line := text[began:]
	for len(line) > 0 && line[len(line)-1] == '\n' {
		line = line[:len(line)-1]
	}
	for i := len(line) - 1; i >= 0; i-- {
		if line[i] == '\n' {
			return string(line[i+1:])
		}
	}
	return string(line)
}
