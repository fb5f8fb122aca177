// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/wire"
)

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(dir)
}

func TestEveryFaultOfAConfigurationIsReportedAtOnce(t *testing.T) {
	_, err := load(t, `
socket: /`+strings.Repeat("s", 107)+`
socket_mode: rw
nodes: [nowhere, "unix:relative"]
connections: -1
queue_per_client: 100000
queue: -5
patience: soon
log_level: loud
`)
	if err == nil {
		t.Fatal("taken")
	}
	for _, word := range []string{"socket:", "socket_mode:", "nowhere", "relative", "connections:", "queue_per_client:", "queue:", "patience:",
		"log_level:"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("nothing is said of %s in: %v", word, err)
		}
	}
	if _, err := load(t, "listen: :1\n"); err == nil {
		t.Error("an unknown key is taken")
	}
	if c, err := load(t, "dir: data\nnodes: [\"[::1]:7710\", \"unix:/run/s\"]\n"); err != nil || filepath.Base(c.Socket) != "genbu.sock" ||
		filepath.Base(filepath.Dir(c.Socket)) != "data" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAnAgentThatKnowsNoNodeDoesNotStart(t *testing.T) {
	c, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), c, slog.New(slog.DiscardHandler)); err != ErrNoNodes {
		t.Errorf("got %v", err)
	}
}

func TestWhatLiesOnDiskIsReadBackOrRefused(t *testing.T) {
	dir := t.TempDir()
	if id, _, err := readIdentity(dir); id != nil || err != nil {
		t.Errorf("an empty directory: %v, %v", id, err)
	}
	list := []wire.ClusterMember{{Name: "a", Door: "h:1"}, {Name: "without a door"}, {Name: "b", Door: "h:2"}}
	if err := writeMembers(dir, list); err != nil {
		t.Fatal(err)
	}
	if got, err := readMembers(dir); err != nil || len(got) != 2 || got[1] != (member{"b", "h:2"}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, text := range map[string]string{
		membersFile:  "{",
		identityFile: `{"domain": "x"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readMembers(dir); err == nil {
		t.Error("a torn list of members is taken")
	}
	if _, _, err := readIdentity(dir); err == nil {
		t.Error("an identity without ids is taken")
	}
	k, err := makeKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := readKey(dir); err != nil || !again.Equal(k) {
		t.Errorf("the key is another one: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file has mode %v, %v", info.Mode(), err)
	}
}
