// SPDX-License-Identifier: Apache-2.0

// Command azure-go uses a vault and a managed HSM through the Azure SDK for Go, unmodified and with nothing but the
// environment variables that genbu connect azure prints.
//
//	azure-go            every scenario
//	azure-go container N    makes a container in the blob service BLOB_SERVICE and prints how to use it
//	azure-go hsm        backup, restore and settings of the managed HSM
//	azure-go certificates   the scenario of certificates
//	azure-go many N     makes N keys named page-0000 and so on, for programs that page through them
//	azure-go page N     pages through them
//	azure-go exchange   makes a key for which others are wrapped, and writes exchange.kid and exchange.pem
//	azure-go bring F    imports the transfer blob F
//	azure-go release    the scenario of key release
//	azure-go authority  attests to environments, for that scenario in every language
//	azure-go manage-make    makes a vault, a managed HSM and a role assignment by the resource manager
//	azure-go manage-use     uses them, deletes, recovers and purges them
//	azure-go issuer     writes jwks.json and token.jwt, as another issuer of tokens would
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

var ctx = context.Background()

// clients are what every scenario gets.
type clients struct {
	vault, hsm   *azkeys.Client
	secrets      *azsecrets.Client
	certificates *azcertificates.Client
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "issuer" {
		issuer()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "manage-make" {
		newManager().make()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "manage-use" {
		newManager().use()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "authority" {
		serveAuthority()
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "container" {
		makeContainer(os.Args[2])
		return
	}
	cred, err := azidentity.NewDefaultAzureCredential(nil)
	must(err)
	c := clients{}
	c.vault, err = azkeys.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
	must(err)
	c.hsm, err = azkeys.NewClient(os.Getenv("AZURE_MANAGEDHSM_URL"), cred, nil)
	must(err)
	if len(os.Args) == 2 && os.Args[1] == "hsm" {
		c.hsmBackups()
		return
	}
	c.secrets, err = azsecrets.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
	must(err)
	if len(os.Args) == 2 && os.Args[1] == "exchange" {
		c.exchange()
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "bring" {
		c.bring()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "release" {
		c.release()
		return
	}
	c.certificates, err = azcertificates.NewClient(os.Getenv("AZURE_KEYVAULT_URL"), cred, nil)
	must(err)
	if len(os.Args) == 2 && os.Args[1] == "certificates" {
		c.certificateLife()
		return
	}
	if len(os.Args) == 3 {
		n, err := strconv.Atoi(os.Args[2])
		must(err)
		if os.Args[1] == "many" {
			c.many(n)
		}
		c.page(n)
		return
	}
	for _, s := range []struct {
		name string
		run  func()
	}{
		{"sign", c.sign}, {"encrypt and wrap", c.encrypt}, {"symmetric keys", c.symmetric}, {"import", c.importKeys}, {"rotate", c.rotate},
		{"attributes", c.attributes}, {"soft delete", c.softDelete}, {"backup", c.backup}, {"secrets", c.secretLife}, {"certificates", c.certificateLife}, {"refusals", c.refusals}, {"release", c.release},
		{"other credentials", c.credentials}, {"a key of PKCS #11", c.elsewhere}, {"roles", c.roles},
	} {
		fmt.Println("scenario:", s.name)
		s.run()
	}
}

// many makes keys, eight at a time.
func (c clients) many(n int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				_, err := c.vault.CreateKey(ctx, fmt.Sprintf("page-%04d", i), azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil)
				must(err)
			}
		})
	}
	wg.Wait()
}

// page lists them all; each is there once, and in order.
func (c clients) page(n int) {
	pages, found := 0, 0
	for p := c.vault.NewListKeyPropertiesPager(nil); p.More(); pages++ {
		page, err := p.NextPage(ctx)
		must(err)
		for _, k := range page.Value {
			if name := k.KID.Name(); len(name) == 9 && name[:5] == "page-" {
				equal("the next key's name", name, fmt.Sprintf("page-%04d", found))
				found++
			}
		}
	}
	equal("keys that were listed", found, n)
	fmt.Printf("%d keys on %d pages\n", found, pages)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(ok bool, what string) {
	if !ok {
		panic(what)
	}
}

func equal[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Sprintf("%s: %v, not %v", what, got, want))
	}
}

// refused holds an error against the status and code that Key Vault gives.
func refused(err error, status int, code string) {
	var e *azcore.ResponseError
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("not refused by the service with %d %s: %v", status, code, err))
	}
	equal("status", e.StatusCode, status)
	equal("error code", e.ErrorCode, code)
}

func to[T any](v T) *T { return &v }
