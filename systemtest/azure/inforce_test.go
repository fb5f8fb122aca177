// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAChangeThatIsNotInForceEverywhereSaysSo: a node that hangs holds a lease of a minute, and no request waits for so long. The answer is one
// that clients do not try again, since the change is made.
func TestAChangeThatIsNotInForceEverywhereSaysSo(t *testing.T) {
	if os.Getenv("GENBU_SOAK") == "" {
		t.Skip("three nodes and ten seconds of waiting: with GENBU_SOAK=1")
	}
	n := newNodeWith(t, "", "--nodes", "3")
	n.run("cluster", "policy", "--lease", "60s")
	token := n.access(n.Vault)
	n.must200("POST", n.Vault, "/keys/k/create", token, p256)
	pids := ""
	for line := range strings.Lines(string(n.run("env"))) {
		if _, list, ok := strings.Cut(line, "GENBU_NODE_PIDS='"); ok {
			fields := strings.Fields(strings.TrimRight(list, "'\n"))
			pids = fields[len(fields)-1]
		}
	}
	send := func(signal syscall.Signal) {
		for text := range strings.SplitSeq(pids, ":") {
			pid, err := strconv.Atoi(text)
			must(t, err)
			must(t, syscall.Kill(pid, signal))
		}
	}
	t.Cleanup(func() { send(syscall.SIGCONT) })
	for deadline := time.Now().Add(2 * time.Minute); ; { // the node's lease of before was shorter
		send(syscall.SIGSTOP)
		a := n.do("PATCH", n.Vault, "/keys/k", token, `{"attributes":{"enabled":false}}`)
		if a.status == http.StatusConflict && a.inner() == "NotInForceEverywhere" {
			break
		}
		if a.status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d %s", a.status, a.text)
		}
		send(syscall.SIGCONT)
		n.must200("PATCH", n.Vault, "/keys/k", token, `{"attributes":{"enabled":true}}`)
		time.Sleep(time.Second)
	}
	k := n.must200("GET", n.Vault, "/keys/k", token, "")
	if on, _ := json.Marshal(k.body["attributes"].(map[string]any)["enabled"]); string(on) != "false" {
		t.Errorf("the change is not made: %s", k.text)
	}
	if a := n.do("POST", n.Vault, "/keys/k/sign", token, `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`); a.status != http.StatusForbidden || a.inner() != "KeyDisabled" {
		t.Errorf("the key signs: %d %s", a.status, a.text)
	}
}
