// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/server"
)

// environment is what genbu env prints: where a node is and, when it was made by genbu up, the PINs of its first token.
type environment struct {
	Module  string `json:"module"`
	Socket  string `json:"socket"`
	Token   string `json:"token_label"`
	SOPIN   string `json:"so_pin,omitempty"`
	PIN     string `json:"user_pin,omitempty"`
	URL     string `json:"url,omitempty"`
	CAFile  string `json:"ca_file,omitempty"`
	CorePID int    `json:"core_pid,omitempty"`
	HostPID int    `json:"host_pid,omitempty"`
}

// access is the file in which genbu up keeps the PINs that it set, mode 0600: whoever reads it may log in. Delete it to
// keep the PINs elsewhere; nothing but genbu env and the command line reads it.
type access struct {
	AdminPIN string `json:"admin_pin"`
	Token    string `json:"token_label"`
	SOPIN    string `json:"so_pin"`
	PIN      string `json:"user_pin"`
}

const accessFile = "access.json"

func readAccess(dir string) (*access, error) {
	text, err := os.ReadFile(filepath.Join(dir, accessFile))
	if err != nil {
		return nil, err
	}
	a := &access{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, accessFile), err)
	}
	return a, nil
}

func (a *access) write(dir string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, accessFile), append(text, '\n'), 0o600)
}

// readEnv gathers what is known of the node in dir.
func readEnv(dir string) (*environment, error) {
	c, err := server.Load(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Dir); err != nil {
		return nil, hinted{fmt.Errorf("there is no node in %s", dir), "genbu up --dir " + dir}
	}
	e := &environment{Module: modulePath(), Socket: c.Socket, CAFile: filepath.Join(c.Dir, server.CAFile)}
	if a, err := readAccess(dir); err == nil {
		e.Token, e.SOPIN, e.PIN = a.Token, a.SOPIN, a.PIN
	} else if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		return nil, err
	}
	e.HostPID = readPID(filepath.Join(c.Dir, server.HostPIDFile))
	e.CorePID = readPID(filepath.Join(c.Dir, server.CorePIDFile))
	if url, err := os.ReadFile(filepath.Join(c.Dir, server.URLFile)); err == nil {
		e.URL = strings.TrimSpace(string(url))
	}
	return e, nil
}

func readPID(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// newPIN draws twelve letters and digits that cannot be mistaken for one another: 60 bits.
func newPIN() string {
	const letters = "23456789abcdefghjkmnpqrstuvwxyz+" // 32 of them, so a byte's low five bits choose fairly
	pin := make([]byte, 12)
	rand.Read(pin)
	for i, b := range pin {
		pin[i] = letters[b&31]
	}
	return string(pin)
}
