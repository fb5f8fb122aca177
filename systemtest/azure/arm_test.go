// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"
	"testing"
)

const armVersion = "?api-version=2024-11-01"

// arm is a request to the resource manager, with its own api-version where the path says none.
func (n *node) arm(method, path, token, body string) answer {
	n.t.Helper()
	if !strings.Contains(path, "?") {
		path += armVersion
	}
	return n.do(method, n.Manager, path, token, body)
}

// armAccess is a token for the resource manager.
func (n *node) armAccess() string {
	n.t.Helper()
	a := n.tokenOf(n.Manager, n.ClientID, n.Secret)
	token, _ := a.body["access_token"].(string)
	if token == "" {
		n.t.Fatalf("no token: %d %s", a.status, a.text)
	}
	return token
}

const newVault = `{"location":"local","properties":{"tenantId":"adfs","sku":{"family":"A","name":"standard"},"accessPolicies":[],"softDeleteRetentionInDays":7}}`

func TestWhoHasNoRoleInTheDomainSeesNoSubscription(t *testing.T) {
	n := newNode(t)
	token := n.armAccess()
	if a := n.arm("GET", "/subscriptions", token, ""); a.status != http.StatusOK || len(a.body["value"].([]any)) != 0 {
		t.Errorf("subscriptions: %d %s", a.status, a.text)
	}
	for _, path := range []string{"/subscriptions/" + n.Subscription, "/subscriptions/" + n.Subscription + "/resources", "/subscriptions/" + n.Subscription + "/providers/Microsoft.KeyVault/vaults"} {
		if a := n.arm("GET", path, token, ""); a.status != http.StatusForbidden || a.code() != "AuthorizationFailed" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	vault := "/subscriptions/" + n.Subscription + "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/shop-vault"
	if a := n.arm("PUT", vault, token, newVault); a.status != http.StatusForbidden || a.code() != "AuthorizationFailed" {
		t.Errorf("make a vault: %d %s", a.status, a.text)
	}
	n.run("operator", "grant", "azure", "--domain", "--role", "Reader")
	if a := n.arm("GET", "/subscriptions", token, ""); a.status != http.StatusOK || len(a.body["value"].([]any)) != 1 {
		t.Errorf("subscriptions of a reader: %d %s", a.status, a.text)
	}
	if a := n.arm("PUT", vault, token, newVault); a.status != http.StatusForbidden || a.code() != "AuthorizationFailed" {
		t.Errorf("a reader makes a vault: %d %s", a.status, a.text)
	}
	for name, bad := range map[string]string{"none": "", "one for vaults": n.access(n.Vault), "a forged one": flip(token)} {
		a := n.arm("GET", "/subscriptions", bad, "")
		if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("Www-Authenticate"), `Bearer authorization_uri="`+n.Authority+`/adfs"`) {
			t.Errorf("token: %s: %d %s", name, a.status, a.text)
		}
	}
	if a := n.do("GET", n.Vault, "/keys", token, ""); a.status != http.StatusUnauthorized {
		t.Errorf("a vault by a token for the resource manager: %d %s", a.status, a.text)
	}
}

