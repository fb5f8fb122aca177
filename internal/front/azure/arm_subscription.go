// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/key"
)

// armLocation is the one place there is.
const armLocation = "local"

// metadata answers where everything is, to anybody: az cloud register and Terraform ask for it before anybody has logged in.
func (d *Door) metadata(w http.ResponseWriter, r *http.Request, h host) bool {
	if strings.ToLower(strings.Trim(r.URL.Path, "/")) != "metadata/endpoints" || r.Method != http.MethodGet {
		return false
	}
	login, base := h.authority(d.Suffix)+"/"+tenant, h.base()
	cloud := map[string]any{
		"name":            "Genbu",
		"resourceManager": base,
		"portalEndpoint":  base, "galleryEndpoint": base, "graphEndpoint": base, // as az of 2023 reads them
		"portal": base, "gallery": base, "graph": base, "graphAudience": base, "microsoftGraphResourceId": base, "batch": base, "media": base,
		"sqlManagement": base, "vmImageAliasDoc": "", "activeDirectoryDataLake": base, "ossrdbmsResourceId": base, "logAnalyticsResourceId": base,
		"appInsightsResourceId": base, "synapseAnalyticsResourceId": base, "attestationResourceId": base, "appServiceResourceId": base,
		"authentication": map[string]any{"loginEndpoint": login, "audiences": []string{base}, "tenant": tenant, "identityProvider": "ADFS"},
		"suffixes": map[string]string{"keyVaultDns": KindVault + "." + d.Suffix + h.port, "mhsmDns": KindManagedHSM + "." + d.Suffix + h.port,
			"storage": "", "sqlServerHostname": "", "acrLoginServer": ""},
	}
	if version := r.URL.Query().Get("api-version"); version == "2019-05-01" || version == "2020-06-01" { // a list of clouds
		reply(w, http.StatusOK, []any{cloud})
		return true
	}
	reply(w, http.StatusOK, cloud)
	return true
}

func uuidOf(id key.ID) string {
	s := hex.EncodeToString(id[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (c *armCall) subscription() map[string]any {
	return map[string]any{"id": "/subscriptions/" + c.domain, "subscriptionId": c.domain, "tenantId": c.domain, "displayName": c.door.Suffix, "state": "Enabled",
		"authorizationSource": "RoleBased", "subscriptionPolicies": map[string]string{"locationPlacementId": "Public_2014-09-01", "quotaId": "Genbu", "spendingLimit": "Off"}}
}

func tenantList(c *armCall) error {
	return c.answer(http.StatusOK, page{Value: []any{map[string]any{"id": "/tenants/" + c.domain, "tenantId": tenant, "displayName": c.door.Suffix}}})
}

func subscriptionList(c *armCall) error {
	return c.answer(http.StatusOK, page{Value: []any{c.subscription()}})
}

func subscriptionGet(c *armCall) error { return c.answer(http.StatusOK, c.subscription()) }

func locationList(c *armCall) error {
	return c.answer(http.StatusOK, page{Value: []any{map[string]any{"id": "/subscriptions/" + c.domain + "/locations/" + armLocation, "name": armLocation,
		"displayName": armLocation, "regionalDisplayName": armLocation, "type": "Region", "metadata": map[string]string{"regionType": "Physical", "regionCategory": "Recommended"}}}})
}

func (c *armCall) groupOf(name string) map[string]any {
	return map[string]any{"id": "/subscriptions/" + c.domain + "/resourceGroups/" + name, "name": name, "type": "Microsoft.Resources/resourceGroups",
		"location": armLocation, "properties": map[string]string{"provisioningState": "Succeeded"}}
}

// groupList lists those that some vault is in.
func groupList(c *armCall) error {
	list, err := c.vaults(func(k *armKind, v *armVault) bool { return v.Deleted == 0 })
	if err != nil {
		return err
	}
	names := []string{defaultGroup}
	for _, v := range list {
		if !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, v.kept.Group) }) {
			names = append(names, v.kept.Group)
		}
	}
	p := page{Value: []any{}}
	for _, name := range names {
		p.Value = append(p.Value, c.groupOf(name))
	}
	return c.answer(http.StatusOK, p)
}

func groupGet(c *armCall) error {
	if c.r.Method == http.MethodHead {
		return c.none()
	}
	return c.answer(http.StatusOK, c.groupOf(c.names["group"]))
}

// resourceList is how clients find vaults by name: the filter says which type, and perhaps which name.
func resourceList(c *armCall) error {
	filter := c.query.values.Get("$filter")
	kinds := map[*armKind]bool{}
	for i := range armKinds {
		kinds[&armKinds[i]] = filter == "" || strings.Contains(strings.ToLower(filter), "'microsoft.keyvault/"+strings.ToLower(armKinds[i].segment)+"'")
	}
	name := quoted(filter, "name eq ")
	list, err := c.vaults(func(k *armKind, v *armVault) bool {
		return kinds[k] && v.Deleted == 0 && (name == "" || strings.EqualFold(name, v.Name)) && c.inGroup(v)
	})
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		p.Value = append(p.Value, map[string]any{"id": c.vaultID(v), "name": v.Name, "type": v.kind.resource, "location": v.kept.Location, "tags": v.kept.Tags})
	}
	return c.answer(http.StatusOK, p)
}

// quoted finds the text in quotes that follows some words.
func quoted(text, after string) string {
	_, rest, ok := strings.Cut(text, after+"'")
	if value, _, closed := strings.Cut(rest, "'"); ok && closed {
		return value
	}
	return ""
}
