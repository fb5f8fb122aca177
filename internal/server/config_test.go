// SPDX-License-Identifier: Apache-2.0

package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, dir, text string) (*Config, error) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(dir)
}

func TestRelativePathsStartFromWhereTheConfigurationLies(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]Config{
		"":                              {Dir: dir, Socket: dir + "/genbu.sock", Keeper: dir + "/keeper.key"},
		"dir: data":                     {Dir: dir + "/data", Socket: dir + "/data/genbu.sock", Keeper: dir + "/data/keeper.key"},
		"dir: data\nsocket: s":          {Dir: dir + "/data", Socket: dir + "/s", Keeper: dir + "/data/keeper.key"},
		"socket: /run/s\nkeeper: ../k":  {Dir: dir, Socket: "/run/s", Keeper: filepath.Dir(dir) + "/k"},
		"dir: /var/lib/x\nkeeper: k/./": {Dir: "/var/lib/x", Socket: "/var/lib/x/genbu.sock", Keeper: dir + "/k"},
	} {
		c, err := load(t, dir, text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if c.Dir != want.Dir || c.Socket != want.Socket || c.Keeper != want.Keeper {
			t.Errorf("%q: %s, %s, %s", text, c.Dir, c.Socket, c.Keeper)
		}
	}
}

func TestEveryFaultOfAConfigurationIsReportedAtOnce(t *testing.T) {
	_, err := load(t, t.TempDir(), `
socket: /`+strings.Repeat("s", 107)+`
socket_mode: rw
listen: nowhere
mode: quick
accept_missing: [gravity]
audit_max_lag: 1s
log_level: loud
log_format: rhyme
traces: over there
backup: {place: "ftp://x", every: now, keep_days: -1}
`)
	if err == nil {
		t.Fatal("taken")
	}
	for _, key := range []string{"socket:", "socket_mode:", "listen:", "mode:", "accept_missing:", "audit_max_lag:", "log_level:", "log_format:", "traces:", "backup:", "backup.every:", "backup.keep_days:"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("nothing is said of %s in: %v", key, err)
		}
	}
}

func TestUnknownKeysStopTheStart(t *testing.T) {
	for _, text := range []string{"mood: fast", "mode: fast\nmode: strict", "fips: maybe", "- mode", "mode: [fast]"} {
		if _, err := load(t, t.TempDir(), text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestANodeThatNeverServedDoesNotExist(t *testing.T) {
	dir := t.TempDir()
	if Exists(dir) {
		t.Error("an empty directory is a node")
	}
	if running, err := Running(dir); err != nil || running {
		t.Errorf("an empty directory: running %t, %v", running, err)
	}
	f, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if running, err := Running(dir); err != nil || !running {
		t.Errorf("a locked directory: running %t, %v", running, err)
	}
	if _, err := lock(dir); err != ErrRunning {
		t.Errorf("locked twice: %v", err)
	}
	f.Close()
	if running, err := Running(dir); err != nil || running {
		t.Errorf("after its end: running %t, %v", running, err)
	}
	if _, err := nodeID(dir); err != nil || !Exists(dir) {
		t.Errorf("with an id: %v", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("mode: fast\nfips: true\naudit_max_lag: 10s\n"))
	f.Add([]byte("listen: \"\"\nsocket_mode: \"0660\"\naccept_missing: [seccomp]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ConfigFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(dir)
		if err != nil {
			return
		}
		if len(c.Socket) > 107 || !filepath.IsAbs(c.Socket) || !filepath.IsAbs(c.Keeper) || c.Listen == nil || c.maxLag() <= 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestMachinesWithOneConfigurationKnowTheirNamesAndWhoIsFirst(t *testing.T) {
	me := hostname()
	c, err := load(t, t.TempDir(), "cluster: {first: another, advertise: \"{hostname}.genbu.svc:7710\", peer_advertise: \"{hostname}:7711\"}")
	if err != nil {
		t.Fatal(err)
	}
	if c.Cluster.Advertise != me+".genbu.svc:7710" || c.Cluster.PeerAdvertise != me+":7711" || !c.Cluster.waits() {
		t.Errorf("%+v", c.Cluster)
	}
	if c, err = load(t, t.TempDir(), "cluster: {first: "+me+"}"); err != nil || c.Cluster.waits() {
		t.Errorf("the first machine waits: %v", err)
	}
}
