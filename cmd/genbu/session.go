// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/server"
)

// loginFlags say who a command acts as. PINs come from a file, from the environment, from the file that genbu up wrote,
// or from the terminal, never from the command line, where other users would see them.
type loginFlags struct {
	token    string
	operator string
	pinFile  string
	uid      bool
}

func (l *loginFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.token, "token", os.Getenv("GENBU_TOKEN_LABEL"), "the partition, by its token label (default: the only one, or GENBU_TOKEN_LABEL)")
	f.StringVar(&l.operator, "operator", "", "log in as this operator (default: the partition's user, or its officer)")
	f.StringVar(&l.pinFile, "pin-file", "", "read the PIN from this file (- for standard input)")
	f.BoolVar(&l.uid, "uid-login", false, "log in by unix uid, where the partition allows it")
}

// socketPath is where the node of --dir listens; where there is none, GENBU_SOCKET.
func socketPath() (string, error) {
	c, err := server.Load(global.dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(c.Socket); err != nil && os.Getenv("GENBU_SOCKET") != "" {
		return os.Getenv("GENBU_SOCKET"), nil
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
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) || fault.Of(err) == fault.Internal && err != nil {
		return nil, hinted{fmt.Errorf("no node answers at %s: %w", socket, err), "genbu up --dir " + global.dir}
	}
	return conn, err
}

// slot finds the partition that a command is about.
func (l *loginFlags) slot(conn *client.Conn) (client.Token, error) {
	list, err := conn.Slots()
	if err != nil {
		return client.Token{}, err
	}
	for _, t := range list {
		if l.token == "" && len(list) == 1 || strings.TrimRight(t.Label, " ") == l.token {
			return t, nil
		}
	}
	if l.token == "" {
		return client.Token{}, hinted{errors.New("there are several partitions"), "give --token LABEL, one of genbu partition list"}
	}
	if s, err := conn.Status(); err == nil && len(list) == 0 && s.State.String() != "operational" {
		return client.Token{}, hinted{fmt.Errorf("the module is %s", s.State), "genbu status"}
	}
	return client.Token{}, hinted{fmt.Errorf("no partition %q", l.token), "genbu partition list"}
}

// open connects and logs in as a user of the partition (client.User) or its officer (client.Officer).
func (l *loginFlags) open(user uint64) (*client.Conn, *client.Session, error) {
	conn, err := dial()
	if err != nil {
		return nil, nil, err
	}
	t, err := l.slot(conn)
	if err == nil {
		var s *client.Session
		if s, err = l.login(conn, t.Slot, user); err == nil {
			return conn, s, nil
		}
	}
	conn.Close()
	return nil, nil, err
}

func (l *loginFlags) login(conn *client.Conn, slot, user uint64) (*client.Session, error) {
	s, err := conn.Open(slot, true)
	if err != nil {
		return nil, err
	}
	name := l.operator
	var pin []byte
	if l.uid {
		name = "uid"
	} else if pin, err = l.pin(user); err != nil {
		return nil, err
	}
	_, err = s.Login(user, name, pin)
	return s, err
}

// pin finds the PIN. It is zeroed by the client once it is sent.
func (l *loginFlags) pin(user uint64) ([]byte, error) {
	if l.pinFile != "" {
		return readPIN(l.pinFile)
	}
	if l.operator == "" {
		name := "GENBU_USER_PIN"
		if user == client.Officer {
			name = "GENBU_SO_PIN"
		}
		if v := os.Getenv(name); v != "" {
			return []byte(v), nil
		}
		if a, err := readAccess(global.dir); err == nil && (l.token == "" || l.token == a.Token) {
			if user == client.Officer {
				return []byte(a.SOPIN), nil
			}
			return []byte(a.PIN), nil
		}
	}
	return askPIN("PIN: ")
}

// domain connects and logs in as an admin of the domain.
func domain(pinFile string) (*client.Conn, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	l := loginFlags{pinFile: pinFile}
	if pinFile == "" {
		if a, err := readAccess(global.dir); err == nil && a.AdminPIN != "" {
			return conn, adminLogin(conn, []byte(a.AdminPIN))
		}
	}
	pin, err := l.adminPIN()
	if err == nil {
		err = adminLogin(conn, pin)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (l *loginFlags) adminPIN() ([]byte, error) {
	if l.pinFile != "" {
		return readPIN(l.pinFile)
	}
	if v := os.Getenv("GENBU_ADMIN_PIN"); v != "" {
		return []byte(v), nil
	}
	return askPIN("PIN of the domain's admin: ")
}

func adminLogin(conn *client.Conn, pin []byte) error {
	s, err := conn.Open(0, true)
	if err != nil {
		return err
	}
	_, err = s.Login(client.Officer, "", pin)
	return err
}

func readPIN(path string) ([]byte, error) {
	var pin []byte
	var err error
	if path == "-" {
		pin, err = readAll(os.Stdin, 4096)
	} else {
		pin, err = os.ReadFile(path)
	}
	return bytes.TrimRight(pin, "\r\n"), err
}

func askPIN(prompt string) ([]byte, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, hinted{errors.New("a PIN is needed"), "give --pin-file FILE, or eval \"$(genbu env)\" first"}
	}
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	return term.ReadPassword(int(os.Stdin.Fd()))
}
