// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

// recipes has one text per tool, with this machine's values to be filled in. conformance/scripts/recipes.sh runs them
// as they are printed.
//
//go:embed recipes/*.txt
var recipes embed.FS

// values are what a recipe may ask for. In it, sh makes a shell word of one, and uri the value of a PKCS #11 URI (RFC 7512).
type values struct {
	Dir        string `json:"dir"`
	Socket     string `json:"socket"`
	Token      string `json:"token_label"`
	Genbu      string `json:"genbu"` // how to call this program
	Module     string `json:"module"`
	ModuleFile string `json:"p11_kit_module"`
	Engine     string `json:"openssl_engine"`
	SlotIndex  int    `json:"slot_index"` // of the token among the slots, as SunPKCS11 counts them
}

// sameRecipe are programs that go by another's.
var sameRecipe = map[string]string{"keytool": "java", "jarsigner": "java", "ssh": "openssh", "sshd": "openssh", "httpd": "apache", "p11tool": "gnutls",
	"crypto11": "go", "pykcs11": "python"}

func tools() []string {
	entries, _ := recipes.ReadDir("recipes") // embedded: cannot fail
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

func connectCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "connect [TOOL]",
		Short: "Print a working recipe for a program you know",
		Long: `Print how to use this node's keys from a program, with this machine's own values.
Without TOOL, list the programs there is a recipe for. Programs written for Azure Key Vault are
connected by genbu connect azure.

  genbu connect nginx`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return show(cmd, tools(), func(w io.Writer) { fmt.Fprintln(w, strings.Join(tools(), "\n")) })
			}
			tool := cmp.Or(sameRecipe[args[0]], args[0])
			if !slices.Contains(tools(), tool) {
				return hinted{fmt.Errorf("there is no recipe for %q", tool), hint{"genbu connect", "lists those there are; any PKCS #11 program works"}}
			}
			v, err := machine(token)
			if err != nil {
				return err
			}
			text, err := recipe(tool, v)
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"tool": tool, "recipe": text, "values": v}, func(w io.Writer) { fmt.Fprint(w, text) })
		},
	}
	cmd.AddCommand(connectAzure())
	cmd.Flags().StringVar(&token, "token", "", "the token that the recipe is for (default: as in genbu env)")
	cmd.RegisterFlagCompletionFunc("token", completeTokens)
	cmd.ValidArgsFunction = fixed(append(tools(), sorted(sameRecipe)...))
	return cmd
}

func recipe(tool string, v *values) (string, error) {
	t := template.New(tool + ".txt").Option("missingkey=error").Funcs(template.FuncMap{"sh": word, "uri": url.PathEscape})
	t, err := t.ParseFS(recipes, path.Join("recipes", tool+".txt"))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = t.Execute(&text, v)
	return text.String(), err
}

// machine finds this machine's own values.
func machine(label string) (*values, error) {
	env, err := readEnv(label)
	if err != nil {
		return nil, err
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	list, err := conn.Slots()
	if err != nil {
		return nil, err
	}
	if env.Token == "" {
		return nil, hinted{errors.New("which token is meant is not known"), hint{"genbu partition list", "then give --token LABEL"}}
	}
	index := slices.IndexFunc(list, func(t client.Token) bool { return t.Label == env.Token })
	if index < 0 {
		return nil, next(fmt.Errorf("there is no token %q", env.Token), "genbu partition list")
	}
	return &values{Dir: env.Dir, Socket: env.Socket, Token: env.Token, Genbu: ownName(), Module: env.Module, Engine: enginePath(), SlotIndex: index,
		ModuleFile: filepath.Join(filepath.Dir(env.Module), "genbu.module")}, nil
}

// ownName is how a shell calls this program: by name where that finds it, else by its path.
func ownName() string {
	exe, err := os.Executable()
	if err != nil {
		return "genbu"
	}
	if found, err := exec.LookPath("genbu"); err == nil {
		if real, err := filepath.EvalSymlinks(found); err == nil && real == exe {
			return "genbu"
		}
	}
	return word(exe)
}

// modulePath is the PKCS #11 library: beside the binary, in a build tree or in an installation.
func modulePath() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "genbu"
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	const name = "libgenbu-pkcs11.so"
	beside := filepath.Join(filepath.Dir(exe), name)
	for _, p := range []string{beside, filepath.Join(filepath.Dir(exe), "../lib", name),
		filepath.Join(filepath.Dir(exe), "../lib64", name), "/usr/lib/" + triplet() + "/" + name} {
		if _, err := os.Stat(p); err == nil {
			return filepath.Clean(p)
		}
	}
	return beside
}

// enginePath is where Debian and its kin put OpenSSL 3's pkcs11 engine.
func enginePath() string {
	return "/usr/lib/" + triplet() + "/engines-3/pkcs11.so"
}

func triplet() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64-linux-gnu"
	}
	return "x86_64-linux-gnu"
}
