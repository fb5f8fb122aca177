// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// access is the file in which genbu up keeps the PINs that it set, mode 0600: whoever reads it may log in. Delete it to
// keep the PINs elsewhere; nothing but the command line reads it.
type access struct {
	AdminPIN string      `json:"admin_pin"`
	Default  string      `json:"token_label"` // the token that genbu env points at
	Tokens   []tokenPINs `json:"tokens"`
}

// tokenPINs are one token's.
type tokenPINs struct {
	Label string `json:"label"`
	SO    string `json:"so_pin"`
	User  string `json:"user_pin"`
}

const accessFile = "access.json"

// readAccess reads the file; nil when there is none, or none for this user.
func readAccess() (*access, error) { return readAccessOf(accessDir()) }

func readAccessOf(dir string) (*access, error) {
	path := filepath.Join(dir, accessFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a := &access{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, next(fmt.Errorf("%s: %w", path, err), "less "+word(path))
	}
	return a, nil
}

func (a *access) write() error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(accessDir(), accessFile), append(text, '\n'), 0o600)
}

// token finds the PINs of a label, of the default one when it is empty; none when a is nil.
func (a *access) token(label string) (tokenPINs, bool) {
	if a == nil {
		return tokenPINs{}, false
	}
	if label == "" {
		label = a.Default
	}
	i := slices.IndexFunc(a.Tokens, func(t tokenPINs) bool { return t.Label == label })
	if i < 0 {
		return tokenPINs{}, false
	}
	return a.Tokens[i], true
}

// keep notes a token's PINs and makes it the one that genbu env points at.
func (a *access) keep(t tokenPINs) {
	a.Default = t.Label
	i := slices.IndexFunc(a.Tokens, func(have tokenPINs) bool { return have.Label == t.Label })
	if i < 0 {
		a.Tokens = append(a.Tokens, t)
	} else {
		a.Tokens[i] = t
	}
}

// forgetPIN drops a PIN that is not valid any more. One that stayed would be tried by every program, and lock the operator.
func forgetPIN(label, operator string) error {
	a, err := readAccess()
	if err != nil || a == nil {
		return err
	}
	old := *a
	old.Tokens = slices.Clone(a.Tokens)
	if label == "" && operator == "admin" {
		a.AdminPIN = ""
	}
	for i := range a.Tokens {
		if t := &a.Tokens[i]; t.Label == label && operator == "so" {
			t.SO = ""
		} else if t.Label == label && operator == "user" {
			t.User = ""
		}
	}
	if a.AdminPIN == old.AdminPIN && slices.Equal(a.Tokens, old.Tokens) {
		return nil
	}
	note("the old PIN of %q is taken out of %s; the new one is not put there", operator, accessFile)
	return a.write()
}

// forgetToken drops a token that is no more.
func forgetToken(label string) error {
	a, err := readAccess()
	if err != nil || a == nil {
		return err
	}
	n := len(a.Tokens)
	a.Tokens = slices.DeleteFunc(a.Tokens, func(t tokenPINs) bool { return t.Label == label })
	if len(a.Tokens) == n {
		return nil
	}
	if a.Default == label {
		a.Default = ""
		if len(a.Tokens) > 0 {
			a.Default = a.Tokens[0].Label
		}
	}
	return a.write()
}

// renameToken follows a change of label.
func renameToken(from, to string) error {
	a, err := readAccess()
	if err != nil || a == nil {
		return err
	}
	i := slices.IndexFunc(a.Tokens, func(t tokenPINs) bool { return t.Label == from })
	if i < 0 {
		return nil
	}
	a.Tokens[i].Label = to
	if a.Default == from {
		a.Default = to
	}
	return a.write()
}

// newPIN draws twelve letters and digits that cannot be mistaken for one another: 60 bits.
func newPIN() []byte {
	const letters = "23456789abcdefghjkmnpqrstuvwxyz+" // 32 of them, so a byte's low five bits choose fairly
	pin := make([]byte, 12)
	rand.Read(pin)
	for i, b := range pin {
		pin[i] = letters[b&31]
	}
	return pin
}
