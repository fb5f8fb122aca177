// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
)

func TestPathsOfTheResourceManagerAreReadAsClientsWriteThem(t *testing.T) {
	const sub = "/subscriptions/11111111-2222-3333-4444-555555555555"
	for _, c := range []struct{ method, path, pattern, name, item string }{
		{"GET", "/subscriptions", "subscriptions", "", ""},
		{"GET", "/Subscriptions/", "subscriptions", "", ""},
		{"PUT", sub + "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/abc", "subscriptions/{sub}/resourcegroups/{group}/providers/microsoft.keyvault/vaults/{name}", "abc", ""},
		{"GET", sub + "/RESOURCEGROUPS/g/providers/microsoft.keyvault/managedHsms/abc", "subscriptions/{sub}/resourcegroups/{group}/providers/microsoft.keyvault/managedHSMs/{name}", "abc", ""},
		{"POST", sub + "/providers/Microsoft.KeyVault/locations/local/deletedVaults/abc/purge", "subscriptions/{sub}/providers/microsoft.keyvault/locations/{location}/deletedVaults/{name}/purge", "abc", ""},
		{"GET", sub + "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/abc/secrets/s/providers/Microsoft.Authorization/roleAssignments",
			"subscriptions/{sub}/resourcegroups/{group}/providers/microsoft.keyvault/vaults/{name}/secrets/{item}/providers/microsoft.authorization/roleassignments", "abc", "s"},
	} {
		a := &armCall{r: httptest.NewRequest(c.method, c.path+"?api-version=2024-11-01", nil)}
		if err := a.find(); err != nil || a.op.pattern != c.pattern || a.names["name"] != c.name || a.names["item"] != c.item {
			t.Errorf("%s: %v %+v", c.path, err, a.op)
		}
	}
}

// TestWhatIsSaidOfAVaultIsWhatWasAskedFor: the body of a GET can be sent back as it came, as az and Terraform do.
func TestWhatIsSaidOfAVaultIsWhatWasAskedFor(t *testing.T) {
	for i := range armKinds {
		k := &armKinds[i]
		v := &armVault{VaultInfo: client.VaultInfo{Name: "abc", Flags: k.flag, RetentionDays: 9, PurgeProtection: true}, kind: k,
			kept: armKept{Location: "mars", SKU: k.skus[1], Tags: map[string]string{"a": "b"}}}
		v.kept.fill(k)
		c := &armCall{door: &Door{Suffix: "genbu.localhost"}, domain: "11111111-2222-3333-4444-555555555555"}
		text, err := json.Marshal(c.resource(v))
		if err != nil {
			t.Fatal(err)
		}
		o, err := readObject(text)
		if err != nil {
			t.Fatal(err)
		}
		w, err := readVault(o, k, c.domain, tenant)
		if err != nil || w.location != "mars" || w.sku != k.skus[1] || w.tags["a"] != "b" || *w.days != 9 || !w.protect || w.recover {
			t.Errorf("%s: %v %+v", k.segment, err, w)
		}
	}
}

func TestFiltersOfRolesAreReadAsClientsWriteThem(t *testing.T) {
	all := members[client.Role]{"roleName": func(v client.Role) string { return v.Name }, "principalId": func(v client.Role) string { return v.ID }}
	v := client.Role{ID: "x", Name: "Key Vault Reader"}
	for text, want := range map[string]bool{"": true, "atScope()": true, "roleName eq 'Key Vault Reader'": true, "roleName eq 'key vault reader'": true, "roleName eq 'Owner'": false,
		"atScope() and assignedTo('x')": true, "assignedTo('y')": false, "principalId eq 'x' and roleName eq 'Owner'": false} {
		if wanted, err := all.filter(text); err != nil || wanted(v) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"color eq 'red'", "roleName ne 'x'", "roleName eq x", "roleName eq '", "eq", "roleName eq 'x' or roleName eq 'y'' and"} {
		if wanted, err := all.filter(text); err == nil && wanted(v) {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzArmRoute(f *testing.F) {
	f.Add("PUT", "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/Microsoft.KeyVault/vaults/abc", "api-version=2024-11-01", "roleName eq 'x'")
	f.Add("GET", "/subscriptions/x/providers/Microsoft.Authorization/roleAssignments/y", "api%2Dversion=2022-04-01&$filter=atScope()", "atScope() and assignedTo('y')")
	f.Fuzz(func(t *testing.T, method, path, query, filter string) {
		r := &http.Request{Method: method, URL: httptest.NewRequest("GET", "https://x/", nil).URL}
		r.URL.Path, r.URL.RawQuery = path, query
		c := &armCall{r: r}
		if err := c.find(); err != nil {
			if e := armRefusal(err); e.status < 400 || e.status > 405 || e.code == "" {
				t.Errorf("%d %v", e.status, err)
			}
			return
		}
		if name, there := c.names["name"]; there && !ValidVaultName(name) || c.op.method != method {
			t.Errorf("%q %q", name, c.op.method)
		}
		roleMembers.filter(filter)
		quoted(filter, "name eq ")
	})
}

// FuzzArmBody reads any bytes as every body of the resource manager and of roles.
func FuzzArmBody(f *testing.F) {
	for _, seed := range []string{`{"location":"local","tags":{"a":"b"},"properties":{"tenantId":"adfs","sku":{"family":"A","name":"standard"},"accessPolicies":[],"createMode":"recover"}}`,
		`{"location":"local","sku":{"family":"B","name":"Standard_B1"},"properties":{"initialAdminObjectIds":["11111111-2222-3333-4444-555555555555"],"softDeleteRetentionInDays":"7"}}`,
		`{"properties":{"networkAcls":{"defaultAction":"Deny","ipRules":[{"value":"10.0.0.0/8"}]},"enablePurgeProtection":true}}`,
		`{"properties":{"roleDefinitionId":"/x/11111111-2222-3333-4444-555555555555","principalId":"11111111-2222-3333-4444-555555555555"}}`,
		`{"properties":{"roleName":"x","permissions":[{"dataActions":["Microsoft.KeyVault/managedHsm/keys/*"]}],"assignableScopes":["/"]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, read := range []func(o object) error{
			func(o object) error { _, err := readVault(o, &armKinds[0], tenant); return err },
			func(o object) error { _, err := readVault(o, &armKinds[1], tenant); return err },
			func(o object) error {
				v, err := readAssignment(o)
				if err == nil && (!uuidPattern.MatchString(v.Role) || !uuidPattern.MatchString(v.Principal)) {
					t.Errorf("took %+v", v)
				}
				return err
			},
			func(o object) error {
				v, err := readRole(o, managedActions)
				for _, a := range v.Actions {
					if err == nil && !strings.HasPrefix(strings.ToLower(a), strings.ToLower(managedActions)) {
						t.Errorf("took %q", a)
					}
				}
				return err
			},
		} {
			o, err := readObject(text)
			if err != nil {
				return
			}
			if read(o) == nil && len(o.members) > 0 {
				t.Errorf("body %d: members are left, and nothing was said", i)
			}
		}
	})
}
