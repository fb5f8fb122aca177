// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// defaultToken is the label of the token that genbu up makes.
const defaultToken = "genbu"

// initialize makes the root key of a new node, kept in a file, and its admin. A node that somebody else started, and that
// no genbu up has begun to make, may be meant for custodians: it is left alone.
func (want *wanted) initialize(conn *client.Conn, started bool) (wire.Status, error) {
	a, err := readAccess()
	if err != nil {
		return wire.Status{}, err
	}
	keeper, err := want.keep.said()
	if err != nil {
		return wire.Status{}, err
	}
	if a == nil && !started {
		return wire.Status{}, notOperational(wire.StateUninitialized)
	}
	pin := newPIN()
	// Written first: a PIN that nobody knows would lock everybody out of a node that was interrupted here.
	if err := (&access{AdminPIN: string(pin)}).write(); err != nil {
		return wire.Status{}, err
	}
	defer progress("making the root key")()
	if _, err := conn.Init(keeper, 0, 0, pin); err != nil {
		return wire.Status{}, err
	}
	return conn.Status()
}

// makeToken makes the token that is wanted, unless it is there, and notes it as the one that genbu env points at. A new
// one is proven by a signature.
func (want *wanted) makeToken(conn *client.Conn) (proven bool, err error) {
	a, err := readAccess()
	if err != nil {
		return false, err
	}
	list, err := conn.Slots()
	if err != nil {
		return false, err
	}
	if a == nil {
		if want.token.Label == "" && len(list) > 0 {
			return false, nil // its PINs are kept elsewhere, and nothing was asked for
		}
		a = &access{}
	}
	label := cmp.Or(want.token.Label, a.Default, defaultToken)
	for _, t := range list {
		if t.Label == label {
			return false, want.useToken(conn, a, t)
		}
	}
	above := admin{}
	pin := above.known()
	if pin == nil {
		if pin, err = above.pin(); err != nil {
			return false, err
		}
	}
	if _, err := begin(conn, domainSlot, client.Officer, "", pin); err != nil {
		return false, err
	}
	pins := tokenPINs{label, cmp.Or(want.token.SO, string(newPIN())), cmp.Or(want.token.User, string(newPIN()))}
	defer progress("making the token")()
	_, slot, err := conn.PartitionCreate(label, []byte(pins.SO), []byte(pins.User), client.InitAllowed|client.UIDLogin)
	if err != nil {
		return false, err
	}
	a.keep(pins)
	if err := a.write(); err != nil {
		return false, err
	}
	return true, firstSignature(conn, slot, []byte(pins.User))
}

// useToken points genbu env at a token that is there. PINs that were given must be the right ones.
func (want *wanted) useToken(conn *client.Conn, a *access, t client.Token) error {
	have, known := a.token(t.Label)
	have.Label = t.Label
	for _, p := range []struct {
		user        uint64
		name, given string
		kept        *string
	}{{client.Officer, "so", want.token.SO, &have.SO}, {client.User, "user", want.token.User, &have.User}} {
		if p.given == "" || p.given == *p.kept {
			continue
		}
		s, err := begin(conn, t.Slot, p.user, "", []byte(p.given))
		if err == nil {
			*p.kept = p.given
			err = s.Close() // which ends the login
		}
		if err != nil {
			return next(fmt.Errorf("token %q is there, and the PIN given is not that of its %s: %w", t.Label, p.name, err),
				"genbu operator set "+p.name+" --token "+word(t.Label)+" --new-pin")
		}
	}
	if before, _ := a.token(t.Label); known && a.Default == t.Label && before == have {
		return nil
	}
	a.keep(have)
	return a.write()
}

// firstSignature shows that the node works: a pair made in the core, which forgets it again, signs, and we verify.
func firstSignature(conn *client.Conn, slot uint64, pin []byte) error {
	s, err := begin(conn, slot, client.User, "", pin)
	if err != nil {
		return err
	}
	sp, err := findSpec("ec-p256")
	if err != nil {
		return err
	}
	session := client.Bool(key.AttrToken, false)
	_, pair, err := s.GeneratePair(client.Mech(sp.mech), append(sp.template(), session), client.Template{session})
	if err != nil {
		return err
	}
	public, err := s.Get(pair.Handle, key.AttrPublicKeyInfo)
	if err != nil {
		return err
	}
	message := []byte("the first signature of this node")
	raw, err := s.Sign(client.Mech(key.MechECDSASHA256), pair.Handle, message)
	if err != nil {
		return err
	}
	der, err := derSignature(raw)
	if err != nil {
		return err
	}
	parsed, err := x509.ParsePKIXPublicKey(public[0].Value)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	if k, ok := parsed.(*ecdsa.PublicKey); !ok || !ecdsa.VerifyASN1(k, digest[:], der) {
		return next(errors.New("the node's first signature is not valid"), "genbu doctor")
	}
	return s.Close()
}