// TestTheResourceManagerRefusesAndChangesNothing sends what Azure refuses, and what would be a promise that nobody keeps here.
func TestTheResourceManagerRefusesAndChangesNothing(t *testing.T) {
	n := newNode(t)
	n.run("connect", "azure", "--no-hosts", "--manage")
	token := n.armAccess()
	sub := "/subscriptions/" + n.Subscription
	vaults, hsms := sub+"/resourceGroups/g/providers/Microsoft.KeyVault/vaults", sub+"/resourceGroups/g/providers/Microsoft.KeyVault/managedHSMs"
	deleted := sub + "/providers/Microsoft.KeyVault/locations/local/deletedVaults"
	roles := vaults + "/held-vault/providers/Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-555555555555"
	must := func(method, path, body string, status int) {
		t.Helper()
		if a := n.arm(method, path, token, body); a.status != status {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
		}
	}
	must("PUT", vaults+"/held-vault", strings.Replace(newVault, `"accessPolicies"`, `"enablePurgeProtection":true,"accessPolicies"`, 1), 200)
	must("PUT", vaults+"/gone-vault", newVault, 200)
	must("DELETE", vaults+"/gone-vault", "", 200)
	must("PUT", vaults+"/kept-vault", strings.Replace(newVault, `"accessPolicies"`, `"enablePurgeProtection":true,"accessPolicies"`, 1), 200)
	must("DELETE", vaults+"/kept-vault", "", 200)
	state := func() string {
		return n.arm("GET", sub+"/resources", token, "").text + n.arm("GET", sub+"/providers/Microsoft.KeyVault/vaults", token, "").text +
			n.arm("GET", sub+"/providers/Microsoft.KeyVault/deletedVaults", token, "").text + n.arm("GET", sub+"/providers/Microsoft.Authorization/roleAssignments", token, "").text
	}
	before := state()
	with := func(properties string) string { return `{"location":"local","properties":{` + properties + `}}` }
	role := func(id string) string {
		return `{"properties":{"roleDefinitionId":"` + sub + `/providers/Microsoft.Authorization/roleDefinitions/` + id + `","principalId":"` + n.ClientID + `"}}`
	}
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"another subscription", "GET", "/subscriptions/11111111-2222-3333-4444-555555555555", "", 404, "SubscriptionNotFound"},
		{"no api-version", "GET", "/subscriptions?", "", 400, "MissingApiVersionParameter"},
		{"an api-version that cannot be", "GET", "/subscriptions?api-version=7.4", "", 400, "InvalidApiVersionParameter"},
		{"an api-version twice", "GET", "/subscriptions" + armVersion + "&api-version=2024-11-01", "", 400, "BadParameter"},
		{"no such resource", "GET", sub + "/providers/Microsoft.Compute/virtualMachines", "", 404, "ResourceNotFound"},
		{"a wrong method", "POST", vaults + "/held-vault", "{}", 405, "MethodNotAllowed"},
		{"deleting a group", "DELETE", sub + "/resourceGroups/g", "", 405, "MethodNotAllowed"},
		{"no such vault", "GET", vaults + "/none-vault", "", 404, "ResourceNotFound"},
		{"a vault of another group", "GET", strings.Replace(vaults, "/g/", "/h/", 1) + "/held-vault", "", 404, "ResourceNotFound"},
		{"a vault as a managed HSM", "GET", hsms + "/held-vault", "", 404, "ResourceNotFound"},
		{"a name that cannot be", "PUT", vaults + "/a", newVault, 400, "VaultNameNotValid"},
		{"a name of 25 letters", "PUT", vaults + "/" + strings.Repeat("a", 25), newVault, 400, "VaultNameNotValid"},
		{"a group that cannot be", "GET", sub + "/resourceGroups/%2E", "", 400, "InvalidResourceGroupName"},
		{"a name that is taken, of a PKCS #11 token", "PUT", vaults + "/genbu", newVault, 409, "VaultAlreadyExists"},
		{"one that is taken in another group", "PUT", strings.Replace(vaults, "/g/", "/h/", 1) + "/held-vault", newVault, 409, "VaultAlreadyExists"},
		{"one that is taken by a managed HSM", "PUT", vaults + "/genbu-hsm", newVault, 409, "VaultAlreadyExists"},
		{"one that is deleted", "PUT", vaults + "/gone-vault", newVault, 409, "VaultAlreadyExists"},
		{"no location", "PUT", vaults + "/new-vault", `{"properties":{}}`, 400, "LocationRequired"},
		{"another location", "PUT", vaults + "/held-vault", strings.Replace(newVault, "local", "mars", 1), 409, "InvalidResourceLocation"},
		{"malformed JSON", "PUT", vaults + "/new-vault", `{"location"`, 400, "BadParameter"},
		{"a list", "PUT", vaults + "/new-vault", `[]`, 400, "BadParameter"},
		{"a member twice", "PUT", vaults + "/new-vault", `{"location":"a","location":"b"}`, 400, "BadParameter"},
		{"a member that is not known", "PUT", vaults + "/new-vault", with(`"color":"red"`), 400, "BadParameter"},
		{"access policies", "PUT", vaults + "/new-vault", with(`"accessPolicies":[{"tenantId":"adfs","objectId":"x","permissions":{"keys":["all"]}}]`), 400, "BadParameter"},
		{"no roles", "PUT", vaults + "/new-vault", with(`"enableRbacAuthorization":false`), 400, "BadParameter"},
		{"no soft delete", "PUT", vaults + "/new-vault", with(`"enableSoftDelete":false`), 400, "BadParameter"},
		{"six days", "PUT", vaults + "/new-vault", with(`"softDeleteRetentionInDays":6`), 400, "BadParameter"},
		{"days that are no number", "PUT", vaults + "/new-vault", with(`"softDeleteRetentionInDays":"many"`), 400, "BadParameter"},
		{"a network", "PUT", vaults + "/new-vault", with(`"networkAcls":{"defaultAction":"Deny"}`), 400, "BadParameter"},
		{"addresses", "PATCH", vaults + "/held-vault", `{"properties":{"networkAcls":{"ipRules":[{"value":"10.0.0.0/8"}]}}}`, 400, "BadParameter"},
		{"no public network", "PUT", vaults + "/new-vault", with(`"publicNetworkAccess":"Disabled"`), 400, "BadParameter"},
		{"for deployment", "PUT", vaults + "/new-vault", with(`"enabledForDeployment":true`), 400, "BadParameter"},
		{"another tenant", "PUT", vaults + "/new-vault", with(`"tenantId":"11111111-2222-3333-4444-555555555555"`), 400, "BadParameter"},
		{"another family", "PUT", vaults + "/new-vault", with(`"sku":{"family":"B","name":"standard"}`), 400, "BadParameter"},
		{"16 tags", "PUT", vaults + "/new-vault", `{"location":"local","tags":{` + manyTags(16) + `}}`, 400, "BadParameter"},
		{"a big body", "PUT", vaults + "/new-vault", `{"location":"` + strings.Repeat("x", 300<<10) + `"}`, 413, "RequestEntityTooLarge"},
		{"a managed HSM without administrators", "PUT", hsms + "/new-hsm", `{"location":"local","properties":{}}`, 400, "BadParameter"},
		{"with one that is nobody", "PUT", hsms + "/new-hsm", with(`"initialAdminObjectIds":["11111111-2222-3333-4444-555555555555"]`), 400, "PrincipalNotFound"},
		{"with one that is no id", "PUT", hsms + "/new-hsm", with(`"initialAdminObjectIds":["me"]`), 400, "BadParameter"},
		{"other administrators of one that is there", "PATCH", strings.Replace(hsms, "/g/", "/genbu/", 1) + "/genbu-hsm", `{"properties":{"initialAdminObjectIds":["` + n.ClientID + `"]}}`, 400, "BadParameter"},
		{"recovering what lives", "PUT", vaults + "/held-vault", with(`"createMode":"recover"`), 404, "ResourceNotFound"},
		{"purging what lives", "POST", deleted + "/held-vault/purge", "", 404, "ResourceNotFound"},
		{"purging in another place", "POST", strings.Replace(deleted, "local", "mars", 1) + "/gone-vault/purge", "", 404, "ResourceNotFound"},
		{"purging what is protected", "POST", deleted + "/kept-vault/purge", "", 403, "Forbidden"},
		{"deleting what is not there", "DELETE", vaults + "/none-vault", "", 204, ""},
		{"a role that is not known", "PUT", roles, role("11111111-2222-3333-4444-555555555555"), 400, "BadParameter"},
		{"a role of the domain in a vault", "PUT", roles, role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"), 400, "BadParameter"},
		{"a role of vaults in the subscription", "PUT", sub + "/providers/Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-555555555555", role("00482a5a-887f-4fb3-b363-3b7fe8e74483"), 400, "BadParameter"},
		{"a role in a group", "PUT", sub + "/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-555555555555", role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"), 400, "BadParameter"},
		{"a role for nobody", "PUT", roles, `{"properties":{"roleDefinitionId":"x","principalId":"y"}}`, 400, "BadParameter"},
		{"an assignment that is no UUID", "PUT", strings.Replace(roles, "11111111-", "x", 1), role("00482a5a-887f-4fb3-b363-3b7fe8e74483"), 400, "BadParameter"},
		{"an assignment that is not there", "GET", roles, "", 404, "ResourceNotFound"},
		{"removing one that is not there", "DELETE", roles, "", 204, ""},
		{"a filter that is not known", "GET", sub + "/providers/Microsoft.Authorization/roleAssignments" + armVersion + "&$filter=color%20eq%20'red'", "", 400, "BadParameter"},
		{"a path of 100 steps", "GET", strings.Repeat("/a", 100), "", 404, "NotFound"},
	} {
		a := n.arm(c.method, c.path, token, c.body)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
		if c.code != "" && (a.header.Get("X-Ms-Error-Code") != c.code || a.header.Get("X-Ms-Request-Id") == "") {
			t.Errorf("%s: headers %v", c.name, a.header)
		}
	}
	if after := state(); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}

	// A deleted vault is not found at its own name either, and comes back with its keys.
	must("PUT", roles, role("00482a5a-887f-4fb3-b363-3b7fe8e74483"), 201)
	held := strings.Replace(n.Vault, "genbu-vault", "held-vault", 1)
	vault := n.access(n.Vault)
	n.must200("POST", held, "/keys/k/create", vault, p256)
	must("DELETE", vaults+"/held-vault", "", 200)
	a := n.do("GET", held, "/keys", vault, "")
	if a.status == http.StatusServiceUnavailable { // by a login from before, which is over: clients try that again
		a = n.do("GET", held, "/keys", vault, "")
	}
	if a.status != http.StatusNotFound || a.code() != "VaultNotFound" {
		t.Errorf("keys of a deleted vault: %d %s", a.status, a.text)
	}
	must("PUT", vaults+"/held-vault", with(`"createMode":"recover"`), 200)
	n.must200("GET", held, "/keys/k", vault, "")
	must("POST", deleted+"/gone-vault/purge", "", 202)
	must("PUT", vaults+"/gone-vault", newVault, 200)

	// The command line sees, recovers and ends what was deleted.
	must("DELETE", vaults+"/gone-vault", "", 200)
	if text := string(n.run("partition", "list")); strings.Contains(text, "gone-vault") {
		t.Errorf("a deleted vault is listed:\n%s", text)
	}
	if text := string(n.run("partition", "list", "--deleted")); !strings.Contains(text, "gone-vault") || !strings.Contains(text, "kept-vault") || strings.Contains(text, "held-vault") {
		t.Errorf("deleted vaults:\n%s", text)
	}
	n.run("partition", "recover", "gone-vault")
	must("GET", vaults+"/gone-vault", "", 200)
	must("DELETE", vaults+"/gone-vault", "", 200)
	n.run("partition", "destroy", "gone-vault", "--confirm", "gone-vault")
	must("PUT", vaults+"/gone-vault", newVault, 200)
}

// manyTags writes members of an object.
func manyTags(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"t`+string(rune('a'+i))+`":"v"`)
	}
	return strings.Join(list, ",")
}
