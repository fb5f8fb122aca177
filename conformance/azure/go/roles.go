// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azadmin/rbac"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/google/uuid"
)

// roles: the managed HSM's roles by azadmin, and that they are enforced: the reader, who has no right in the managed HSM, gets
// one role for one key.
func (c clients) roles() {
	id := os.Getenv("READER_CLIENT_ID")
	if id == "" {
		return
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	admin, err := rbac.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), cred, nil)
	must(err)
	found := map[string]bool{}
	for p := admin.NewListRoleDefinitionsPager(rbac.RoleScopeGlobal, nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		for _, d := range page.Value {
			found[*d.Properties.RoleName] = *d.Properties.RoleType == rbac.RoleTypeBuiltInRole
		}
	}
	check(len(found) >= 9 && found["Managed HSM Crypto User"] && found["Managed HSM Administrator"], "built-in roles are missing")

	for _, name := range []string{"roles-one", "roles-two"} {
		_, err := c.hsm.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM)}, nil)
		must(err)
	}
	other, err := azidentity.NewClientSecretCredential("adfs", id, os.Getenv("READER_CLIENT_SECRET"), nil)
	must(err)
	reader, err := azkeys.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), other, nil)
	must(err)
	sign := func(name string) error {
		_, err := reader.Sign(ctx, name, "", es256(), nil)
		return err
	}
	check(sign("roles-one") != nil, "who has no role signs")

	scope, role, assignment := rbac.RoleScope("/keys/roles-one"), uuid.NewString(), uuid.NewString()
	made, err := admin.CreateOrUpdateRoleDefinition(ctx, rbac.RoleScopeGlobal, role, rbac.RoleDefinitionCreateParameters{Properties: &rbac.RoleDefinitionProperties{
		RoleName: to("Signer"), RoleType: to(rbac.RoleTypeCustomRole), Description: to("signs"), AssignableScopes: []*rbac.RoleScope{to(rbac.RoleScopeGlobal)},
		Permissions: []*rbac.Permission{{DataActions: []*rbac.DataAction{to(rbac.DataActionSignHsmKey), to(rbac.DataActionReadHsmKey)}}}}}, nil)
	must(err)
	equal("name of the role", *made.Name, role)
	grant := rbac.RoleAssignmentCreateParameters{Properties: &rbac.RoleAssignmentProperties{PrincipalID: &id, RoleDefinitionID: made.ID}}
	_, err = admin.CreateRoleAssignment(ctx, scope, assignment, grant, nil)
	must(err)
	must(sign("roles-one"))
	refused(sign("roles-two"), 404, "KeyNotFound") // of what one may do nothing with one is not told
	_, err = reader.DeleteKey(ctx, "roles-one", nil)
	refused(err, 403, "Forbidden")
	got, err := admin.GetRoleAssignment(ctx, scope, assignment, nil)
	must(err)
	equal("principal", *got.Properties.PrincipalID, id)
	own, err := rbac.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), other, nil)
	must(err)
	_, err = own.CreateRoleAssignment(ctx, rbac.RoleScopeGlobal, uuid.NewString(), grant, nil)
	refused(err, 403, "Forbidden")
	_, err = admin.DeleteRoleDefinition(ctx, rbac.RoleScopeGlobal, role, nil)
	refused(err, 403, "Forbidden") // it is assigned
	_, err = admin.DeleteRoleAssignment(ctx, scope, assignment, nil)
	must(err)
	check(sign("roles-one") != nil, "a role that was taken back still signs")
	_, err = admin.DeleteRoleDefinition(ctx, rbac.RoleScopeGlobal, role, nil)
	must(err)
	_, err = admin.GetRoleDefinition(ctx, rbac.RoleScopeGlobal, role, nil)
	refused(err, 404, "RoleDefinitionNotFound")
}

// bring: a key that openssl wrapped for a key of the managed HSM, which is there for that alone (BYOK).
func (c clients) bring() {
	if len(os.Args) != 3 {
		return
	}
	blob, err := os.ReadFile(os.Args[2])
	must(err)
	got, err := c.hsm.ImportKey(ctx, "brought", azkeys.ImportKeyParameters{HSM: to(true), Key: &azkeys.JSONWebKey{Kty: to(azkeys.KeyTypeRSAHSM), T: blob}}, nil)
	must(err)
	check(len(got.Key.N) == 256, "no modulus came back")
	sig, err := c.hsm.Sign(ctx, "brought", "", azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmRS256), Value: digest[:]}, nil)
	must(err)
	must(os.WriteFile("brought.sig", sig.Result, 0o600))
	must(os.WriteFile("brought.digest", digest[:], 0o600))
	_, err = c.hsm.ImportKey(ctx, "brought-again", azkeys.ImportKeyParameters{HSM: to(true), Key: &azkeys.JSONWebKey{Kty: to(azkeys.KeyTypeRSAHSM), T: append(blob[:len(blob)/2], 'x')}}, nil)
	refused(err, 400, "BadParameter")
}

// exchange makes the key that keys are wrapped for, and prints its id and its public half as PEM.
func (c clients) exchange() {
	kek, err := c.hsm.CreateKey(ctx, "exchange", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSAHSM), KeyOps: []*azkeys.KeyOperation{to(azkeys.KeyOperationImport)}}, nil)
	must(err)
	must(os.WriteFile("exchange.kid", []byte(*kek.Key.KID), 0o600))
	must(os.WriteFile("exchange.pem", publicPEM(publicRSA(kek.Key)), 0o600))
	_, err = c.hsm.Decrypt(ctx, "exchange", "", azkeys.KeyOperationParameters{Algorithm: to(azkeys.EncryptionAlgorithmRSAOAEP), Value: make([]byte, 256)}, nil)
	refused(err, 403, "Forbidden")
	_, err = c.hsm.UnwrapKey(ctx, "exchange", "", azkeys.KeyOperationParameters{Algorithm: to(azkeys.EncryptionAlgorithmRSAOAEP), Value: make([]byte, 256)}, nil)
	refused(err, 403, "Forbidden")
}
