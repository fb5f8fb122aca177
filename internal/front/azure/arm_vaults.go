// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// defaultRetention is how many days a vault keeps what is deleted, when nobody says.
const defaultRetention = 90

// vaultList is Vaults_ListBySubscription and _ListByResourceGroup, and the same for managed HSMs.
func vaultList(c *armCall, k *armKind) error {
	list, err := c.vaults(func(kind *armKind, v *armVault) bool { return kind == k && v.Deleted == 0 && c.inGroup(v) })
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		p.Value = append(p.Value, c.resource(v))
	}
	return c.answer(http.StatusOK, p)
}

func vaultGet(c *armCall, k *armKind) error {
	v, err := c.vault(k, false)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.resource(v))
}

// vaultPut makes a vault, recovers it, or changes the one that is there. Everything is done when it answers, so nobody has to poll.
func vaultPut(c *armCall, k *armKind) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	w, err := readVault(o, k, c.domain, tenant)
	if err != nil {
		return err
	}
	if w.recover {
		return vaultRecover(c, k)
	}
	v, err := c.vault(k, false)
	if err == nil {
		return vaultChange(c, v, &w)
	}
	if fault.Of(err) != fault.PartitionUnknown && fault.Of(err) != fault.Denied { // who may write and not read: the core knows them
		return err
	}
	if w.location == "" {
		return &apiError{http.StatusBadRequest, "LocationRequired", "", "The location property is required for this definition.", nil}
	}
	if k.flag == client.KindManagedHSM && len(w.admins) == 0 {
		return badParameter("Property 'properties.initialAdminObjectIds' is required: nobody else could name an administrator.")
	}
	v = &armVault{VaultInfo: client.VaultInfo{Name: c.names["name"], Flags: k.flag, RetentionDays: defaultRetention}, kind: k,
		kept: armKept{Group: c.names["group"], Admins: w.admins}}
	v.kept.fill(k)
	w.apply(v)
	if v.ID, v.Slot, err = c.conn.VaultCreate(v.VaultInfo, w.admins); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.resource(v))
}

// vaultPatch is Vaults_Update.
func vaultPatch(c *armCall, k *armKind) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	w, err := readVault(o, k, c.domain, tenant)
	if err != nil {
		return err
	}
	v, err := c.vault(k, false)
	if err != nil {
		return err
	}
	return vaultChange(c, v, &w)
}

func vaultChange(c *armCall, v *armVault, w *armWanted) error {
	if w.location != "" && !strings.EqualFold(w.location, v.kept.Location) {
		return &apiError{http.StatusConflict, "InvalidResourceLocation", "", "The vault is in another location, and stays there: '" + v.kept.Location + "'.", nil}
	}
	if len(w.admins) > 0 && !slices.Equal(w.admins, v.kept.Admins) {
		return badParameter("Property 'properties.initialAdminObjectIds' is for a new managed HSM; its administrators give roles in it.")
	}
	w.location = ""
	w.apply(v)
	if err := c.conn.VaultSet(v.VaultInfo); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.resource(v))
}

func vaultRecover(c *armCall, k *armKind) error {
	v, err := c.vault(k, true)
	if err == nil {
		err = c.conn.VaultRecover(v.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.resource(v))
}

// vaultDelete takes it away; it can be recovered.
func vaultDelete(c *armCall, k *armKind) error {
	v, err := c.vault(k, false)
	if fault.Of(err) == fault.PartitionUnknown {
		return c.none()
	}
	if err == nil {
		err = c.conn.VaultDelete(v.ID)
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]any{})
}

func deletedList(c *armCall, k *armKind) error {
	list, err := c.vaults(func(kind *armKind, v *armVault) bool { return kind == k && v.Deleted != 0 })
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	for _, v := range list {
		p.Value = append(p.Value, c.deletedResource(v))
	}
	return c.answer(http.StatusOK, p)
}

// deletedVault finds the deleted one of the path, which names its location.
func (c *armCall) deletedVault(k *armKind) (*armVault, error) {
	v, err := c.vault(k, true)
	if err == nil && !strings.EqualFold(v.kept.Location, c.names["location"]) {
		err = fault.PartitionUnknown
	}
	return v, err
}

func deletedGet(c *armCall, k *armKind) error {
	v, err := c.deletedVault(k)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.deletedResource(v))
}

// deletedPurge destroys it. It is done when this answers; clients want a long operation all the same, whose end armResult tells.
func deletedPurge(c *armCall, k *armKind) error {
	v, err := c.deletedVault(k)
	if err == nil {
		err = c.conn.VaultPurge(v.ID)
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", c.host.base()+"/subscriptions/"+c.domain+"/providers/Microsoft.KeyVault/locations/"+v.kept.Location+"/operationResults/"+uuidOf(v.ID)+
		"?api-version="+c.query.apiVersion())
	return c.answer(http.StatusAccepted, map[string]any{})
}

// armResult tells what became of a purge: the vault of this id is there no more.
func armResult(c *armCall) error {
	list, err := c.vaults(func(_ *armKind, v *armVault) bool { return strings.EqualFold(uuidOf(v.ID), c.names["id"]) })
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return c.answer(http.StatusConflict, map[string]any{"error": map[string]string{"code": "Conflict", "message": "The vault is still there."}})
	}
	return c.answer(http.StatusOK, map[string]any{})
}

// nameAvailable is Vaults_CheckNameAvailability. Names of PKCS #11 tokens are taken too.
func nameAvailable(c *armCall) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	name := o.must("name")
	o.skip("type")
	if err := o.end(); err != nil {
		return err
	}
	if !ValidVaultName(name) {
		return c.answer(http.StatusOK, map[string]any{"nameAvailable": false, "reason": "AccountNameInvalid", "message": "3 to 24 letters, digits and hyphens, a letter first."})
	}
	partitions, err := c.conn.Partitions()
	if err != nil {
		return err
	}
	taken := slices.ContainsFunc(partitions, func(p client.Partition) bool { return strings.EqualFold(p.Label, name) })
	vaults, err := c.vaults(func(_ *armKind, v *armVault) bool { return strings.EqualFold(v.Name, name) })
	if err != nil {
		return err
	}
	if taken || len(vaults) > 0 {
		return c.answer(http.StatusOK, map[string]any{"nameAvailable": false, "reason": "AlreadyExists", "message": "The name '" + name + "' is already in use."})
	}
	return c.answer(http.StatusOK, map[string]any{"nameAvailable": true})
}
