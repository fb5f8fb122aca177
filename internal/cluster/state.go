// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/genbu-hsm/genbu/internal/durable"
)

const (
	stateFile    = "cluster.json"
	identityFile = "tls/peer.pem"      // key and certificate of this host for its peers: one file, so that they are replaced together
	caFile       = "tls/domain-ca.crt" // the domain's CA, as the core gave it
)

// state is what a host remembers of its cluster. It says nothing that the store or the core decide on; it says how to come
// back to them. A node without the file is alone and listens nowhere.
type state struct {
	Joining bool     `json:"joining,omitempty"` // not admitted yet: there is no store
	Removed bool     `json:"removed,omitempty"` // the others have removed this node
	Open    bool     `json:"open,omitempty"`    // the door is open
	Peers   bool     `json:"peers,omitempty"`   // the store has a listener for its peers
	Join    []string `json:"join,omitempty"`    // peer URLs by which the store of a newcomer finds its cluster

	Listen        string `json:"listen,omitempty"`
	Advertise     string `json:"advertise,omitempty"`
	PeerListen    string `json:"peer_listen,omitempty"`
	PeerAdvertise string `json:"peer_advertise,omitempty"`
}

func readState(dir string) (s state, err error) {
	path := filepath.Join(dir, stateFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func writeState(dir string, s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, stateFile), append(text, '\n'), 0o600)
}

// Prepare makes a new directory one of a node that is to join: its host starts without a store and waits for its core to be
// admitted. It does nothing where that was done before.
func Prepare(dir string) error {
	s, err := readState(dir)
	if err != nil || s.Joining {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "store")); err == nil {
		return fmt.Errorf("%s has a store already", dir)
	}
	return writeState(dir, state{Joining: true, Open: true})
}

// IsMember tells whether the node in dir listens for others, or did.
func IsMember(dir string) bool {
	s, err := readState(dir)
	return err == nil && (s.Peers || s.Joining)
}
