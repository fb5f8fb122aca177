// SPDX-License-Identifier: Apache-2.0

package memscan

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/systemtest/democore"
)

func TestMain(m *testing.M) {
	democore.Main()
	os.Exit(m.Run())
}

func startCore(t *testing.T) *boundary.Core {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("reading another process's memory takes root")
	}
	core, err := boundary.Start(t.Context(), boundary.Options{Args: democore.Args()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(core.Stop)
	return core
}

// give makes the core do op with a secret that travels masked.
func give(t *testing.T, core *boundary.Core, op uint16, secret []byte) {
	t.Helper()
	masked := slices.Clone(secret)
	democore.Mask(masked)
	if _, err := core.Call(op, masked); err != nil {
		t.Fatal(err)
	}
}

// look scans the core for a secret, as bytes and as a number.
func look(t *testing.T, core *boundary.Core, secret []byte) *Scanner {
	t.Helper()
	s := Scan([]int{core.Pid()}, Needles("secret", secret, Integer))
	if s.Scanned < 1<<20 {
		t.Fatalf("only %d bytes were looked at: %v", s.Scanned, s.Refused)
	}
	return s
}

func TestAPlainSecretIsFoundInTheCore(t *testing.T) {
	core := startCore(t)
	secret := random(32)
	if s := look(t, core, secret); len(s.Hits) != 0 {
		t.Fatalf("before it was given: %v", s.Hits)
	}
	give(t, core, democore.OpUsePlainly, secret)
	if s := look(t, core, secret); len(s.Hits) == 0 {
		t.Error("not found")
	}
	found := false
	for _, h := range Scan(nil, Needles("secret", secret, Bytes)).Hits {
		found = found || strings.HasPrefix(h.Where, "pid ")
	}
	if !found {
		t.Error("not found among all processes")
	}
}

func TestTheArenaIsNotFound(t *testing.T) {
	core := startCore(t)
	if ssp.Kind() != "memfd_secret" {
		t.Skip("this kernel has no memfd_secret")
	}
	secret := random(32)
	give(t, core, democore.OpKeep, secret)
	s := look(t, core, secret)
	if len(s.Hits) != 0 {
		t.Errorf("found: %v", s.Hits)
	}
	if !slices.ContainsFunc(s.Refused, func(r string) bool { return strings.Contains(r, "secretmem") }) {
		t.Errorf("the arena was not among what could not be read: %v", s.Refused)
	}
}

// The promise is 1 s after the last use; what was used before is also told from what is still in use.
func TestUseInsideDoLeavesNothingAfterASecond(t *testing.T) {
	if ssp.Erasure() == "none" {
		t.Skip("built without GOEXPERIMENT=runtimesecret")
	}
	core := startCore(t)
	secret, control := random(32), random(32)
	for range 200 {
		give(t, core, democore.OpUse, secret)
	}
	give(t, core, democore.OpUsePlainly, control)
	t.Logf("right after use: %d hits", len(look(t, core, secret).Hits))
	time.Sleep(1100 * time.Millisecond)
	if s := look(t, core, secret); len(s.Hits) != 0 {
		t.Errorf("%d hits a second after the last use, first %v", len(s.Hits), s.Hits[0])
	}
	if len(look(t, core, control).Hits) == 0 {
		t.Error("control: the secret used plainly is not found")
	}
}

// A store maps gigabytes beyond the end of its file; page by page that would take minutes.
func TestAMappedFileIsSearchedAsFarAsItGoes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the size of a mapped file is told to root")
	}
	secret := random(32)
	const reserved = 1 << 30
	f, err := os.Create(filepath.Join(t.TempDir(), "mapped"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(append(random(5000), secret...))
	mem, err := unix.Mmap(int(f.Fd()), 0, reserved, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	s := Scan([]int{os.Getpid()}, Needles("secret", secret, Bytes))
	if !slices.ContainsFunc(s.Hits, func(h Hit) bool { return strings.Contains(h.Where, "mapped") }) {
		t.Errorf("not found in the mapped file; refused: %v", s.Refused)
	}
	if s.Scanned > reserved {
		t.Errorf("%d bytes were looked at", s.Scanned)
	}
	if slices.ContainsFunc(s.Refused, func(r string) bool { return strings.Contains(r, "mapped") }) {
		t.Errorf("beyond the end: %v", s.Refused)
	}
}

func TestFilesAreSearched(t *testing.T) {
	dir, secret := t.TempDir(), random(32)
	os.MkdirAll(filepath.Join(dir, "a/b"), 0o700)
	os.WriteFile(filepath.Join(dir, "a/b/raw"), append(bytes.Repeat([]byte{7}, 3<<20), secret...), 0o600)
	os.WriteFile(filepath.Join(dir, "a/log"), []byte("key "+hex.EncodeToString(secret)), 0o600)
	os.WriteFile(filepath.Join(dir, "clean"), random(1<<20), 0o600)
	os.WriteFile(filepath.Join(dir, "but this"), secret, 0o600)
	s := New(Needles("secret", secret, Bytes))
	s.Path(dir, filepath.Join(dir, "but this"))
	var files []string
	for _, h := range s.Hits {
		files = append(files, h.Where)
	}
	slices.Sort(files)
	if got := slices.Compact(files); len(got) != 2 {
		t.Errorf("found in %v (refused %v)", got, s.Refused)
	}
	s.Path(filepath.Join(dir, "absent"))
	if len(s.Refused) != 1 {
		t.Error("a path that is not there passed in silence")
	}
}
