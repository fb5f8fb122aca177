// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/server"
)

// azureEnv is what programs that were written for Azure Key Vault read by themselves.
type azureEnv struct {
	Authority    string `json:"authority_host"`
	Tenant       string `json:"tenant_id"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Vault        string `json:"keyvault_url"`
	HSM          string `json:"managedhsm_url"`
	Manager      string `json:"resourcemanager_url"`
	Subscription string `json:"subscription_id"`
	Bundle       string `json:"ca_bundle"`
	TrustStore   string `json:"trust_store"`
	vault        string
	Hosts        string `json:"hosts_lines,omitempty"` // what somebody has to put into /etc/hosts, where we could not
}

func (e *azureEnv) exports() [][2]string {
	return [][2]string{
		{"AZURE_AUTHORITY_HOST", e.Authority},
		{"AZURE_TENANT_ID", e.Tenant},
		{"AZURE_CLIENT_ID", e.ClientID},
		{"AZURE_CLIENT_SECRET", e.ClientSecret},
		{"AZURE_KEYVAULT_URL", e.Vault},
		{"AZURE_MANAGEDHSM_URL", e.HSM},
		{"AZURE_RESOURCEMANAGER_URL", e.Manager},
		{"AZURE_SUBSCRIPTION_ID", e.Subscription},
		{"SSL_CERT_FILE", e.Bundle},
		{"REQUESTS_CA_BUNDLE", e.Bundle},
		{"NODE_EXTRA_CA_CERTS", e.Bundle},
		{"JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStore=" + e.TrustStore + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + trustStorePassword},
	}
}

func connectAzure() *cobra.Command {
	var who admin
	var want azureWanted
	var env bool
	cmd := &cobra.Command{
		Use:   "azure",
		Short: "Make a vault, a managed HSM and an identity for Azure clients, and print how to reach them",
		Long: `Make, once, a vault, a managed HSM and a service identity that may use both, and print what programs
written for Azure Key Vault need: their environment variables, trust in this node's certificates, and
names that resolve. Everything stays as it is when it is there already.

The identity may use what is in both. With --manage it may also make, delete and purge vaults and managed
HSMs by Azure's resource manager (az, Terraform, armkeyvault), and give roles in vaults.

With --env print shell exports and nothing else. The variables that name certificates point to bundles
that hold this machine's roots as well. As root, lines marked with the node's directory go into
/etc/hosts (genbu down takes them out); others get them printed.

  eval "$(genbu connect azure --env)"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := want.connect(&who)
			if err != nil {
				return err
			}
			if e.Hosts != "" {
				note("these names do not resolve; put them into /etc/hosts:\n%s", e.Hosts)
			}
			return show(cmd, e, func(w io.Writer) {
				if !env {
					e.text(w)
					return
				}
				for _, v := range e.exports() {
					fmt.Fprintf(w, "export %s=%s\n", v[0], quote(v[1]))
				}
			})
		},
	}
	who.add(cmd)
	cmd.Flags().StringVar(&want.vault, "vault", "genbu-vault", "name of the vault")
	cmd.Flags().StringVar(&want.hsm, "managed-hsm", "genbu-hsm", "name of the managed HSM")
	cmd.Flags().StringVar(&want.identity, "identity", "azure", "name of the service identity")
	cmd.Flags().BoolVar(&want.manage, "manage", false, "let the identity make, delete and purge vaults and managed HSMs, and give roles in vaults")
	cmd.Flags().BoolVar(&want.noHosts, "no-hosts", false, "leave /etc/hosts alone")
	cmd.Flags().BoolVar(&env, "env", false, "print shell exports")
	return cmd
}

func (e *azureEnv) text(w io.Writer) {
	fmt.Fprintf(w, `Azure Key Vault and Managed HSM clients use this node unmodified, by environment variables alone:

  %s

vault         %s
managed HSM   %s
authority     %s (tenant %s, poses as AD FS, so that no client asks Microsoft's servers)
client id     %s (its secret is in the exports)
subscription  %[8]s, with the resource manager at %[7]s
              (--manage lets the identity make, find and end vaults there; else it sees none)

Go, Python, JavaScript, Java: DefaultAzureCredential and the URLs above
managed identity: IDENTITY_ENDPOINT=%[4]s/msi/token IDENTITY_HEADER="$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET" AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential
az:
  az cloud register -n Genbu --endpoint-resource-manager %[7]s && az cloud set -n Genbu
  az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant adfs --allow-no-subscriptions
  az keyvault key create --vault-name %[9]s -n demo --kty EC && az keyvault key list --vault-name %[9]s
another program:
  %[10]s
  %[11]s
`, `eval "$(`+withDir("genbu connect azure --env")+`)"`, e.Vault, e.HSM, e.Authority, e.Tenant, e.ClientID, e.Manager, e.Subscription, e.vault,
		withDir("genbu operator create my-program --client-secret"), withDir("genbu operator grant my-program --domain --token "+word(e.vault)+` --role "Key Vault Crypto User"`))
}

// azureWanted is what genbu connect azure was asked for.
type azureWanted struct {
	vault, hsm, identity string
	noHosts, manage      bool
}

// connect makes what is missing and answers how to reach it.
func (want *azureWanted) connect(who *admin) (*azureEnv, error) {
	for _, name := range []string{want.vault, want.hsm} {
		if !server.VaultName(name) {
			return nil, next(fmt.Errorf("%q cannot be a vault's name: a letter, then 2 to 23 letters, digits and hyphens", name), "genbu connect azure --vault my-vault")
		}
	}
	if want.vault == want.hsm {
		return nil, next(errors.New("the vault and the managed HSM cannot have one name"), "genbu connect azure --vault my-vault --managed-hsm my-hsm")
	}
	c, err := nodeConfig()
	if err != nil {
		return nil, err
	}
	if *c.Azure.Listen == "" {
		return nil, next(errors.New("this node has no door for Azure clients: azure.listen is empty"), "less "+word(filepath.Join(nodeDir(), server.ConfigFile)))
	}
	address, err := os.ReadFile(filepath.Join(c.Dir, server.AzureAddressFile))
	if err != nil {
		return nil, noNode{next(errors.New("the node's door for Azure clients was never open"), "genbu up")}
	}
	ip, port, err := net.SplitHostPort(strings.TrimSpace(string(address)))
	if err != nil {
		return nil, err
	}
	at := azurePlace{config: c, ip: ip, port: ":" + port}
	if port == "443" {
		at.port = ""
	}
	made, err := want.make(who, at)
	if err != nil {
		return nil, err
	}
	e := &azureEnv{Authority: at.url("login"), Tenant: "adfs", ClientID: made.id.ID, ClientSecret: made.id.Secret,
		Vault: at.url(want.vault + ".vault"), HSM: at.url(want.hsm + ".managedhsm"), Manager: at.url("arm"), Subscription: made.subscription, vault: want.vault}
	if e.Bundle, e.TrustStore, err = writeTrust(c.Dir); err != nil {
		return nil, err
	}
	if want.noHosts {
		return e, nil
	}
	names := []string{at.name("login"), at.name("arm")}
	for _, label := range made.hosts {
		names = append(names, at.name(label))
	}
	e.Hosts, err = knowHosts(c.Dir, at.ip, names...)
	return e, err
}

// azurePlace is where the door is.
type azurePlace struct {
	config   *server.Config
	ip, port string
}

func (a azurePlace) name(label string) string { return label + "." + a.config.Azure.Suffix }

func (a azurePlace) url(label string) string { return "https://" + a.name(label) + a.port }
