// SPDX-License-Identifier: Apache-2.0

// Package durable changes files so that a crash at any moment leaves the old content or the new, never a mix, and so that
// what was reported done is on disk.
//
// WriteFile and Replace put a whole file in place; Append adds to one; Remove destroys one. Each returns only after the
// bytes and the directory entry that leads to them have been synced. None of them locks: one process owns a directory.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// tempMark begins the name of a file that is not in place yet; Sweep finds what a killed process left by it.
const tempMark = ".tmp-"

// WriteFile puts a file with this content in place of whatever path names. After a crash path has the old content or
// the new. What was there before is unlinked, not overwritten: use Replace for what must not be found again.
func WriteFile(path string, content []byte, perm fs.FileMode) error {
	dir, name := filepath.Split(filepath.Clean(path))
	f, err := os.CreateTemp(dirOf(dir), tempMark+name+"-*")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	defer os.Remove(f.Name()) // fails, as it should, once the file was renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write temporary file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// Replace is WriteFile, and then overwrites the blocks of the file that was there before. The new content is in place
// before the old is touched.
func Replace(path string, content []byte, perm fs.FileMode) error {
	old, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	if err := WriteFile(path, content, perm); err != nil || old == nil {
		return err
	}
	return overwrite(old)
}

// Append adds content to the end of path, which it creates if need be.
func Append(path string, content []byte, perm fs.FileMode) error {
	_, serr := os.Lstat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && serr != nil {
		err = SyncDir(filepath.Dir(path))
	}
	return err
}

// Remove overwrites the file with zeros, syncs, unlinks it and syncs the directory. A file that is not there is removed
// already.
//
// BUG(durable): on flash, and on file systems that write elsewhere than where a file lies (btrfs, zfs, overlays), the old
// blocks live on until the device reuses them. Encrypting the disk ends this; SECURITY.md says so.
func Remove(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := overwrite(f); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

func overwrite(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("overwrite %s: not a regular file", f.Name())
	}
	zeros := make([]byte, 64<<10)
	for at := int64(0); at < info.Size(); {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return f.Sync()
}

// Mkdir makes a directory for this process alone, with the parents it needs, and syncs every directory that gained an
// entry. A directory that is there is left as it is.
func Mkdir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if parent != dir {
		if err := Mkdir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes the entries of dir durable: a created, renamed or removed file is so only after this.
func SyncDir(dir string) error {
	d, err := os.Open(dirOf(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Sweep removes the temporary files that a killed process left in dir.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempMark) && e.Type().IsRegular() {
			if err := Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func dirOf(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}
