// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azadmin/backup"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azadmin/settings"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

// The account that every Azurite has.
const (
	storeAccount = "devstoreaccount1"
	storeKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// store is a container of a blob service, by Azure's own client for it.
type store struct {
	*container.Client
	cred *blob.SharedKeyCredential
	name string
}

func openStore(name string) store {
	cred, err := blob.NewSharedKeyCredential(storeAccount, storeKey)
	must(err)
	c, err := container.NewClientWithSharedKeyCredential(os.Getenv("BLOB_SERVICE")+"/"+name, cred, nil)
	must(err)
	return store{c, cred, name}
}

// sign answers a shared access signature for the container.
func (s store) sign(p sas.ContainerPermissions, lasts time.Duration) string {
	q, err := sas.BlobSignatureValues{Protocol: sas.ProtocolHTTPSandHTTP, ExpiryTime: time.Now().UTC().Add(lasts), Permissions: p.String(), ContainerName: s.name}.SignWithSharedKey(s.cred)
	must(err)
	return q.Encode()
}

var writes = sas.ContainerPermissions{Read: true, Add: true, Create: true, Write: true, List: true}

// makeContainer makes one and prints its address and a signature, for the programs in other languages.
func makeContainer(name string) {
	s := openStore(name)
	_, err := s.Create(ctx, nil)
	must(err)
	fmt.Printf("export BLOB_CONTAINER_URL='%s' BLOB_SAS='%s'\n", s.URL(), s.sign(writes, time.Hour))
}

// flip changes one bit of a blob.
func (s store) flip(name string) {
	c := s.NewBlockBlobClient(name)
	r, err := c.DownloadStream(ctx, nil)
	must(err)
	b, err := io.ReadAll(r.Body)
	must(err)
	b[len(b)/2] ^= 4
	_, err = c.UploadStream(ctx, bytes.NewReader(b), &blockblob.UploadStreamOptions{})
	must(err)
}

func done[T any](p *runtime.Poller[T], err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return p.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: time.Second})
}

