// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"os"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// defaultToken is the label of the token that genbu up makes.
const defaultToken = "genbu"

// initialize makes the root key of a new node, kept in a file, and its admin.
func initialize(conn *client.Conn, want *access) (wire.Status, error) {
	want.AdminPIN = newPIN()
	// Written first: a PIN that nobody knows would lock everybody out of a node that was interrupted here.
	a := access{AdminPIN: want.AdminPIN}
	if err := a.write(global.dir); err != nil {
		return wire.Status{}, err
	}
	done := progress("making the root key")
	defer done()
	if _, err := conn.Init("file", 0, 0, []byte(want.AdminPIN)); err != nil {
		return wire.Status{}, err
	}
	return conn.Status()
}

// firstToken makes the token that was asked for, unless it is there.
func firstToken(conn *client.Conn, want *access) error {
	have, err := readAccess(global.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil // somebody else's node: its PINs are not ours to know
	}
	if err != nil {
		return err
	}
	if have.Token != "" && (want.Token == "" || want.Token == have.Token) {
		return nil
	}
	list, err := conn.Partitions()
	if err != nil {
		return err
	}
	a := access{AdminPIN: have.AdminPIN, Token: cmp.Or(want.Token, defaultToken), SOPIN: cmp.Or(want.SOPIN, newPIN()), PIN: cmp.Or(want.PIN, newPIN())}
	for _, p := range list {
		if p.Label == a.Token {
			return nil
		}
	}
	if err := adminLogin(conn, []byte(have.AdminPIN)); err != nil {
		return err
	}
	done := progress("making the first token")
	defer done()
	if _, _, err := conn.PartitionCreate(a.Token, []byte(a.SOPIN), []byte(a.PIN), client.InitAllowed|client.UIDLogin); err != nil {
		return err
	}
	if have.Token != "" {
		return nil // a second token: genbu env goes on pointing at the first
	}
	return a.write(global.dir)
}
