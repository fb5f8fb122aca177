// SPDX-License-Identifier: Apache-2.0

// Package mechtest reads published test vectors for the tests of mechanisms. Only tests import it.
//
//	var file mechtest.File[aeadGroup]
//	mechtest.Wycheproof(t, "aes_gcm_test.json", &file)
//
// A test that asks for vectors is skipped, with a message, where the folder of vectors does not stand beside the
// project.
package mechtest

import (
	"archive/tar"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// File is the frame that all Wycheproof files share; G is the group of one of them.
type File[G any] struct {
	Algorithm     string
	NumberOfTests int
	TestGroups    []G
}

// Case holds the fields every Wycheproof case has; embed it.
type Case struct {
	TCID    int `json:"tcId"`
	Comment string
	Result  string // valid, invalid, acceptable
	Flags   []string
}

// Valid tells whether an implementation must accept the case; one that is "acceptable" may go either way.
func (c Case) Valid() bool { return c.Result == "valid" }

// Invalid tells whether an implementation must refuse the case.
func (c Case) Invalid() bool { return c.Result == "invalid" }

// Flagged tells whether the case carries a flag.
func (c Case) Flagged(flag string) bool {
	for _, f := range c.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// Hex is a byte string as the files write it.
type Hex []byte

// UnmarshalText reads lower- or upper-case hex digits.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// Bytes decodes a hex literal of a test.
func Bytes(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// archive holds the files that were asked for, and those before them in the archive, while one test binary runs.
var archive struct {
	sync.Mutex
	files map[string][]byte
}

// Wycheproof decodes one file of the archive into v, or skips the test when there is no archive.
func Wycheproof(t testing.TB, name string, v any) {
	t.Helper()
	data, ok := files(t)[name]
	if !ok {
		t.Fatalf("no %s among the Wycheproof vectors", name)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// Names lists the files of the archive in order, or skips the test when there is no archive.
func Names(t testing.TB) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(files(t)))
}

func files(t testing.TB) map[string][]byte {
	t.Helper()
	archive.Lock()
	defer archive.Unlock()
	if archive.files == nil {
		top, err := root()
		if err != nil {
			t.Fatal(err)
		}
		tarball := filepath.Join(top, "..", "shared", "vectors", "wycheproof-v1.tar.xz")
		if _, err := os.Stat(tarball); err != nil {
			t.Skip("Wycheproof vectors are absent: ../shared/vectors beside the project")
		}
		files, err := read(tarball)
		if err != nil {
			t.Fatalf("Wycheproof vectors: %v", err)
		}
		archive.files = files
	}
	return archive.files
}

// read unpacks the archive into memory: some 75 MB, in about half a second.
func read(tarball string) (map[string][]byte, error) {
	xz := exec.Command("xz", "-dc", tarball)
	out, err := xz.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := xz.Start(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(out); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, xz.Wait())
		}
		if path.Ext(h.Name) != ".json" {
			continue
		}
		if files[path.Base(h.Name)], err = io.ReadAll(tr); err != nil {
			return nil, errors.Join(err, xz.Wait())
		}
	}
	if _, err := io.Copy(io.Discard, out); err != nil { // xz pads its end
		return nil, err
	}
	return files, xz.Wait()
}

// root walks up to the folder of go.mod.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
