// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tooLong are the files that may pass 500 lines, each with its reason.
var tooLong = map[string]string{}

// sources walks our own source files, without what is built or generated.
func sources(t *testing.T, visit func(path string, text []byte)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != top || d.Name() == "bin" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		switch filepath.Ext(path) {
		case ".go", ".c", ".h", ".def":
		default:
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			rel, _ := filepath.Rel(top, path)
			visit(rel, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesReadInOneSitting(t *testing.T) {
	sources(t, func(path string, text []byte) {
		if strings.Contains(path, "_gen.") || strings.Contains(path, ".gen.") {
			return
		}
		if n := bytes.Count(text, []byte("\n")); n > 500 && tooLong[path] == "" {
			t.Errorf("%s has %d lines", path, n)
		}
	})
}

// TestSecurityNamesTestsThatThereAre holds SECURITY.md to its word that each claim is attacked by a test.
func TestSecurityNamesTestsThatThereAre(t *testing.T) {
	have := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
	sources(t, func(path string, text []byte) {
		for _, m := range function.FindAllSubmatch(text, -1) {
			have[string(m[1])] = true
		}
	})
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(read(t, "SECURITY.md"), -1)
	if len(named) < 10 {
		t.Errorf("SECURITY.md names %d tests", len(named))
	}
	for _, m := range named {
		if !have[m[1]] {
			t.Errorf("SECURITY.md names %s, which there is not", m[1])
		}
	}
}

func TestEveryFileNamesItsLicence(t *testing.T) {
	sources(t, func(path string, text []byte) {
		first, _, _ := bytes.Cut(text, []byte("\n"))
		if !bytes.Contains(first, []byte("SPDX-License-Identifier: Apache-2.0")) {
			t.Errorf("%s: line 1 is %q", path, first)
		}
	})
}

func TestTopOfTheHouseIsSmall(t *testing.T) {
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout:", err)
	}
	files, dirs := map[string]bool{}, map[string]bool{}
	for name := range strings.Lines(string(out)) {
		top, _, deeper := strings.Cut(strings.TrimSpace(name), "/")
		if deeper {
			dirs[top] = true
		} else {
			files[top] = true
		}
	}
	if len(files) > 16 || len(dirs) > 16 {
		t.Errorf("%d files and %d folders at the top; at most 16 each", len(files), len(dirs))
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		docs := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc == nil {
				continue
			}
			docs++
			want := "Package " + f.Name.Name + " "
			if f.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s/%s: the package doc starts %.30q", p.ImportPath, name, f.Doc.Text())
			}
		}
		if docs != 1 {
			t.Errorf("%s has %d package docs", p.ImportPath, docs)
		}
	}
}

func TestDependenciesHaveReasons(t *testing.T) {
	page := read(t, "docs/design/dependencies.md")
	direct := false
	for line := range strings.Lines(read(t, "go.mod") + read(t, "deploy/go.mod")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "replace") {
			t.Errorf("go.mod: %s", line)
		}
		if strings.HasPrefix(line, "require (") || line == ")" {
			direct = strings.HasPrefix(line, "require (")
			continue
		}
		if path, _, ok := strings.Cut(line, " "); direct && ok && !strings.Contains(line, "// indirect") {
			if !strings.Contains(page, "`"+path+"`") {
				t.Errorf("docs/design/dependencies.md gives no reason for %s", path)
			}
		}
	}
}

// TestWhatIsInsideTheBoundary compares everything that is linked into the core with a committed list, so that a new
// package inside the boundary is a line that a reviewer sees. Renew with: make deps.
func TestWhatIsInsideTheBoundary(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./internal/core")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p := range strings.Lines(string(out)) {
		if p = strings.TrimSpace(p); strings.Contains(strings.Split(p, "/")[0], ".") { // the standard library comes with Go
			got = append(got, p)
		}
	}
	want := strings.Fields(read(t, "internal/core/deps.txt"))
	have := map[string]bool{}
	for _, p := range want {
		have[p] = true
	}
	for _, p := range got {
		if !have[p] {
			t.Errorf("inside the boundary, but not in internal/core/deps.txt: %s", p)
		}
		delete(have, p)
	}
	for p := range have {
		t.Errorf("in internal/core/deps.txt, but not inside the boundary: %s", p)
	}
}
