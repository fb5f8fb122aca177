// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
)

// login opens a session of a token and logs in on a channel of its own.
func (n *node) login(label string, user uint64, name, pin string) *client.Session {
	n.t.Helper()
	s, err := n.tryLogin(label, user, name, pin)
	must(n.t, err)
	return s
}

func (n *node) tryLogin(label string, user uint64, name, pin string) (*client.Session, error) {
	n.t.Helper()
	conn := n.operational()
	s, err := conn.Open(slotOf(n.t, conn, label), true)
	must(n.t, err)
	_, err = s.Login(user, name, []byte(pin))
	return s, err
}

// user is a login as the first token's user.
func (n *node) userSession() *client.Session {
	n.t.Helper()
	return n.login(tokenLabel, client.User, "", userPIN)
}

// admin is a channel with a login as admin of the domain.
func (n *node) admin() *client.Conn {
	n.t.Helper()
	conn := n.operational()
	s, err := conn.Open(0, true)
	must(n.t, err)
	_, err = s.Login(client.Officer, "", []byte(adminPIN))
	must(n.t, err)
	return conn
}

// auditKey is the node's public audit key, in hex, as somebody would note it elsewhere.
func (n *node) auditKey() string {
	n.t.Helper()
	s, err := n.operational().Status()
	must(n.t, err)
	return hex.EncodeToString(s.AuditKey)
}

// slotOf finds a token by label; 0 is the domain, which has none.
func slotOf(t *testing.T, conn *client.Conn, label string) uint64 {
	t.Helper()
	list, err := conn.Slots()
	must(t, err)
	for _, token := range list {
		if strings.TrimRight(token.Label, " ") == label {
			return token.Slot
		}
	}
	t.Fatalf("no token %q among %d", label, len(list))
	return 0
}
