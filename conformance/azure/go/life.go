// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

var digest = sha256.Sum256([]byte("digest"))

func es256() azkeys.SignParameters {
	return azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Value: digest[:]}
}

func (c clients) make(name string) azkeys.CreateKeyResponse {
	made, err := c.vault.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil)
	must(err)
	return made
}

// rotate: by hand, and by a policy that is carried out on time.
func (c clients) rotate() {
	first := c.make("rotated")
	second, err := c.vault.RotateKey(ctx, "rotated", nil)
	must(err)
	check(first.Key.KID.Version() != second.Key.KID.Version(), "rotation made no new version")
	now, err := c.vault.GetKey(ctx, "rotated", "", nil)
	must(err)
	equal("current version", *now.Key.KID, *second.Key.KID)
	sig, err := c.vault.Sign(ctx, "rotated", first.Key.KID.Version(), es256(), nil)
	must(err)
	res, err := c.vault.Verify(ctx, "rotated", first.Key.KID.Version(), azkeys.VerifyParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Digest: digest[:], Signature: sig.Result}, nil)
	must(err)
	check(*res.Value, "the first version does not verify what it signed")

	policy, err := c.vault.UpdateKeyRotationPolicy(ctx, "rotated", azkeys.KeyRotationPolicy{
		Attributes: &azkeys.KeyRotationPolicyAttributes{ExpiryTime: to("P90D")},
		LifetimeActions: []*azkeys.LifetimeAction{{Action: &azkeys.LifetimeActionType{Type: to(azkeys.KeyRotationPolicyActionRotate)},
			Trigger: &azkeys.LifetimeActionTrigger{TimeAfterCreate: to("PT3S")}}}}, nil)
	must(err)
	equal("expiry", *policy.Attributes.ExpiryTime, "P90D")
	got, err := c.vault.GetKeyRotationPolicy(ctx, "rotated", nil)
	must(err)
	equal("trigger", *got.LifetimeActions[0].Trigger.TimeAfterCreate, "PT3S")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		now, err = c.vault.GetKey(ctx, "rotated", "", nil)
		must(err)
		if *now.Key.KID != *second.Key.KID {
			break
		}
		check(time.Now().Before(deadline), "the policy is not carried out")
	}
	left := time.Until(*now.Attributes.Expires)
	check(left > 89*24*time.Hour && left < 91*24*time.Hour, fmt.Sprint("the new version expires in ", left))
	got, err = c.vault.GetKeyRotationPolicy(ctx, "rotated", nil)
	must(err)
	equal("trigger after rotation", *got.LifetimeActions[0].Trigger.TimeAfterCreate, "PT3S")
	_, err = c.vault.UpdateKeyRotationPolicy(ctx, "rotated", azkeys.KeyRotationPolicy{}, nil)
	must(err)
	n := 0
	for p := c.vault.NewListKeyPropertiesVersionsPager("rotated", nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		n += len(page.Value)
	}
	check(n >= 3, fmt.Sprint(n, " versions"))
}

// attributes: what is disabled, not valid yet or no longer, and what a key is not for.
func (c clients) attributes() {
	made, err := c.vault.CreateKey(ctx, "attributes", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM), Tags: map[string]*string{"team": to("blue")},
		KeyOps: []*azkeys.KeyOperation{to(azkeys.KeyOperationSign)}}, nil)
	must(err)
	equal("type", *made.Key.Kty, azkeys.KeyTypeECHSM)
	equal("tag", *made.Tags["team"], "blue")
	equal("operations", len(made.Key.KeyOps), 1)
	_, err = c.vault.Verify(ctx, "attributes", "", azkeys.VerifyParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Digest: digest[:], Signature: make([]byte, 64)}, nil)
	refused(err, 403, "Forbidden")
	v := made.Key.KID.Version()
	update := func(a azkeys.KeyAttributes) {
		_, err := c.vault.UpdateKey(ctx, "attributes", v, azkeys.UpdateKeyParameters{KeyAttributes: &a}, nil)
		must(err)
	}
	update(azkeys.KeyAttributes{Enabled: to(false)})
	_, err = c.vault.Sign(ctx, "attributes", v, es256(), nil)
	refused(err, 403, "Forbidden")
	update(azkeys.KeyAttributes{Enabled: to(true)})
	_, err = c.vault.Sign(ctx, "attributes", v, es256(), nil)
	must(err)
	update(azkeys.KeyAttributes{NotBefore: to(time.Now().Add(time.Hour))})
	_, err = c.vault.Sign(ctx, "attributes", v, es256(), nil)
	refused(err, 403, "Forbidden")
	update(azkeys.KeyAttributes{NotBefore: to(time.Now().Add(-2 * time.Hour)), Expires: to(time.Now().Add(-time.Hour))})
	_, err = c.vault.Sign(ctx, "attributes", v, es256(), nil)
	refused(err, 403, "Forbidden")
	got, err := c.vault.GetKey(ctx, "attributes", v, nil)
	must(err)
	equal("tag after updates", *got.Tags["team"], "blue")
	check(*got.Attributes.Enabled && !got.Attributes.Updated.Before(*got.Attributes.Created), "attributes are wrong")
}