// hsmBackups: the managed HSM's backup, restore and settings by azadmin, with a blob service beside.
func (c clients) hsmBackups() {
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	admin, err := backup.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), cred, nil)
	must(err)
	s := openStore("from-go")
	_, err = s.Create(ctx, nil)
	must(err)
	at := backup.SASTokenParameters{StorageResourceURI: to(s.URL()), Token: to(s.sign(writes, time.Hour))}

	signing := azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM)}
	first, err := c.hsm.CreateKey(ctx, "doomed", signing, nil)
	must(err)
	_, err = c.hsm.CreateKey(ctx, "doomed", signing, nil)
	must(err)
	_, err = c.hsm.CreateKey(ctx, "changed", signing, nil)
	must(err)
	_, err = c.hsm.CreateKey(ctx, "deleted", signing, nil)
	must(err)
	_, err = c.hsm.DeleteKey(ctx, "deleted", nil)
	must(err)
	signed, err := c.hsm.Sign(ctx, "doomed", first.Key.KID.Version(), es256(), nil)
	must(err)

	_, err = done(admin.BeginPreFullBackup(ctx, backup.PreBackupOperationParameters{StorageResourceURI: at.StorageResourceURI, Token: at.Token}, nil))
	must(err)
	made, err := done(admin.BeginFullBackup(ctx, at, nil))
	must(err)
	uri := *made.AzureStorageBlobContainerURI
	folder := uri[strings.LastIndexByte(uri, '/')+1:]
	check(strings.HasPrefix(uri, s.URL()+"/mhsm-"), "the backup is in "+uri)
	var blobs []string
	for p := s.NewListBlobsFlatPager(nil); p.More(); {
		page, err := p.NextPage(ctx)
		must(err)
		for _, b := range page.Segment.BlobItems {
			blobs = append(blobs, *b.Name)
		}
	}
	equal("blobs, which a rehearsal leaves none of", strings.Join(blobs, " "), folder+"/partition.gbb")

	purge := func(name string) {
		_, err := c.hsm.DeleteKey(ctx, name, nil)
		must(err)
		_, err = c.hsm.PurgeDeletedKey(ctx, name, nil)
		must(err)
	}
	upset := func() {
		purge("doomed")
		_, err = c.hsm.UpdateKey(ctx, "changed", "", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: to(false)}}, nil)
		must(err)
		_, err = c.hsm.RecoverDeletedKey(ctx, "deleted", nil)
		must(err)
		_, err = c.hsm.CreateKey(ctx, "late", signing, nil)
		must(err)
	}
	upset()
	from := backup.RestoreOperationParameters{FolderToRestore: &folder, SASTokenParameters: &at}
	_, err = done(admin.BeginPreFullRestore(ctx, backup.PreRestoreOperationParameters{FolderToRestore: &folder, SASTokenParameters: &at}, nil))
	must(err)
	_, err = c.hsm.GetKey(ctx, "doomed", "", nil)
	refused(err, 404, "KeyNotFound") // a rehearsal changes nothing
	restored, err := done(admin.BeginFullRestore(ctx, from, nil))
	must(err)
	fmt.Println("restored:", *restored.StatusDetails)
	for _, name := range []string{"doomed", "changed", "deleted", "late"} {
		check(strings.Contains(*restored.StatusDetails, name), "what was undone does not name "+name)
	}
	verify := azkeys.VerifyParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Digest: es256().Value, Signature: signed.Result}
	v, err := c.hsm.Verify(ctx, "doomed", first.Key.KID.Version(), verify, nil)
	must(err)
	check(*v.Value, "the key that was destroyed, by its first version, does not verify what it signed")
	k, err := c.hsm.GetKey(ctx, "changed", "", nil)
	must(err)
	check(*k.Attributes.Enabled, "the key that was disabled is still so")
	_, err = c.hsm.GetDeletedKey(ctx, "deleted", nil)
	must(err)
	_, err = c.hsm.GetKey(ctx, "late", "", nil)
	refused(err, 404, "KeyNotFound")

	// One key.
	one := backup.SelectiveKeyRestoreOperationParameters{Folder: &folder, SASTokenParameters: &at}
	_, err = done(admin.BeginSelectiveKeyRestore(ctx, "doomed", one, nil))
	failed(err, "Conflict")
	purge("doomed")
	_, err = c.hsm.CreateKey(ctx, "late", signing, nil)
	must(err)
	_, err = done(admin.BeginSelectiveKeyRestore(ctx, "doomed", one, nil))
	must(err)
	v, err = c.hsm.Verify(ctx, "doomed", first.Key.KID.Version(), verify, nil)
	must(err)
	check(*v.Value, "the key that was restored alone does not verify what it signed")
	_, err = c.hsm.GetKey(ctx, "late", "", nil)
	must(err)
	_, err = done(admin.BeginSelectiveKeyRestore(ctx, "never", one, nil))
	failed(err, "KeyNotFound")

	// What is refused changes nothing.
	upsetAgain := func(what string, err error, code string) {
		failed(err, code)
		_, err = c.hsm.GetKey(ctx, "late", "", nil)
		must(err)
		fmt.Println("refused:", what)
	}
	with := func(token string) *backup.SASTokenParameters {
		return &backup.SASTokenParameters{StorageResourceURI: to(s.URL()), Token: &token}
	}
	_, err = done(admin.BeginFullBackup(ctx, *with(s.sign(sas.ContainerPermissions{Read: true}, time.Hour)), nil))
	upsetAgain("a signature that does not allow to write", err, "StorageFailed")
	_, err = done(admin.BeginPreFullBackup(ctx, backup.PreBackupOperationParameters{StorageResourceURI: to(s.URL()), Token: with(s.sign(writes, -time.Hour)).Token}, nil))
	upsetAgain("a signature that has expired", err, "StorageFailed")
	_, err = done(admin.BeginFullRestore(ctx, backup.RestoreOperationParameters{FolderToRestore: &folder, SASTokenParameters: with("sig=nonsense")}, nil))
	upsetAgain("a signature that is none", err, "StorageFailed")
	_, err = done(admin.BeginFullRestore(ctx, backup.RestoreOperationParameters{FolderToRestore: to("mhsm-never"), SASTokenParameters: &at}, nil))
	upsetAgain("a folder that is not there", err, "StorageFailed")
	_, err = admin.BeginFullBackup(ctx, backup.SASTokenParameters{StorageResourceURI: to("https://elsewhere.example/x"), Token: at.Token}, nil)
	refused(err, 400, "BadParameter")
	_, err = admin.BeginFullBackup(ctx, backup.SASTokenParameters{StorageResourceURI: at.StorageResourceURI, UseManagedIdentity: to(true)}, nil)
	refused(err, 400, "BadParameter")
	s.flip(folder + "/partition.gbb")
	_, err = done(admin.BeginFullRestore(ctx, from, nil))
	upsetAgain("a backup of which one bit was changed", err, "BadParameter")
	_, err = done(admin.BeginPreFullRestore(ctx, backup.PreRestoreOperationParameters{FolderToRestore: &folder, SASTokenParameters: &at}, nil))
	upsetAgain("the same, looked at only", err, "BadParameter")

	c.hsmRoles(s, at)
	hsmSettings(cred)
}

