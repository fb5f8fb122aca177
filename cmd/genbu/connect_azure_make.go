// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/key"
)

// Built-in roles by their ids in Azure (docs/spec/azure.md).
const (
	vaultAdministrator = "00482a5a-887f-4fb3-b363-3b7fe8e74483" // keys, secrets and certificates
	hsmAdministrator   = "a290e904-7015-4bba-90c8-60543313cdb4" // security domain, backups, roles; no use of keys
	hsmCryptoOfficer   = "515eb02d-2335-4d2d-92f2-b1cbdf9c3778" // deleted keys, roles
	hsmCryptoUser      = "21dbd100-6940-42c2-9190-5d6cb909625b" // use of keys
	domainOwner        = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" // of the domain: vaults and managed HSMs as a whole, roles in vaults
)

// rotationIdentity carries rotation policies out, by a role that is made for it.
const (
	rotationIdentity = "rotation"
	rotationRole     = "67656e62-7500-4000-8000-726f74617465"
)

var rotationActions = []string{"Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/rotate/action",
	"Microsoft.KeyVault/managedHsm/keys/read/action", "Microsoft.KeyVault/managedHsm/keys/rotate/action"}

// azureMade is what there is then.
type azureMade struct {
	id           server.Credential
	subscription string   // what Azure's clients call one: the domain
	hosts        []string // labels of all vaults' and managed HSMs' names, below the suffix
}

// make makes what is missing of partitions, identities and roles.
func (want *azureWanted) make(who *admin, at azurePlace) (made azureMade, err error) {
	err = who.as("making vault, managed HSM and identity", func(s *session) error {
		if err := setChanged(s.conn, domainSlot, map[string]string{client.SettingAuthority: at.url("login") + "/adfs",
			client.SettingVaultResource: at.url("vault"), client.SettingManagedResource: at.url("managedhsm"), client.SettingManagerResource: at.url("arm")}); err != nil {
			return err
		}
		vault, err := makeVault(s.conn, want.vault, client.KindVault)
		if err != nil {
			return err
		}
		hsm, err := makeVault(s.conn, want.hsm, client.KindManagedHSM)
		if err != nil {
			return err
		}
		id, err := keepIdentity(s.conn, want.identity, filepath.Join(at.config.Dir, "azure", want.identity+".json"))
		if err != nil {
			return err
		}
		made.id = id
		rotation, err := keepIdentity(s.conn, rotationIdentity, filepath.Join(at.config.Dir, server.AzureRotationFile))
		if err != nil {
			return err
		}
		for slot, roles := range map[uint64][]string{vault: {vaultAdministrator}, hsm: {hsmAdministrator, hsmCryptoOfficer, hsmCryptoUser}} {
			if err := s.conn.PutRole(slot, client.Role{ID: rotationRole, Name: "Genbu Rotation", Description: "Carries out rotation policies.",
				Actions: rotationActions}); err != nil {
				return err
			}
			if err := assign(s.conn, slot, rotation.ID, rotationRole); err != nil {
				return err
			}
			for _, role := range roles {
				if err := assign(s.conn, slot, id.ID, role); err != nil {
					return err
				}
			}
		}
		if want.manage {
			if err := assign(s.conn, domainSlot, id.ID, domainOwner); err != nil {
				return err
			}
		}
		status, err := s.conn.Status()
		if err != nil {
			return err
		}
		made.subscription = uuid(status.Domain)
		list, err := s.conn.Partitions()
		for _, p := range list {
			if label := webLabel(p); label != "" {
				made.hosts = append(made.hosts, label)
			}
		}
		return err
	})
	return made, err
}

// webLabel is the first labels of the host name by which clients of the web doors reach a partition; empty for one that they do not.
func webLabel(p client.Partition) string {
	switch kind := p.Flags & (client.KindVault | client.KindManagedHSM); {
	case kind == 0 || !server.VaultName(p.Label):
		return ""
	case kind == client.KindVault:
		return strings.ToLower(p.Label) + ".vault"
	}
	return strings.ToLower(p.Label) + ".managedhsm"
}

// setChanged changes those settings that are other than wanted.
func setChanged(conn *client.Conn, slot uint64, wanted map[string]string) error {
	have, err := conn.Settings(slot)
	if err != nil {
		return err
	}
	for name, value := range wanted {
		if have[name] == value {
			delete(wanted, name)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return conn.SetSettings(slot, wanted)
}

// makeVault makes a partition of a kind, or finds it. Its PINs are kept as those of genbu up are: PKCS #11 programs use the same keys.
func makeVault(conn *client.Conn, name string, kind uint64) (slot uint64, err error) {
	list, err := conn.Partitions()
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(list, func(p client.Partition) bool { return p.Label == name }); i >= 0 {
		if list[i].Flags&kind == 0 {
			return 0, next(fmt.Errorf("partition %q is there, and of another kind", name), "genbu connect azure --vault my-vault --managed-hsm my-hsm")
		}
		return list[i].Slot, nil
	}
	so, user := newPIN(), newPIN()
	pins := tokenPINs{Label: name, SO: string(so), User: string(user)}
	if _, slot, err = conn.PartitionCreate(name, so, user, kind); err != nil {
		return 0, err
	}
	a, err := readAccess()
	if err != nil || a == nil {
		return slot, err
	}
	was := a.Default
	a.keep(pins)
	a.Default = was
	return slot, a.write()
}

// keepIdentity makes a service identity whose secret is kept in a file, or finds both. A file whose identity is gone, and an identity whose file is
// gone, get a new one.
func keepIdentity(conn *client.Conn, name, file string) (c server.Credential, err error) {
	list, err := conn.Operators(domainSlot)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(list, func(o client.Operator) bool { return o.Name == name })
	if i < 0 {
		if err := conn.OperatorCreate(domainSlot, name, client.Service, nil); err != nil {
			return c, err
		}
		if list, err = conn.Operators(domainSlot); err != nil {
			return c, err
		}
		i = slices.IndexFunc(list, func(o client.Operator) bool { return o.Name == name })
	}
	if i < 0 || list[i].Role != client.Service {
		return c, next(fmt.Errorf("operator %q of the domain is no service identity", name), "genbu connect azure --identity my-program")
	}
	id := uuid(list[i].ID)
	text, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(text, &c) == nil && c.ID == id && c.Secret != "" {
		return c, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return c, err
	}
	_, secret, err := conn.AddSecret(domainSlot, name, 0)
	if err != nil {
		return c, err
	}
	c = server.Credential{ID: id, Secret: string(secret)}
	if text, err = json.MarshalIndent(c, "", "  "); err != nil {
		return c, err
	}
	return c, durable.WriteFile(file, append(text, '\n'), 0o600)
}

// assign gives a role for the whole partition. The assignment's id follows from what it says, so that doing it again changes nothing.
func assign(conn *client.Conn, slot uint64, principal, role string) error {
	sum := sha256.Sum256([]byte("genbu connect azure\x00" + principal + "\x00" + role))
	var id key.ID
	copy(id[:], sum[:])
	return conn.PutAssignment(slot, client.Assignment{ID: uuid(id), Scope: "/", Role: role, Principal: principal})
}

// uuid is an id in the form that Azure's clients expect.
func uuid(id key.ID) string {
	t := hex.EncodeToString(id[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
