// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// afar is blind from another machine, as far as hosts can tell: it enrols as an agent and does all over a channel that goes
// through the host's door. It lets a second node in as well, whose directory is the first one's with "2" at its end.
func afar(in *gob.Decoder, out *gob.Encoder) error {
	return secretly(in, out, func(p *planter) error {
		var genbu string
		if err := in.Decode(&genbu); err != nil {
			return err
		}
		text, err := p.token("agent", wire.JoinAgent)
		if err != nil {
			return err
		}
		k, err := client.EnrollKey()
		if err != nil {
			return err
		}
		id, _, members, err := client.Enroll(context.Background(), text, k)
		if err != nil {
			return err
		}
		if text, err = p.token("node2", wire.JoinNode); err != nil {
			return err
		}
		join := exec.Command(genbu, "join", "-", "--dir", p.dir+"2", "--keeper", "file")
		join.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
		join.Stdin = bytes.NewReader(text)
		if said, err := join.CombinedOutput(); err != nil {
			return errors.New("genbu join: " + string(said))
		}
		conn, err := client.DialRemote(context.Background(), members[0].Door, id)
		if err != nil {
			return err
		}
		s, err := conn.Open(p.out.Slot, true)
		if err != nil {
			return err
		}
		if _, err := s.Login(client.User, operator, p.pin()); err != nil {
			return err
		}
		p.conn.Close()
		p.conn, p.s = conn, s
		return nil
	})
}

// token makes a join token and keeps its text and its secret to be looked for.
func (p *planter) token(name string, kind uint8) ([]byte, error) {
	text, err := p.conn.TokenCreate(name, kind, time.Hour)
	if err != nil {
		return nil, err
	}
	data, ok := wire.FromBech32("genbu-join", text)
	if !ok {
		return nil, errors.New("the join token does not read")
	}
	p.keep("join token of "+name, memscan.Bytes, text[40:90]) // of its secret part
	p.keep("join secret of "+name, memscan.Bytes, data[10:42])
	return text, nil
}

// TestHostsSeeNothingOfAgentsAndNewcomers: not the PINs and data that come through a node's door, nor join tokens, neither in the
// node's host nor in the newcomer's.
func TestHostsSeeNothingOfAgentsAndNewcomers(t *testing.T) {
	n := newNode(t)
	for _, dir := range []string{n.dir, n.dir + "2"} {
		must(t, os.MkdirAll(dir, 0o711))
		must(t, os.WriteFile(filepath.Join(dir, "genbu.yaml"), []byte("cluster: {listen: \"127.0.0.1:0\", peer_listen: \"127.0.0.1:0\"}\n"), 0o600))
	}
	n.up()
	second := &node{t: t, dir: n.dir + "2", socket: filepath.Join(n.dir+"2", "genbu.sock")}
	t.Cleanup(func() {
		exec.Command(genbu, "down", "--dir", second.dir).Run()
		os.RemoveAll(second.dir)
	})
	r := start(t, "afar")
	r.tell(n.dir)
	r.tell(genbu)
	var secrets []secret
	r.hear(&secrets)
	second.look()
	s := newSearch(t, secrets)
	hosts := look{Pids: []int{n.Host, second.Host}, Not: "label"}
	s.nothing("hosts, meanwhile", hosts)
	r.tell(true)
	turns := 0
	r.hear(&turns)
	r.end()
	t.Logf("%d logins, creates, signatures, encryptions", turns)
	if turns < 2 {
		t.Error("the client did next to nothing")
	}
	s.nothing("hosts, afterwards", hosts)
	s.nothing("directories", look{Paths: []string{n.dir, second.dir}, Not: "label"})
	f := s.ask(nil, look{Pids: []int{n.Host, second.Host}, Only: "label"})
	if len(f.Secrets) != 2 {
		t.Errorf("control: of label and id the hosts' indexes must have both: %v", f.Secrets)
	}
}