// softDelete: deleted, refused, recovered, deleted, purged.
func (c clients) softDelete() {
	made := c.make("deleted")
	del, err := c.vault.DeleteKey(ctx, "deleted", nil)
	must(err)
	check(del.RecoveryID != nil && del.ScheduledPurgeDate != nil && del.ScheduledPurgeDate.After(time.Now().Add(6*24*time.Hour)), "no purge date")
	_, err = c.vault.GetKey(ctx, "deleted", "", nil)
	refused(err, 404, "KeyNotFound")
	_, err = c.vault.Sign(ctx, "deleted", made.Key.KID.Version(), es256(), nil)
	refused(err, 404, "KeyNotFound")
	_, err = c.vault.CreateKey(ctx, "deleted", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil)
	refused(err, 409, "Conflict")
	found := false
	for p := c.vault.NewListDeletedKeyPropertiesPager(nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		for _, k := range page.Value {
			found = found || k.KID.Name() == "deleted"
		}
	}
	check(found, "the deleted key is not listed")
	_, err = c.vault.RecoverDeletedKey(ctx, "deleted", nil)
	must(err)
	_, err = c.vault.Sign(ctx, "deleted", made.Key.KID.Version(), es256(), nil)
	must(err)
	_, err = c.vault.DeleteKey(ctx, "deleted", nil)
	must(err)
	_, err = c.vault.PurgeDeletedKey(ctx, "deleted", nil)
	must(err)
	_, err = c.vault.GetDeletedKey(ctx, "deleted", nil)
	refused(err, 404, "KeyNotFound")
	c.make("deleted")
}

// backup: every version comes back under its own id, and only where the name is free.
func (c clients) backup() {
	made := c.make("backed-up")
	c.make("backed-up")
	sig, err := c.vault.Sign(ctx, "backed-up", made.Key.KID.Version(), es256(), nil)
	must(err)
	blob, err := c.vault.BackupKey(ctx, "backed-up", nil)
	must(err)
	_, err = c.vault.RestoreKey(ctx, azkeys.RestoreKeyParameters{KeyBackup: blob.Value}, nil)
	refused(err, 409, "Conflict")
	_, err = c.vault.DeleteKey(ctx, "backed-up", nil)
	must(err)
	_, err = c.vault.PurgeDeletedKey(ctx, "backed-up", nil)
	must(err)
	_, err = c.vault.RestoreKey(ctx, azkeys.RestoreKeyParameters{KeyBackup: blob.Value}, nil)
	must(err)
	res, err := c.vault.Verify(ctx, "backed-up", made.Key.KID.Version(), azkeys.VerifyParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Digest: digest[:], Signature: sig.Result}, nil)
	must(err)
	check(*res.Value, "the restored key is another one")
	blob.Value[len(blob.Value)/2] ^= 1
	_, err = c.vault.RestoreKey(ctx, azkeys.RestoreKeyParameters{KeyBackup: blob.Value}, nil)
	refused(err, 400, "BadParameter")
}

// secretLife: versions, attributes, lists, soft delete, backup.
func (c clients) secretLife() {
	set, err := c.secrets.SetSecret(ctx, "password", azsecrets.SetSecretParameters{Value: to("one"), ContentType: to("text/plain"), Tags: map[string]*string{"a": to("b")}}, nil)
	must(err)
	_, err = c.secrets.SetSecret(ctx, "password", azsecrets.SetSecretParameters{Value: to("zwei \u00e4\u20ac")}, nil)
	must(err)
	got, err := c.secrets.GetSecret(ctx, "password", "", nil)
	must(err)
	equal("value", *got.Value, "zwei \u00e4\u20ac")
	got, err = c.secrets.GetSecret(ctx, "password", set.ID.Version(), nil)
	must(err)
	equal("value", *got.Value, "one")
	equal("content type", *got.ContentType, "text/plain")
	_, err = c.secrets.UpdateSecretProperties(ctx, "password", set.ID.Version(), azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: to(false)}}, nil)
	must(err)
	_, err = c.secrets.GetSecret(ctx, "password", set.ID.Version(), nil)
	refused(err, 403, "Forbidden")
	n := 0
	for p := c.secrets.NewListSecretPropertiesVersionsPager("password", nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		n += len(page.Value)
	}
	equal("versions", n, 2)
	blob, err := c.secrets.BackupSecret(ctx, "password", nil)
	must(err)
	_, err = c.secrets.DeleteSecret(ctx, "password", nil)
	must(err)
	_, err = c.secrets.GetSecret(ctx, "password", "", nil)
	refused(err, 404, "SecretNotFound")
	_, err = c.secrets.RecoverDeletedSecret(ctx, "password", nil)
	must(err)
	_, err = c.secrets.DeleteSecret(ctx, "password", nil)
	must(err)
	_, err = c.secrets.PurgeDeletedSecret(ctx, "password", nil)
	must(err)
	_, err = c.secrets.RestoreSecret(ctx, azsecrets.RestoreSecretParameters{SecretBackup: blob.Value}, nil)
	must(err)
	got, err = c.secrets.GetSecret(ctx, "password", "", nil)
	must(err)
	equal("value", *got.Value, "zwei \u00e4\u20ac")
	big := make([]byte, 25<<10+1)
	for i := range big {
		big[i] = 'x'
	}
	_, err = c.secrets.SetSecret(ctx, "big", azsecrets.SetSecretParameters{Value: to(string(big))}, nil)
	refused(err, 400, "BadParameter")
	_, err = c.secrets.SetSecret(ctx, "big", azsecrets.SetSecretParameters{Value: to(string(big[1:]))}, nil)
	must(err)
}

