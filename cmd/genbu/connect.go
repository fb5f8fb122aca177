// SPDX-License-Identifier: Apache-2.0

package main

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

// recipes has one text per tool, with this machine's values to be filled in. conformance/ runs them against the real
// programs.
//
//go:embed recipes/*.txt
var recipes embed.FS

// values are what a recipe may ask for.
type values struct {
	Dir, Socket, Token, Module, ModuleFile, Engine string
	SlotIndex                                      int // of the token among the slots, for SunPKCS11
}

func tools() []string {
	entries, _ := recipes.ReadDir("recipes") // embedded: cannot fail
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return names
}

func connectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "connect [TOOL]",
		Short: "Print a working recipe for a program you know",
		Long: `Print how to use this node's keys from a program, with this machine's own values.
Without TOOL, list the programs there is a recipe for.

  genbu connect nginx`,
		ValidArgs: tools(),
		Args:      cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				return show(out, tools(), func(w io.Writer) { fmt.Fprintln(w, strings.Join(tools(), "\n")) })
			}
			tool := args[0]
			if tool == "keytool" || tool == "jarsigner" {
				tool = "java"
			}
			if !slices.Contains(tools(), tool) {
				return hinted{fmt.Errorf("no recipe for %q", tool), "genbu connect"}
			}
			v, err := machine()
			if err != nil {
				return err
			}
			text, err := recipe(tool, v)
			if err != nil {
				return err
			}
			return show(out, map[string]any{"tool": tool, "recipe": text, "values": v}, func(w io.Writer) { fmt.Fprint(w, text) })
		},
	}
}

func recipe(tool string, v *values) (string, error) {
	t, err := template.New(tool+".txt").Option("missingkey=error").ParseFS(recipes, path.Join("recipes", tool+".txt"))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = t.Execute(&text, v)
	return text.String(), err
}

// machine finds this machine's own values.
func machine() (*values, error) {
	env, err := readEnv(global.dir)
	if err != nil {
		return nil, err
	}
	v := &values{Dir: global.dir, Socket: env.Socket, Token: env.Token, Module: modulePath(), Engine: enginePath()}
	v.ModuleFile = filepath.Join(filepath.Dir(v.Module), "genbu.module")
	return v, nil
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
	for _, p := range []string{beside, filepath.Join(filepath.Dir(exe), "../lib", name), "/usr/lib/" + triplet() + "/" + name} {
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
