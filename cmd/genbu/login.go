// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// login says who a command acts as in which partition. PINs come from a file, from the environment, from the file that
// genbu up wrote, or from the terminal, never from the command line, where other users would see them.
type login struct {
	token    string
	operator string
	pinFile  string
	uid      bool
}

func (l *login) add(cmd *cobra.Command) {
	l.addToken(cmd)
	f := cmd.Flags()
	f.StringVar(&l.operator, "operator", "", "log in as this operator (default: the partition's user, or its officer)")
	f.StringVar(&l.pinFile, "pin-file", "", "read the PIN from this file (- for standard input)")
	f.BoolVar(&l.uid, "uid-login", false, "log in by unix uid, where the partition allows it")
}

func (l *login) addToken(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.token, "token", "", "the partition, by its token label (default: GENBU_TOKEN_LABEL, else what genbu up made)")
	cmd.RegisterFlagCompletionFunc("token", completeTokens)
}

// session is a login at work.
type session struct {
	*client.Session
	conn *client.Conn
	name string // as it was given; empty for the default operator
	pin  []byte // a copy, for those few acts that want it once more; cleared in the end
}

// begin opens a session and logs in. The PIN is zeroed.
func begin(conn *client.Conn, slot, user uint64, name string, pin []byte) (*session, error) {
	s, err := conn.Open(slot, true)
	if err != nil {
		return nil, err
	}
	at := &session{s, conn, name, slices.Clone(pin)}
	if _, err = s.Login(user, name, pin); err != nil {
		at.end()
		return nil, err
	}
	return at, nil
}

func (s *session) end() { clear(s.pin) }

// as runs f logged in: user is client.User for the partition's user, or another operator that --operator names, and
// client.Officer for its officer. What f does is called what while one waits for it.
func (l *login) as(user uint64, what string, f func(s *session) error) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	t, err := l.slot(conn)
	if err != nil {
		return err
	}
	name, pin, err := l.evidence(user)
	if err != nil {
		return err
	}
	defer progress(what)()
	s, err := begin(conn, t.Slot, user, name, pin)
	if err != nil {
		return err
	}
	defer s.end()
	return f(s)
}

// slot finds the partition that a command is about.
func (l *login) slot(conn *client.Conn) (client.Token, error) {
	list, err := conn.Slots()
	if err != nil {
		return client.Token{}, err
	}
	label := l.label()
	for _, t := range list {
		if label == "" && len(list) == 1 || strings.TrimRight(t.Label, " ") == label {
			return t, nil
		}
	}
	if s, err := conn.Status(); err == nil && s.State != wire.StateOperational {
		return client.Token{}, notOperational(s.State)
	}
	if label == "" && len(list) > 0 {
		return client.Token{}, hinted{errors.New("there are several partitions"), hint{"genbu partition list", "then give --token LABEL"}}
	}
	if label == "" {
		return client.Token{}, next(errors.New("there is no partition yet"), "genbu partition create LABEL")
	}
	return client.Token{}, next(fmt.Errorf("no partition %q", label), "genbu partition list")
}

// label is the token that is meant; empty when nobody said.
func (l *login) label() string {
	if l.token != "" {
		return l.token
	}
	if label := fromEnv("GENBU_TOKEN_LABEL"); label != "" {
		return label
	}
	a, err := readAccess()
	if err != nil || a == nil {
		return ""
	}
	return a.Default
}

// evidence is the name and the PIN to log in with. The client zeroes the PIN once it is sent.
func (l *login) evidence(user uint64) (name string, pin []byte, err error) {
	if l.uid {
		return "uid", nil, nil
	}
	if l.pinFile != "" {
		pin, err = readPIN(l.pinFile)
		return l.operator, pin, err
	}
	if l.operator != "" {
		pin, err = ask("PIN of "+l.operator, pinElsewhere)
		return l.operator, pin, err
	}
	variable, who := "GENBU_USER_PIN", "user"
	if user == client.Officer {
		variable, who = "GENBU_SO_PIN", "officer"
	}
	// The variable is of the token that the environment names, and of no other.
	if v := fromEnv(variable); v != "" && (l.token == "" || l.token == fromEnv("GENBU_TOKEN_LABEL") || fromEnv("GENBU_TOKEN_LABEL") == "") {
		return "", []byte(v), nil
	}
	a, err := readAccess()
	if err != nil {
		return "", nil, err
	}
	t, _ := a.token(l.label())
	known := t.User
	if user == client.Officer {
		known = t.SO
	}
	if known != "" {
		return "", []byte(known), nil
	}
	pin, err = ask(fmt.Sprintf("PIN of the %s of %q", who, l.label()), pinElsewhere)
	return "", pin, err
}

// prove logs in once more, for one use of a key that asks for it each time.
func (s *session) prove() error {
	_, err := s.Login(client.Context, s.name, slices.Clone(s.pin))
	return err
}

// notOperational says what to do about a module that cannot work.
func notOperational(state wire.State) error {
	err := fmt.Errorf("the module is %s", state)
	switch state {
	case wire.StateUninitialized:
		return noNode{hinted{err, hint{"genbu init --keeper file", "or custodians:2of3"}}}
	case wire.StateLocked:
		return noNode{next(err, "genbu unlock")}
	case wire.StateZeroized:
		return noNode{hinted{fmt.Errorf("%w: its root key is destroyed, and every key in it", err), hint{"genbu up --dir NEW", "a new node, or a backup of node and root"}}}
	}
	return noNode{next(err, "genbu doctor")}
}
