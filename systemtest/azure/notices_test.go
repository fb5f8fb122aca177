// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheLogTellsOnceWhatAPolicyWantsPeopleTold(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	const soon = `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"PT2S"},"action":{"type":"Notify"}}]}`
	const late = `{"lifetimeActions":[{"trigger":{"timeAfterCreate":"P90D"},"action":{"type":"Notify"}}]}`
	version := func(name, policy string) string {
		id := n.must200("POST", n.Vault, "/keys/"+name+"/create", token, p256).body["key"].(map[string]any)["kid"].(string)
		n.must200("PUT", n.Vault, "/keys/"+name+"/rotationpolicy", token, policy)
		return id[strings.LastIndex(id, "/")+1:]
	}
	told, quiet := version("told", soon), version("quiet", late)
	off := version("off", soon)
	n.must200("PATCH", n.Vault, "/keys/off", token, `{"attributes":{"enabled":false}}`)
	lines := func(of string) (count int) {
		text, err := os.ReadFile(filepath.Join(n.dir, "genbu.log"))
		must(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "event=notice") && strings.Contains(line, of) {
				count++
			}
		}
		return count
	}
	for end := time.Now().Add(time.Minute); lines(told) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody was told")
		}
	}
	n.must200("PUT", n.Vault, "/keys/told/rotationpolicy", token, soon)
	time.Sleep(3 * time.Second) // the rotator looks each second
	if lines(told) != 1 || lines(quiet) != 0 || lines(off) != 0 {
		t.Errorf("%d lines of the one, %d of one whose time has not come, %d of one that is disabled", lines(told), lines(quiet), lines(off))
	}
}
