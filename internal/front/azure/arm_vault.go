// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// armKind is what there is to manage: vaults and managed HSMs differ in words alone.
type armKind struct {
	resource string // type of the resource
	segment  string // of its path
	deleted  string // segment for those that were deleted
	flag     uint64
	host     string // second label of host names
	family   string // of its SKU
	skus     []string
}

var armKinds = []armKind{
	{"Microsoft.KeyVault/vaults", "vaults", "deletedVaults", client.KindVault, KindVault, "A", []string{"standard", "premium"}},
	{"Microsoft.KeyVault/managedHSMs", "managedHSMs", "deletedManagedHSMs", client.KindManagedHSM, KindManagedHSM, "B", []string{"Standard_B1", "Custom_B32", "Custom_B6"}},
}

// defaultGroup is where vaults are that were not made here.
const defaultGroup = "genbu"

// armKept is what the core keeps for us with each vault, as JSON.
type armKept struct {
	Group    string            `json:"group,omitempty"`
	Location string            `json:"location,omitempty"`
	SKU      string            `json:"sku,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Admins   []string          `json:"admins,omitempty"` // the first administrators of a managed HSM
}

// armVault is one, deleted or not.
type armVault struct {
	client.VaultInfo
	kind *armKind
	kept armKept
}

// vaults lists those that the caller may see and that pass, by name.
func (c *armCall) vaults(pass func(k *armKind, v *armVault) bool) (out []*armVault, err error) {
	list, err := c.conn.VaultList()
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		v := &armVault{VaultInfo: info}
		v.kind = &armKinds[slices.IndexFunc(armKinds, func(k armKind) bool { return info.Flags&k.flag != 0 })]
		json.Unmarshal([]byte(info.Resource), &v.kept) // our own words; of one that was made elsewhere there are none
		v.kept.fill(v.kind)
		if ValidVaultName(v.Name) && pass(v.kind, v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *armVault) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (k *armKept) fill(kind *armKind) {
	if k.Group == "" {
		k.Group = defaultGroup
	}
	if k.Location == "" {
		k.Location = armLocation
	}
	if k.SKU == "" {
		k.SKU = kind.skus[0]
	}
	if k.Tags == nil {
		k.Tags = map[string]string{}
	}
}

// inGroup tells whether a vault is in the group that the path names, if it names one.
func (c *armCall) inGroup(v *armVault) bool {
	group, asked := c.names["group"]
	return !asked || strings.EqualFold(group, v.kept.Group)
}

// vault finds the one of the path.
func (c *armCall) vault(k *armKind, deleted bool) (*armVault, error) {
	list, err := c.vaults(func(kind *armKind, v *armVault) bool {
		return kind == k && strings.EqualFold(v.Name, c.names["name"]) && v.Deleted != 0 == deleted && c.inGroup(v)
	})
	if err == nil && len(list) == 0 {
		err = fault.PartitionUnknown
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (c *armCall) vaultID(v *armVault) string {
	return "/subscriptions/" + c.domain + "/resourceGroups/" + v.kept.Group + "/providers/" + v.kind.resource + "/" + v.Name
}

func (c *armCall) deletedID(v *armVault) string {
	return "/subscriptions/" + c.domain + "/providers/Microsoft.KeyVault/locations/" + v.kept.Location + "/" + v.kind.deleted + "/" + v.Name
}

// address is the vault's own.
func (c *armCall) address(v *armVault) string {
	return "https://" + strings.ToLower(v.Name) + "." + v.kind.host + "." + c.door.Suffix + c.host.port + "/"
}

// armSKU, armProperties and armResource are a vault or managed HSM as it is answered.
type armSKU struct {
	Family string `json:"family"`
	Name   string `json:"name"`
}

type armProperties struct {
	Tenant        string   `json:"tenantId"`
	SKU           *armSKU  `json:"sku,omitempty"`
	Policies      *[]any   `json:"accessPolicies,omitempty"`
	RBAC          *bool    `json:"enableRbacAuthorization,omitempty"`
	Admins        []string `json:"initialAdminObjectIds,omitempty"`
	SoftDelete    bool     `json:"enableSoftDelete"`
	Days          uint64   `json:"softDeleteRetentionInDays"`
	Protection    *bool    `json:"enablePurgeProtection,omitempty"`
	VaultURI      string   `json:"vaultUri,omitempty"`
	HSMURI        string   `json:"hsmUri,omitempty"`
	Domain        any      `json:"securityDomainProperties,omitempty"`
	State         string   `json:"provisioningState"`
	PublicNetwork string   `json:"publicNetworkAccess"`
}

type armResource struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	SKU        *armSKU           `json:"sku,omitempty"`
	Properties armProperties     `json:"properties"`
}

func (c *armCall) resource(v *armVault) armResource {
	sku, on := &armSKU{v.kind.family, v.kept.SKU}, true
	r := armResource{c.vaultID(v), v.Name, v.kind.resource, v.kept.Location, v.kept.Tags, nil, armProperties{Tenant: c.domain, SoftDelete: true,
		Days: v.RetentionDays, State: "Succeeded", PublicNetwork: "Enabled"}}
	if v.PurgeProtection {
		r.Properties.Protection = &on
	}
	if v.kind.flag == client.KindManagedHSM {
		r.SKU, r.Properties.HSMURI, r.Properties.Admins = sku, c.address(v), v.kept.Admins
		r.Properties.Domain = map[string]string{"activationStatus": "Active", "activationStatusMessage": "A managed HSM of Genbu is active as soon as it is made."}
	} else {
		r.Properties.SKU, r.Properties.VaultURI, r.Properties.Policies, r.Properties.RBAC = sku, c.address(v), &[]any{}, &on
	}
	return r
}

// deletedResource is one that can be recovered or purged.
func (c *armCall) deletedResource(v *armVault) map[string]any {
	at := time.Unix(v.Deleted, 0).UTC()
	properties := map[string]any{"location": v.kept.Location, "tags": v.kept.Tags, "purgeProtectionEnabled": v.PurgeProtection,
		"deletionDate": at.Format(time.RFC3339), "scheduledPurgeDate": at.AddDate(0, 0, int(v.RetentionDays)).Format(time.RFC3339)}
	properties[map[uint64]string{client.KindVault: "vaultId", client.KindManagedHSM: "mhsmId"}[v.kind.flag]] = c.vaultID(v)
	return map[string]any{"id": c.deletedID(v), "name": v.Name, "type": "Microsoft.KeyVault/" + v.kind.deleted, "properties": properties}
}
