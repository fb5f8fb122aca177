// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/keyvault/armkeyvault"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/google/uuid"
)

// vaultAdministrator is the built-in role "Key Vault Administrator".
const vaultAdministrator = "00482a5a-887f-4fb3-b363-3b7fe8e74483"

// managed is the vault and the managed HSM of this scenario.
const (
	managedVault = "go-vault"
	managedHSM   = "go-hsm"
	group        = "go-group"
)

// manager is the resource manager, by armkeyvault and armauthorization. The SDK takes its address from the program and nothing from
// the environment.
type manager struct {
	vaults *armkeyvault.VaultsClient
	hsms   *armkeyvault.ManagedHsmsClient
	roles  *armauthorization.RoleAssignmentsClient
	me     string
	sub    string
	cred   azcore.TokenCredential
}

func newManager() *manager {
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	base := os.Getenv("AZURE_RESOURCEMANAGER_URL")
	options := &arm.ClientOptions{ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: os.Getenv("AZURE_AUTHORITY_HOST"),
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Audience: base, Endpoint: base}}}}}
	m := &manager{me: os.Getenv("AZURE_CLIENT_ID"), sub: os.Getenv("AZURE_SUBSCRIPTION_ID"), cred: cred}
	keyvault, err := armkeyvault.NewClientFactory(m.sub, cred, options)
	must(err)
	m.vaults, m.hsms = keyvault.NewVaultsClient(), keyvault.NewManagedHsmsClient()
	m.roles, err = armauthorization.NewRoleAssignmentsClient(m.sub, cred, options)
	must(err)
	return m
}

// make makes a vault and a managed HSM, and gives roles; the script sees to it that their names resolve.
func (m *manager) make() {
	free, err := m.vaults.CheckNameAvailability(ctx, armkeyvault.VaultCheckNameAvailabilityParameters{Name: to(managedVault), Type: to("Microsoft.KeyVault/vaults")}, nil)
	must(err)
	check(*free.NameAvailable, "the name is taken")
	p, err := m.vaults.BeginCreateOrUpdate(ctx, group, managedVault, armkeyvault.VaultCreateOrUpdateParameters{Location: to("local"), Tags: map[string]*string{"team": to("till")},
		Properties: &armkeyvault.VaultProperties{TenantID: to("adfs"), SKU: &armkeyvault.SKU{Family: to(armkeyvault.SKUFamilyA), Name: to(armkeyvault.SKUNameStandard)},
			AccessPolicies: []*armkeyvault.AccessPolicyEntry{}, EnableRbacAuthorization: to(true), SoftDeleteRetentionInDays: to(int32(7))}}, nil)
	must(err)
	v, err := p.PollUntilDone(ctx, nil)
	must(err)
	want := strings.Replace(os.Getenv("AZURE_KEYVAULT_URL"), "genbu-vault", managedVault, 1)
	check(strings.TrimSuffix(*v.Properties.VaultURI, "/") == want && *v.Tags["team"] == "till" && *v.Properties.SoftDeleteRetentionInDays == 7, "the vault is not as it was made")
	free, err = m.vaults.CheckNameAvailability(ctx, armkeyvault.VaultCheckNameAvailabilityParameters{Name: to(strings.ToUpper(managedVault)), Type: to("Microsoft.KeyVault/vaults")}, nil)
	must(err)
	check(!*free.NameAvailable && *free.Reason == armkeyvault.ReasonAlreadyExists, "a name that is taken is free")

	_, err = m.roles.Create(ctx, *v.ID, uuid.NewString(), armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{
		PrincipalID: &m.me, RoleDefinitionID: to("/subscriptions/" + m.sub + "/providers/Microsoft.Authorization/roleDefinitions/" + vaultAdministrator)}}, nil)
	must(err)
	found := 0
	for p := m.roles.NewListForScopePager(*v.ID, nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		for _, a := range page.Value {
			if *a.Properties.PrincipalID == m.me {
				found++
			}
		}
	}
	check(found == 1, "the role assignment is not listed")

	h, err := m.hsms.BeginCreateOrUpdate(ctx, group, managedHSM, armkeyvault.ManagedHsm{Location: to("local"),
		SKU:        &armkeyvault.ManagedHsmSKU{Family: to(armkeyvault.ManagedHsmSKUFamilyB), Name: to(armkeyvault.ManagedHsmSKUNameStandardB1)},
		Properties: &armkeyvault.ManagedHsmProperties{TenantID: to("adfs"), InitialAdminObjectIDs: []*string{&m.me}}}, nil)
	must(err)
	hsm, err := h.PollUntilDone(ctx, nil)
	must(err)
	check(strings.Contains(*hsm.Properties.HsmURI, "https://"+managedHSM+".managedhsm."), "the managed HSM is elsewhere")
}

// use makes and uses a key in the vault, and ends both as a cautious administrator would.
func (m *manager) use() {
	v, err := m.vaults.Get(ctx, group, managedVault, nil)
	must(err)
	keys, err := azkeys.NewClient(*v.Properties.VaultURI, m.cred, nil)
	must(err)
	k, err := keys.CreateKey(ctx, "till", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil)
	must(err)
	sign := azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Value: make([]byte, 32)}
	_, err = keys.Sign(ctx, "till", k.Key.KID.Version(), sign, nil)
	must(err)

	seen := map[string]bool{}
	for p := m.vaults.NewListPager(nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		for _, v := range page.Value {
			seen[*v.Name] = true
		}
	}
	for p := m.vaults.NewListByResourceGroupPager(group, nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		check(len(page.Value) == 1 && *page.Value[0].Name == managedVault, "the group has something else")
	}
	check(seen[managedVault] && seen["genbu-vault"], "a vault is not listed")

	_, err = m.vaults.Delete(ctx, group, managedVault, nil)
	must(err)
	_, err = keys.GetKey(ctx, "till", "", nil)
	refused(err, 404, "VaultNotFound")
	_, err = m.vaults.Get(ctx, group, managedVault, nil)
	refused(err, 404, "ResourceNotFound")
	gone, err := m.vaults.GetDeleted(ctx, managedVault, "local", nil)
	must(err)
	check(*gone.Properties.VaultID == *v.ID && gone.Properties.ScheduledPurgeDate.Sub(*gone.Properties.DeletionDate).Hours() == 7*24, "the deleted vault is not as it was")
	back, err := m.vaults.BeginCreateOrUpdate(ctx, group, managedVault, armkeyvault.VaultCreateOrUpdateParameters{Location: to("local"),
		Properties: &armkeyvault.VaultProperties{TenantID: to("adfs"), SKU: v.Properties.SKU, CreateMode: to(armkeyvault.CreateModeRecover)}}, nil)
	must(err)
	_, err = back.PollUntilDone(ctx, nil)
	must(err)
	_, err = keys.Sign(ctx, "till", k.Key.KID.Version(), sign, nil)
	must(err)

	_, err = m.vaults.Delete(ctx, group, managedVault, nil)
	must(err)
	purge, err := m.vaults.BeginPurgeDeleted(ctx, managedVault, "local", nil)
	must(err)
	_, err = purge.PollUntilDone(ctx, nil)
	must(err)
	_, err = m.vaults.GetDeleted(ctx, managedVault, "local", nil)
	refused(err, 404, "ResourceNotFound")

	end, err := m.hsms.BeginDelete(ctx, group, managedHSM, nil)
	must(err)
	_, err = end.PollUntilDone(ctx, nil)
	must(err)
	last, err := m.hsms.BeginPurgeDeleted(ctx, managedHSM, "local", nil)
	must(err)
	_, err = last.PollUntilDone(ctx, nil)
	must(err)
}
