// SPDX-License-Identifier: Apache-2.0

package durable

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func names(t *testing.T, dir string) (list []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteFileReplacesTheWholeContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, want := range []string{"first and long", "second", ""} {
		if err := WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	if n := names(t, filepath.Dir(path)); len(n) != 1 {
		t.Errorf("left behind: %v", n)
	}
}

func TestAFailedWriteLeavesTheOldContentAndNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.Mkdir(path, 0o700); err != nil { // a directory cannot be replaced by a file
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if n := names(t, dir); len(n) != 1 || n[0] != "f" {
		t.Errorf("left behind: %v", n)
	}
	if err := WriteFile(filepath.Join(dir, "absent", "f"), nil, 0o600); err == nil {
		t.Error("wrote into a directory that is not there")
	}
}

// The old inode is kept open across the call, so that its blocks can be read after the name has gone.
func TestReplaceAndRemoveOverwriteTheOldBytes(t *testing.T) {
	secret := bytes.Repeat([]byte("secret"), 30000)
	for name, act := range map[string]func(path string) error{
		"replace": func(path string) error { return Replace(path, []byte("new"), 0o600) },
		"remove":  Remove,
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, secret, 0o600); err != nil {
			t.Fatal(err)
		}
		old, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if err := act(path); err != nil {
			t.Fatal(name, err)
		}
		left, err := io.ReadAll(old)
		if err != nil || len(left) != len(secret) || bytes.Contains(left, []byte("s")) {
			t.Errorf("%s: %d bytes left of which some are not zero, %v", name, len(left), err)
		}
		got, err := os.ReadFile(path)
		if name == "remove" && !os.IsNotExist(err) || name == "replace" && string(got) != "new" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestRemoveOfAnAbsentFileSucceedsAndSymlinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	if err := Remove(filepath.Join(dir, "absent")); err != nil {
		t.Error(err)
	}
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	os.WriteFile(target, []byte("keep"), 0o600)
	if err := syscall.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := Remove(link); err == nil {
		t.Error("a symbolic link was followed")
	}
	if got, _ := os.ReadFile(target); string(got) != "keep" {
		t.Errorf("target is %q", got)
	}
}

func TestAppendAdds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for range 3 {
		if err := Append(path, []byte("ab"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "ababab" {
		t.Errorf("got %q", got)
	}
}

func TestMkdirMakesParentsForThisUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := Mkdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	file := filepath.Join(dir, "f")
	os.WriteFile(file, nil, 0o600)
	if err := Mkdir(file); err == nil {
		t.Error("a file passed for a directory")
	}
}

func TestSweepRemovesOnlyWhatAKilledProcessLeft(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{tempMark + "f-123", "f", "g.tmp-1"} {
		os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o600)
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if n := names(t, dir); len(n) != 2 {
		t.Errorf("left: %v", n)
	}
}