// refusals: an identity that may only read, and one with a wrong secret.
func (c clients) refusals() {
	c.make("guarded")
	if id := os.Getenv("READER_CLIENT_ID"); id != "" {
		cred, err := azidentity.NewClientSecretCredential("adfs", id, os.Getenv("READER_CLIENT_SECRET"), nil)
		must(err)
		reader, err := azkeys.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
		must(err)
		_, err = reader.GetKey(ctx, "guarded", "", nil)
		must(err)
		_, err = reader.Sign(ctx, "guarded", "", es256(), nil)
		refused(err, 403, "Forbidden")
		_, err = reader.DeleteKey(ctx, "guarded", nil)
		refused(err, 403, "Forbidden")
		_, err = reader.CreateKey(ctx, "more", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil)
		refused(err, 403, "Forbidden")
	}
	cred, err := azidentity.NewClientSecretCredential("adfs", os.Getenv("AZURE_CLIENT_ID"), "wrong", nil)
	must(err)
	wrong, err := azkeys.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
	must(err)
	_, err = wrong.GetKey(ctx, "guarded", "", nil)
	check(err != nil, "a wrong secret signs in")
	_, err = c.vault.GetKey(ctx, "no-such-key", "", nil)
	refused(err, 404, "KeyNotFound")
	_, err = c.vault.CreateKey(ctx, "bad", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyType("DSA"))}, nil)
	refused(err, 400, "BadParameter")
	_, err = c.vault.CreateKey(ctx, "bad", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSA), KeySize: to(int32(1024))}, nil)
	refused(err, 400, "BadParameter")
}

// elsewhere: a key that was made over PKCS #11 is an Azure key.
func (c clients) elsewhere() {
	name := os.Getenv("PKCS11_KEY")
	if name == "" {
		return
	}
	k, err := c.vault.GetKey(ctx, name, "", nil)
	must(err)
	equal("type", *k.Key.Kty, azkeys.KeyTypeECHSM)
	sig, err := c.vault.Sign(ctx, name, k.Key.KID.Version(), es256(), nil)
	must(err)
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number(k.Key.X), Y: number(k.Key.Y)}
	check(ecdsa.Verify(public, digest[:], number(sig.Result[:32]), number(sig.Result[32:])), "the signature is not valid")
	_, err = c.vault.UpdateKey(ctx, name, k.Key.KID.Version(), azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: to(false)}}, nil)
	must(err)
}

// credentials: certificate, federated token and managed identity, as far as the script has set them up.
func (c clients) credentials() {
	use := func(cred azcore.TokenCredential) {
		k, err := azkeys.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
		must(err)
		_, err = k.GetKey(ctx, "guarded", "", nil)
		must(err)
	}
	if path := os.Getenv("READER_CERTIFICATE_PATH"); path != "" {
		pem, err := os.ReadFile(path)
		must(err)
		certs, key, err := azidentity.ParseCertificates(pem, nil)
		must(err)
		cred, err := azidentity.NewClientCertificateCredential("adfs", os.Getenv("READER_CLIENT_ID"), certs, key, nil)
		must(err)
		use(cred)
		fmt.Println("note: certificate assertion")
	}
	if path := os.Getenv("READER_TOKEN_FILE"); path != "" {
		cred, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientID: os.Getenv("READER_CLIENT_ID"), TenantID: "adfs", TokenFilePath: path})
		must(err)
		use(cred)
		fmt.Println("note: federated token")
	}
	if os.Getenv("IDENTITY_ENDPOINT") != "" {
		cred, err := azidentity.NewManagedIdentityCredential(nil)
		must(err)
		use(cred)
		fmt.Println("note: managed identity")
	}
}
