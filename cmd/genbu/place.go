// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/server"
)

// global are the flags that every command has.
var global struct {
	dir  string // as it was given; nodeDir completes it
	json bool
}

// nodeDir is the directory of the node that a command is about; where several were made together, of one that runs.
func nodeDir() string {
	dir := placeDir()
	if l, err := readLayout(dir); err == nil && l != nil {
		return l.pick()
	}
	return dir
}

// accessDir is where genbu up keeps the PINs it set: nodes that were made together have the same.
func accessDir() string {
	dir := placeDir()
	if l := layoutOf(dir); l != nil {
		return l.dir
	}
	return dir
}

// placeDir is the directory that was named: --dir, else GENBU_DIR, else the usual place.
func placeDir() string {
	dir := global.dir
	if dir == "" {
		dir = os.Getenv("GENBU_DIR")
	}
	if dir == "" {
		dir = homeDir()
	}
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// homeDir is the place for a service when root, or one in the user's home.
func homeDir() string {
	if os.Getuid() == 0 {
		return "/var/lib/genbu"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".genbu"
	}
	return filepath.Join(home, ".genbu")
}

// fromEnv reads a variable that genbu env exported. Those of one node are not for another that --dir names: its PINs
// would be wrong there, and each would cost a try.
func fromEnv(name string) string {
	if of := os.Getenv("GENBU_DIR"); global.dir != "" && of != "" {
		abs, err := filepath.Abs(of)
		if err != nil {
			return ""
		}
		if l := layoutOf(abs); l != nil {
			abs = l.dir
		}
		if abs != accessDir() {
			return ""
		}
	}
	return os.Getenv(name)
}

// nodeConfig reads the node's configuration. Whoever may not read it is shown where a node usually listens.
func nodeConfig() (*server.Config, error) { return configOf(nodeDir()) }

func configOf(dir string) (*server.Config, error) {
	c, err := server.Load(dir)
	if errors.Is(err, os.ErrPermission) {
		return &server.Config{Dir: dir, Socket: filepath.Join(dir, "genbu.sock")}, nil
	}
	if err != nil && len(filepath.Join(dir, "genbu.sock")) > 107 {
		return nil, hinted{err, hint{"genbu up --dir DIR", "with a shorter DIR, or socket: in " + word(filepath.Join(dir, server.ConfigFile))}}
	}
	if err != nil {
		return nil, next(err, "less "+word(filepath.Join(dir, server.ConfigFile)))
	}
	return c, nil
}

// socketPath is where the node listens. GENBU_SOCKET alone names a node as well, but never one in place of another that
// was named: what was meant to be wiped, say, must not be its neighbour.
func socketPath() (string, error) {
	if s := os.Getenv("GENBU_SOCKET"); s != "" && global.dir == "" && os.Getenv("GENBU_DIR") == "" {
		return s, nil
	}
	c, err := nodeConfig()
	if err != nil {
		return "", err
	}
	return c.Socket, nil
}

// dial connects to the node.
func dial() (*client.Conn, error) {
	socket, err := socketPath()
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(socket)
	if err == nil {
		return conn, nil
	}
	if errors.Is(unix.Access(socket, unix.W_OK), unix.EACCES) {
		return nil, noNode{hinted{fmt.Errorf("this user may not connect to %s", socket), hint{"ls -l " + word(socket), "socket_mode in genbu.yaml decides who may"}}}
	}
	if _, e := os.Stat(socket); e != nil {
		err = errors.New("there is no such socket")
	}
	return nil, noNode{next(fmt.Errorf("no node answers at %s: %w", socket, err), "genbu up")}
}

// word makes one shell word of s, quoted if need be.
func word(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:=@%,", r))
	}) < 0
	if plain {
		return s
	}
	return quote(s)
}

// quote makes one shell word of s, always quoted.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
