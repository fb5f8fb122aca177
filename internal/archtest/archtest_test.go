// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the code to what ARCHITECTURE.md, SECURITY.md and docs/design/dependencies.md say of it. Each
// test is one fitness function; where a rule turns out wrong, the document changes in the same commit.
package archtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/genbu-hsm/genbu/"

type pkg struct {
	ImportPath string
	Imports    []string
	GoFiles    []string
	Dir        string
}

// root is the top of the repository, found from the place of this test.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var list = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles,Dir", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
})

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block is the text between the markers <!-- name --> and <!-- /name -->, without the fence.
func block(t *testing.T, text, name string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "<!-- "+name+" -->")
	body, _, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok || !ok2 {
		t.Fatalf("no block %q", name)
	}
	var lines []string
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "```") {
			lines = append(lines, line)
		}
	}
	return lines
}

// besides are programs and tests beside the floors: nothing may import them.
func besides(path string) bool {
	for _, top := range []string{"pkcs11", "conformance", "systemtest", "bench", "deploy", "internal/archtest"} {
		if path == top || strings.HasPrefix(path, top+"/") {
			return true
		}
	}
	return false
}

func floors(t *testing.T) map[string]int {
	t.Helper()
	floor := map[string]int{}
	for i, line := range block(t, read(t, "ARCHITECTURE.md"), "floors") {
		for _, p := range strings.Fields(line) {
			floor[p] = i
		}
	}
	return floor
}

func TestImportsGoDownOnly(t *testing.T) {
	floor := floors(t)
	seen := map[string]bool{}
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		seen[from] = true
		f, stands := floor[from]
		if !stands && !besides(from) {
			t.Errorf("%s stands on no floor of ARCHITECTURE.md", from)
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if besides(to) && !besides(from) {
				t.Errorf("%s imports %s, which stands beside the floors", from, to)
			}
			if g, ok := floor[to]; stands && ok && g <= f {
				t.Errorf("%s imports %s, which is not below it", from, to)
			}
		}
	}
	for p := range floor {
		if !seen[p] {
			t.Errorf("ARCHITECTURE.md names %s, which does not exist", p)
		}
	}
}

func TestHostAndCoreShareOnlyTheWords(t *testing.T) {
	core := func(p string) bool {
		return strings.HasPrefix(p, "internal/core") || strings.HasPrefix(p, "internal/ssp")
	}
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		if besides(from) || from == "cmd/genbu" { // cmd/genbu starts the role "core"
			continue
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module)
			if !ours || to == "key" || to == "internal/fault" || to == "internal/wire" {
				continue
			}
			if core(from) != core(to) {
				t.Errorf("%s and %s stand on different sides of the boundary", from, to)
			}
		}
	}
}

// TestCoreKeepsItsDiet keeps printing, files and the network out of the core: a secret cannot be logged by code that
// does not compile. core/process is the one hatch; mechtest only reads vectors for tests.
func TestCoreKeepsItsDiet(t *testing.T) {
	forbidden := []string{"fmt", "log", "log/slog", "os", "os/exec", "net", "net/http", "reflect", "time", "encoding/json", "testing"}
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		wing := strings.HasPrefix(from, "internal/core") || strings.HasPrefix(from, "internal/ssp")
		if !wing || from == "internal/core/process" || from == "internal/core/mech/mechtest" {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(forbidden, imp) {
				t.Errorf("%s imports %s", from, imp)
			}
		}
	}
}

// TestReadersOfSecretsAreListed compares the importers of the access token with the list in SECURITY.md.
func TestReadersOfSecretsAreListed(t *testing.T) {
	var readers []string
	for _, p := range packages(t) {
		if name := strings.TrimPrefix(p.ImportPath, module); !besides(name) && slices.Contains(p.Imports, module+"internal/ssp/access") {
			readers = append(readers, strings.TrimPrefix(p.ImportPath, module))
		}
	}
	slices.Sort(readers)
	want := block(t, read(t, "SECURITY.md"), "readers")
	if !slices.Equal(readers, want) {
		t.Errorf("SECURITY.md lists %v, the code has %v", want, readers)
	}
}
