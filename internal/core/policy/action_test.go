// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math/bits"
	"testing"

	"github.com/genbu-hsm/genbu/key"
)

func TestEveryActionHasANameAndEveryNameAnAction(t *testing.T) {
	var all Action
	for _, n := range actionNames {
		a, err := ActionOf(n.name)
		if err != nil || a != n.what {
			t.Errorf("%s is %b, %v", n.name, a, err)
		}
		all |= a
	}
	if all != allActions {
		t.Errorf("actions without a name: %b", allActions&^all)
	}
	for _, n := range controlNames {
		if a, err := ControlOf(n.name); err != nil || a != n.what {
			t.Errorf("%s is %b, %v", n.name, a, err)
		}
	}
	for _, name := range []string{"", "keys/read", "Microsoft.KeyVault/vaults/keys/fly/action", "Microsoft.KeyVault/vaults/keys/rea", "x*"} {
		if a, err := ActionOf(name); err == nil {
			t.Errorf("%q is %b", name, a)
		}
	}
	keys, err := ActionOf("Microsoft.KeyVault/vaults/keys/*")
	if err != nil || keys&secretActions != 0 || keys&KeySign == 0 || keys&KeyPurge == 0 {
		t.Errorf("keys/* is %b, %v", keys, err)
	}
}

// TestRolesOfTheDomainAreNoRightToKeys: whatever a role of the domain names, nothing of it is a data action.
func TestRolesOfTheDomainAreNoRightToKeys(t *testing.T) {
	all, err := ControlOf("*")
	if err != nil || all != controlActions || all&(keyActions|secretActions|certificateAll|Random|HSMBackup|HSMRestore|DomainDownload|DomainUpload) != 0 {
		t.Errorf("* is %b, %v", all, err)
	}
	if reads, err := ControlOf("*/read"); err != nil || reads != VaultRead|ManagedRead|AssignmentRead|RoleRead {
		t.Errorf("*/read is %b, %v", reads, err)
	}
	if data, err := ActionOf("Microsoft.KeyVault/vaults/*"); err != nil || data&(controlActions&^(AssignmentRead|AssignmentWrite|AssignmentDelete|RoleRead|RoleWrite|RoleDelete)) != 0 {
		t.Errorf("vaults/* of a partition is %b, %v", data, err)
	}
	for _, name := range []string{"Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.KeyVault/managedHsm/keys/sign/action"} {
		if a, err := ControlOf(name); err == nil {
			t.Errorf("%s is %b", name, a)
		}
	}
}

func TestGroupsOfActionsDoNotOverlap(t *testing.T) {
	if keyActions&secretActions|secretActions&certificateAll|keyActions&certificateAll != 0 {
		t.Error("they do")
	}
	if n := bits.OnesCount64(uint64(keyActions)); n != 19 {
		t.Errorf("%d actions with keys", n)
	}
	if keyActions&SecretGet != 0 || secretActions&SecretRestore == 0 || secretActions&CertificateRead != 0 || certificateAll&AssignmentRead != 0 ||
		certificateAll&CertificateContacts == 0 {
		t.Error("a bound is off by one")
	}
}

func TestScopesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]Scope{
		"/": {}, "": {}, "/keys": {key.GroupKeys, ""}, "/keys/a-1": {key.GroupKeys, "a-1"}, "/secrets/x": {key.GroupSecrets, "x"},
		"/certificates": {key.GroupCertificates, ""},
	} {
		if got, err := ParseScope(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"keys", "/keys/", "/keys/a/b", "//keys", "/Keys", "/keys/ä", "/vaults", "/keys/a b"} {
		if got, err := ParseScope(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