// failed holds the error of a job against its code.
func failed(err error, code string) {
	var e *azcore.ResponseError
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("the job did not fail with %s: %v", code, err))
	}
	equal("code of the job's error", e.ErrorCode, code)
}

// hsmRoles: who may back up may not restore, and the other way round.
func (c clients) hsmRoles(s store, at backup.SASTokenParameters) {
	for _, role := range []string{"BACKUP", "RESTORE"} {
		id := os.Getenv(role + "_CLIENT_ID")
		cred, err := azidentity.NewClientSecretCredential("adfs", id, os.Getenv(role+"_CLIENT_SECRET"), nil)
		must(err)
		admin, err := backup.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), cred, nil)
		must(err)
		made, err := done(admin.BeginFullBackup(ctx, at, nil))
		if role == "RESTORE" {
			refused(err, 403, "Forbidden")
			_, err = done(admin.BeginFullRestore(ctx, backup.RestoreOperationParameters{FolderToRestore: to(os.Getenv("made")), SASTokenParameters: &at}, nil))
			must(err)
			continue
		}
		must(err)
		uri := *made.AzureStorageBlobContainerURI
		folder := uri[strings.LastIndexByte(uri, '/')+1:]
		os.Setenv("made", folder)
		_, err = admin.BeginFullRestore(ctx, backup.RestoreOperationParameters{FolderToRestore: &folder, SASTokenParameters: &at}, nil)
		refused(err, 403, "Forbidden")
	}
}

// hsmSettings: the one setting there is.
func hsmSettings(cred azcore.TokenCredential) {
	c, err := settings.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), cred, nil)
	must(err)
	const name = "AllowKeyManagementOperationsThroughARM"
	all, err := c.GetSettings(ctx, nil)
	must(err)
	equal("settings", len(all.Settings), 1)
	equal("name", *all.Settings[0].Name, name)
	equal("type", *all.Settings[0].Type, settings.SettingTypeBoolean)
	for _, value := range []string{"true", "false", "true"} {
		changed, err := c.UpdateSetting(ctx, name, settings.UpdateSettingRequest{Value: to(value)}, nil)
		must(err)
		equal("value that was set", *changed.Value, value)
		got, err := c.GetSetting(ctx, name, nil)
		must(err)
		equal("value", *got.Value, value)
	}
	_, err = c.UpdateSetting(ctx, name, settings.UpdateSettingRequest{Value: to("perhaps")}, nil)
	refused(err, 400, "BadParameter")
	_, err = c.GetSetting(ctx, "Other", nil)
	refused(err, 404, "SettingNotFound")
}
