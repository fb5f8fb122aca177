// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Files of an agent within its directory.
const (
	keyFile      = "agent.key"     // its private key; whoever has it can open channels as this agent, until it is disabled
	identityFile = "identity.json" // who it is: domain, certificates
	membersFile  = "members.json"  // where the nodes were when they were last heard of
)

// Identity is who an agent is, as it lies on disk beside its key.
type Identity struct {
	Name        string `json:"name"`
	Domain      string `json:"domain"`
	Agent       string `json:"agent"`
	Certificate []byte `json:"certificate"`
	CA          []byte `json:"ca"`
}

// ErrEnrolled: the directory has an identity already.
var ErrEnrolled = errors.New("this agent is enrolled already")

// Enroll makes an agent of a directory, by a join token that an admin of the domain made for it. The token is zeroed. The key
// is on disk before the token is shown to anybody: an answer that is lost is got again by the same command.
func Enroll(ctx context.Context, dir string, token []byte) (*Identity, error) {
	defer clear(token)
	if err := os.MkdirAll(dir, 0o711); err != nil { // other users' programs pass through to the socket
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, identityFile)); err == nil {
		return nil, ErrEnrolled
	}
	k, err := readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		k, err = makeKey(dir)
	}
	if err != nil {
		return nil, err
	}
	id, name, members, err := client.Enroll(ctx, token, k)
	if err != nil {
		return nil, err
	}
	if err := writeMembers(dir, members); err != nil {
		return nil, err
	}
	return writeIdentity(dir, name, id)
}

// Enrolled tells whether the agent in dir knows who it is.
func Enrolled(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, identityFile))
	return err == nil
}

func makeKey(dir string) (*ecdsa.PrivateKey, error) {
	k, err := client.EnrollKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(text)
	return k, durable.WriteFile(filepath.Join(dir, keyFile), text, 0o600)
}

func readKey(dir string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: not a PEM file", path)
	}
	defer clear(block.Bytes)
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an EC key", path)
	}
	return ec, nil
}

func writeIdentity(dir, name string, id *client.Identity) (*Identity, error) {
	v := &Identity{name, id.Domain.String(), id.Agent.String(), id.Certificate, id.CA}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return v, durable.WriteFile(filepath.Join(dir, identityFile), append(text, '\n'), 0o644)
}

// readIdentity reads what Enroll wrote; nil without an error for an agent that was not enrolled.
func readIdentity(dir string) (*client.Identity, string, error) {
	path := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var v Identity
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	domain, ok := key.ParseID(v.Domain)
	agent, ok2 := key.ParseID(v.Agent)
	if !ok || !ok2 {
		return nil, "", fmt.Errorf("%s: the domain's or the agent's id is not one", path)
	}
	for _, der := range [][]byte{v.Certificate, v.CA} {
		if _, err := x509.ParseCertificate(der); err != nil {
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
	}
	k, err := readKey(dir)
	if err != nil {
		return nil, "", err
	}
	return &client.Identity{Domain: domain, Agent: agent, Certificate: v.Certificate, CA: v.CA, Key: k}, v.Name, nil
}

// location is a node as it lies on disk.
type location struct {
	Name string `json:"name"`
	Door string `json:"door"`
}

func writeMembers(dir string, members []wire.ClusterMember) error {
	list := make([]location, 0, len(members))
	for _, m := range members {
		if m.Door != "" {
			list = append(list, location{m.Name, m.Door})
		}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, membersFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text)+"\n" {
		return nil
	}
	return durable.WriteFile(path, append(text, '\n'), 0o644)
}

func readMembers(dir string) (members []member, err error) {
	path := filepath.Join(dir, membersFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []location
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range list {
		members = append(members, member{p.Name, p.Door})
	}
	return members, nil
}
