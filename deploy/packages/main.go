// SPDX-License-Identifier: Apache-2.0

// Command packages makes the deb, rpm and apk packages of what "make build" has built, from nfpm.yaml:
//
//	cd deploy && go run ./packages -bin ../bin -version 1.2.3     # into ../bin/packages
//
// It is a module of its own, so that what it needs is no dependency of Genbu.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

func main() {
	bin := flag.String("bin", "../bin", "the folder of genbu and libgenbu-pkcs11.so")
	made := flag.String("made", "", "the folder of musl/libgenbu-pkcs11.so (default: BIN/packages/made); completions are written there")
	version := flag.String("version", "0.1", "the packages' version")
	flag.Parse()
	if err := run(*bin, *made, *version); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func run(bin, made, version string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	out := filepath.Join(bin, "packages")
	if made == "" {
		made = filepath.Join(out, "made")
	}
	if made, err = filepath.Abs(made); err != nil {
		return err
	}
	if err := completions(filepath.Join(bin, "genbu"), made); err != nil {
		return err
	}
	if err := os.Chdir("packages"); err != nil { // nfpm.yaml's paths start there
		return err
	}
	values := map[string]string{"VERSION": version, "GOARCH": runtime.GOARCH, "TRIPLET": triplet(), "BIN": bin, "MADE": made}
	config, err := nfpm.ParseFileWithEnvMapping("nfpm.yaml", func(name string) string { return values[name] })
	if err != nil {
		return err
	}
	for _, format := range []string{"deb", "rpm", "apk"} {
		if format == "apk" {
			if _, err := os.Stat(filepath.Join(made, "musl/libgenbu-pkcs11.so")); err != nil {
				fmt.Fprintln(os.Stderr, "packages: no apk, since the library was not built for musl:", err)
				continue
			}
		}
		if err := one(config, format, out); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

// one makes one package.
func one(config nfpm.Config, format, out string) error {
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	path := filepath.Join(out, packager.ConventionalFileName(info))
	info.Target = path
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := packager.Package(info, f); err != nil {
		f.Close()
		os.Remove(path)
		return err
	}
	fmt.Println(path)
	return f.Close()
}

// completions has the program write its completions for the shells.
func completions(genbu, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "genbu.bash", "zsh": "_genbu", "fish": "genbu.fish"} {
		text, err := exec.Command(genbu, "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completion %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// triplet is Debian's name of the architecture.
func triplet() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64-linux-gnu"
	}
	return "x86_64-linux-gnu"
}
