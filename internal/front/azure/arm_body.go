// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
)

// armWanted is what a PUT or PATCH of a vault asks for.
type armWanted struct {
	location, sku string
	tags          map[string]string // nil: as they are
	days          *int64
	protect       bool
	recover       bool
	admins        []string
}

// readVault reads the body of a PUT or PATCH of a vault or managed HSM. What would be a promise that nobody keeps here, such as rules for the
// network or access policies, is refused; what says how it is here anyway is taken.
func readVault(o object, k *armKind, tenants ...string) (w armWanted, err error) {
	o.skip("id", "name", "type", "systemData", "etag")
	w.location = o.text("location")
	if o.has("identity") {
		o.fail("identity", "is not supported: a vault has no identity of its own")
	}
	o.take("identity")
	w.tags = readTags(o)
	w.readSKU(o, k)
	if p, ok := o.object("properties"); ok {
		w.readProperties(p, k, tenants)
		p.end()
	}
	return w, o.end()
}

func (w *armWanted) readSKU(o object, k *armKind) {
	sku, ok := o.object("sku")
	if !ok {
		return
	}
	if family := sku.text("family"); family != "" && !strings.EqualFold(family, k.family) {
		sku.fail("family", "is not "+k.family)
	}
	name := sku.must("name")
	i := slices.IndexFunc(k.skus, func(s string) bool { return strings.EqualFold(s, name) })
	if i < 0 {
		sku.fail("name", "is not one of "+strings.Join(k.skus, ", "))
	} else {
		w.sku = k.skus[i]
	}
	sku.end()
}

func (w *armWanted) readProperties(p object, k *armKind, tenants []string) {
	p.skip("vaultUri", "hsmUri", "provisioningState", "statusMessage", "hsmPoolResourceId", "privateEndpointConnections", "scheduledPurgeDate", "securityDomainProperties", "regions")
	if id := p.text("tenantId"); id != "" && !slices.ContainsFunc(tenants, func(t string) bool { return strings.EqualFold(t, id) }) {
		p.fail("tenantId", "is not this tenant")
	}
	w.readSKU(p, k)
	if len(p.objects("accessPolicies")) > 0 {
		p.fail("accessPolicies", "are not supported; give roles (enableRbacAuthorization)")
	}
	if on := p.flag("enableRbacAuthorization"); on != nil && !*on {
		p.fail("enableRbacAuthorization", "cannot be false: there are no access policies here")
	}
	if on := p.flag("enableSoftDelete"); on != nil && !*on {
		p.fail("enableSoftDelete", "cannot be false")
	}
	for _, name := range []string{"enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment"} {
		if on := p.flag(name); on != nil && *on {
			p.fail(name, "cannot be true: there is no such service here")
		}
	}
	if access := p.text("publicNetworkAccess"); access != "" && !strings.EqualFold(access, "Enabled") {
		p.fail("publicNetworkAccess", "is not Enabled; who reaches the port is not decided here")
	}
	if rules, ok := p.object("networkAcls"); ok {
		if action := rules.text("defaultAction"); action != "" && !strings.EqualFold(action, "Allow") {
			rules.fail("defaultAction", "is not Allow; who reaches the port is not decided here")
		}
		rules.text("bypass")
		for _, name := range []string{"ipRules", "virtualNetworkRules", "serviceTags"} {
			if len(rules.objects(name)) > 0 {
				rules.fail(name, "are not supported; who reaches the port is not decided here")
			}
		}
		rules.end()
	}
	if text, ok := p.members["softDeleteRetentionInDays"].(string); ok { // az writes it so for managed HSMs
		p.members["softDeleteRetentionInDays"] = json.Number(text)
	}
	if w.days = p.number("softDeleteRetentionInDays"); w.days != nil && (*w.days < 7 || *w.days > 90) {
		p.fail("softDeleteRetentionInDays", "is not from 7 to 90")
	}
	if on := p.flag("enablePurgeProtection"); on != nil {
		w.protect = *on
	}
	switch mode := p.text("createMode"); {
	case strings.EqualFold(mode, "recover"):
		w.recover = true
	case mode != "" && !strings.EqualFold(mode, "default"):
		p.fail("createMode", "is not default or recover")
	}
	if k.flag == client.KindManagedHSM {
		w.admins = p.list("initialAdminObjectIds")
		for i, id := range w.admins {
			if w.admins[i] = strings.ToLower(id); !uuidPattern.MatchString(id) {
				p.fail("initialAdminObjectIds", "has something that is no UUID")
			}
		}
	}
}

// apply changes what is kept of a vault to what is wanted.
func (w *armWanted) apply(v *armVault) {
	if w.location != "" {
		v.kept.Location = w.location
	}
	if w.sku != "" {
		v.kept.SKU = w.sku
	}
	if w.tags != nil {
		v.kept.Tags = w.tags
	}
	if w.days != nil {
		v.RetentionDays = uint64(*w.days)
	}
	v.PurgeProtection = v.PurgeProtection || w.protect
	text, _ := json.Marshal(v.kept)
	v.Resource = string(text)
}
