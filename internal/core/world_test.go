// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	issuerURL     = "https://localhost:8443/adfs"
	vaultResource = "https://vault.genbu.localhost:8443"
	hsmResource   = "https://managedhsm.genbu.localhost:8443"

	keyVaultAdmin = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
	hsmAdmin      = "a290e904-7015-4bba-90c8-60543313cdb4"
	hsmUser       = "21dbd100-6940-42c2-9190-5d6cb909625b"
	someUUID      = "11111111-2222-3333-4444-555555555555"
)

// world is a node with a vault and a service identity that has a secret, and every right in the vault; newHSMWorld has a
// managed HSM besides.
type world struct {
	*node
	admin      *client.Conn
	vault, hsm uint64
	client     string // the identity's client id
	secret     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n := newNode(t)
	n.initialize("file", 0, 0)
	w := &world{node: n, vault: n.partition("vault", client.KindVault)}
	w.admin = n.admin()
	w.must(w.admin.SetSettings(0, map[string]string{client.SettingAuthority: issuerURL, client.SettingVaultResource: vaultResource,
		client.SettingManagedResource: hsmResource}))
	w.client, w.secret = w.identity("app")
	w.assign(w.vault, "/", keyVaultAdmin, w.client)
	return w
}

func newHSMWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.hsm = w.partition("hsm", client.KindManagedHSM)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// identity makes a service identity with a secret.
func (w *world) identity(name string) (id, secret string) {
	w.t.Helper()
	w.must(w.admin.OperatorCreate(0, name, client.Service, nil))
	_, b, err := w.admin.AddSecret(0, name, 0)
	w.must(err)
	return w.idOf(0, name), string(b)
}

func (w *world) idOf(slot uint64, name string) string {
	w.t.Helper()
	list, err := w.admin.Operators(slot)
	w.must(err)
	for _, o := range list {
		if o.Name == name {
			return uuid(o.ID)
		}
	}
	w.t.Fatal("no operator " + name)
	return ""
}

func (w *world) assign(slot uint64, scope, role, principal string) (id string) {
	w.t.Helper()
	id = uuid(randomID())
	w.must(w.admin.PutAssignment(slot, client.Assignment{ID: id, Scope: scope, Role: role, Principal: principal}))
	return id
}

func (w *world) token(resource string) string {
	w.t.Helper()
	return w.tokenFor(w.client, w.secret, resource)
}

func (w *world) tokenFor(id, secret, resource string) string {
	w.t.Helper()
	token, seconds, err := w.node.client().IssueToken(id, client.ClientSecret, []byte(secret), resource+"/.default")
	w.must(err)
	if seconds != 3600 {
		w.t.Errorf("the token lasts %d s", seconds)
	}
	return token
}

// bearer tries to log in by a token.
func (w *world) bearer(slot uint64, token string) (*client.Session, error) {
	w.t.Helper()
	s, err := w.node.client().Open(slot, true)
	w.must(err)
	return s, s.LoginBearer([]byte(token))
}

// session is logged in by the identity's own token.
func (w *world) session(slot uint64) *client.Session {
	w.t.Helper()
	resource := vaultResource
	if slot == w.hsm {
		resource = hsmResource
	}
	s, err := w.bearer(slot, w.token(resource))
	w.must(err)
	return s
}

// as is logged in by another identity's.
func (w *world) as(slot uint64, id, secret string) *client.Session {
	w.t.Helper()
	resource := vaultResource
	if slot == w.hsm {
		resource = hsmResource
	}
	s, err := w.bearer(slot, w.tokenFor(id, secret, resource))
	w.must(err)
	return s
}

// user is the partition's first crypto-user, over PKCS #11's calls.
func (w *world) user(slot uint64) *client.Session {
	w.t.Helper()
	s, err := w.node.client().Open(slot, true)
	w.must(err)
	_, err = s.Login(client.User, "", []byte("user-pin"))
	w.must(err)
	return s
}

// later lets time pass. What is counted is flushed before, as each second would.
func (w *world) later(d time.Duration) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if w.core.Tick(); w.core.log.Lag(w.core.system.Boot()) == 0 {
			break
		}
		if time.Now().After(deadline) {
			w.t.Fatal("counts are not flushed")
		}
	}
	w.machine.skew.Add(int64(d))
}

var p256 = []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}

func ecKey(name string) client.KeySpec {
	return client.KeySpec{Name: name, Type: key.TypeEC, Curve: p256, Ops: key.OpSign | key.OpVerify}
}

func aes256(name string) client.KeySpec {
	return client.KeySpec{Name: name, Type: key.TypeAES, Bits: 256, Ops: key.OpEncrypt | key.OpDecrypt | key.OpWrap | key.OpUnwrap}
}

func (w *world) create(s *client.Session, k client.KeySpec) client.Named {
	w.t.Helper()
	n, err := s.CreateKey(k)
	w.must(err)
	return n
}

func (w *world) want(what string, err error, code fault.Code) {
	w.t.Helper()
	want(w.t, what, err, code)
}
