// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// A PIN passes the agent twice: where it is set and where it is used. The ticket, which the agent keeps, shows that the search
// finds what is there.
func TestAnAgentKeepsNoPIN(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("reads another process's memory as root")
	}
	door, peer := freePort(t), freePort(t)
	n := ready(t, "cluster:", "  listen: "+door, "  advertise: "+door, "  peer_listen: "+peer, "  peer_advertise: "+peer)
	dir, _ := agentOf(t, n)
	eventually(t, "the agent finds its node", func() bool { return wellNodes(dir) == 1 })
	c, err := client.Dial(filepath.Join(dir, "genbu.sock"))
	must(t, err)
	defer c.Close()
	list, err := c.Slots()
	must(t, err)
	s, err := c.Open(list[0].Slot, true)
	must(t, err)
	_, err = s.Login(client.User, "", []byte(userPIN))
	must(t, err)
	var drawn [24]byte
	rand.Read(drawn[:])
	pin := []byte(base64.StdEncoding.EncodeToString(drawn[:]))
	give := func() []byte { return append([]byte(nil), pin...) }
	must(t, s.SetPIN([]byte(userPIN), give()))
	must(t, s.Logout())
	ticket, err := s.Login(client.User, "", give())
	must(t, err)
	time.Sleep(time.Second)

	pid := agentPID(t, dir)
	found := memscan.Scan([]int{pid}, memscan.Needles("PIN", pin, memscan.Bytes))
	for _, h := range found.Hits {
		t.Errorf("the PIN is in the agent: %v", h)
	}
	control := memscan.Scan([]int{pid}, memscan.Needles("ticket", ticket, memscan.Bytes))
	if len(control.Hits) == 0 {
		t.Errorf("control: the ticket was not found either, in %d bytes", control.Scanned)
	}
	t.Logf("%d bytes of the agent searched", found.Scanned)
}
