// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/agent"
)

// An image of a short-lived function may be older than the certificate in it: the agent's key is what counts.
func TestAnAgentWhoseCertificateIsLongOverRenewsIt(t *testing.T) {
	door, peer := freePort(t), freePort(t)
	n := ready(t, "cluster:", "  listen: "+door, "  advertise: "+door, "  peer_listen: "+peer, "  peer_advertise: "+peer)
	dir, stop := agentOf(t, n)
	eventually(t, "the agent finds its node", func() bool { return wellNodes(dir) == 1 })
	stop()

	path := filepath.Join(dir, "identity.json")
	read := func() (id agent.Identity) {
		b, err := os.ReadFile(path)
		must(t, err)
		must(t, json.Unmarshal(b, &id))
		return id
	}
	id := read()
	text, err := os.ReadFile(filepath.Join(dir, "agent.key"))
	must(t, err)
	block, _ := pem.Decode(text)
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	old := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 7)}
	id.Certificate, err = x509.CreateCertificate(rand.Reader, old, old, k.(crypto.Signer).Public(), k)
	must(t, err)
	changed, err := json.Marshal(id)
	must(t, err)
	must(t, os.WriteFile(path, changed, 0o644))

	core := n.corePID()
	startAgent(t, dir)
	eventually(t, "the agent finds its node", func() bool { return wellNodes(dir) == 1 })
	next, err := x509.ParseCertificate(read().Certificate)
	must(t, err)
	if left := time.Until(next.NotAfter); left < 24*time.Hour {
		t.Errorf("the certificate on disk has %v left", left)
	}
	if now := n.corePID(); now != core { // it says when a certificate has expired, in which time zone is another file
		t.Errorf("the core was %d and is %d: it ended over an expired certificate", core, now)
	}
}
