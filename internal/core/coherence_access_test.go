// SPDX-License-Identifier: Apache-2.0

package core

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// What is granted, and by which credential one came, is the same on every node as soon as the change is answered.
func TestGrantsAndTokensHoldOnEveryNode(t *testing.T) {
	herding(t, 3, func(h *herd) {
		admin := h.nodes[0].admin()
		slot := h.nodes[0].partition("vault", client.KindVault)
		w := &world{node: h.nodes[0].node, vault: slot, admin: admin}
		w.must(admin.SetSettings(0, map[string]string{client.SettingAuthority: issuerURL, client.SettingVaultResource: vaultResource}))
		w.client, w.secret = w.identity("app")
		_, second, err := admin.AddSecret(0, "app", 0)
		w.must(err)
		assigned := w.assign(slot, "/", keyVaultAdmin, w.client)
		token := w.token(vaultResource)
		login := func(i int, token string) (*client.Session, error) {
			s, err := h.nodes[i].client().Open(slot, true)
			w.must(err)
			return s, s.LoginBearer([]byte(token))
		}
		var sessions []*client.Session
		for i := range h.nodes {
			s, err := login(i, token)
			w.want("a token of node 0", err, fault.OK)
			sessions = append(sessions, s)
		}
		k := w.create(sessions[0], ecKey("k"))
		each := func(what string, code fault.Code) {
			t.Helper()
			for _, s := range sessions {
				_, err := sign(s, k, key.OpSign, nil)
				w.want(what, err, code)
			}
		}
		each("with the role", fault.OK)
		w.must(admin.RemoveAssignment(slot, assigned))
		each("without it", fault.ObjectUnknown)
		w.assign(slot, "/keys/k", w.role(slot, keyVaults+"keys/sign/action"), w.client)
		each("with another", fault.OK)

		list, err := admin.Credentials(0, "app")
		w.must(err)
		w.must(admin.RemoveCredential(0, "app", list[0].ID))
		each("after a credential was removed", fault.NotLoggedIn)
		for i := range h.nodes {
			_, err := login(i, token)
			w.want("the token from before", err, fault.TokenInvalid)
		}
		w.secret = string(second)
		fresh := w.token(vaultResource)
		for i := range h.nodes {
			sessions[i], err = login(i, fresh)
			w.want("by the other credential", err, fault.OK)
		}
		each("by the other credential", fault.OK)
		w.must(admin.OperatorSet(0, "app", client.Disable, nil))
		each("disabled", fault.NotLoggedIn)
	})
}

// A vault that was deleted is nobody's on any node, and somebody's again on all of them.
func TestADeletedVaultIsGoneOnEveryNode(t *testing.T) {
	herding(t, 2, func(h *herd) {
		admin := h.nodes[0].admin()
		w := &world{node: h.nodes[0].node, admin: admin}
		w.must(admin.SetSettings(0, map[string]string{client.SettingAuthority: issuerURL, client.SettingVaultResource: vaultResource}))
		id, slot, err := admin.VaultCreate(client.VaultInfo{Name: "shop", Flags: client.KindVault, RetentionDays: 7}, nil)
		w.must(err)
		w.vault = slot
		w.client, w.secret = w.identity("app")
		w.assign(slot, "/", keyVaultAdmin, w.client)
		login := func(i int) (*client.Session, error) {
			s, err := h.nodes[i].client().Open(slot, true)
			if err == nil {
				err = s.LoginBearer([]byte(w.token(vaultResource)))
			}
			return s, err
		}
		there, err := login(1)
		w.want("log in at the other node", err, fault.OK)
		k := w.create(there, ecKey("k"))
		w.must(admin.VaultDelete(id))
		_, err = sign(there, k, key.OpSign, nil)
		w.want("sign at the other node", err, fault.SessionUnknown)
		_, err = login(1)
		w.want("log in there", err, fault.PartitionUnknown)
		w.must(admin.VaultRecover(id))
		there, err = login(1)
		w.want("log in after recovery", err, fault.OK)
		_, err = sign(there, k, key.OpSign, nil)
		w.want("sign after recovery", err, fault.OK)
		w.must(admin.VaultDelete(id))
		w.must(admin.VaultPurge(id))
		_, err = login(1)
		w.want("after it was purged", err, fault.PartitionUnknown)
	})
}
