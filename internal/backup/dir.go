// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// directory is a Place in a file system: another disk, or one that is mounted from another machine.
type directory struct{ path string }

func (d *directory) String() string { return d.path }

func (d *directory) List(context.Context) (list []Entry, err error) {
	files, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if CheckName(f.Name()) != nil || !f.Type().IsRegular() {
			continue
		}
		if info, err := f.Info(); err == nil {
			list = append(list, Entry{f.Name(), info.Size()})
		}
	}
	return list, err
}

func (d *directory) Open(_ context.Context, name string) (Source, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, info.Size()}, nil
}

type file struct {
	*os.File
	size int64
}

func (f *file) Size() int64 { return f.size }

func (f *file) Range(at, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(f.File, at, n)), nil
}

func (d *directory) spool() (string, error) { return d.path, durable.Mkdir(d.path) }

// Put takes over a file that was made in the directory by renaming it, and copies another one first.
func (d *directory) Put(ctx context.Context, name string, from *os.File, size int64, progress func(int64)) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := durable.Mkdir(d.path); err != nil {
		return err
	}
	path := filepath.Join(d.path, name)
	if filepath.Dir(from.Name()) == d.path {
		return d.link(from.Name(), path)
	}
	to, err := os.CreateTemp(d.path, tempName)
	if err != nil {
		return err
	}
	defer os.Remove(to.Name())
	_, err = io.Copy(to, &counted{r: io.NewSectionReader(from, 0, size), ctx: ctx, tell: progress})
	if err == nil {
		err = to.Sync()
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return d.link(to.Name(), path)
}

// link gives a file its name, unless somebody has it: rename would replace what is there.
func (d *directory) link(from, to string) error {
	if err := os.Link(from, to); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		if _, err := os.Lstat(to); err == nil { // a file system without links
			return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
		return durable.SyncDir(d.path)
	}
	if err := os.Remove(from); err != nil {
		return err
	}
	return durable.SyncDir(d.path)
}

func (d *directory) Delete(_ context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(d.path, name)); err != nil {
		return err
	}
	return durable.SyncDir(d.path)
}

// counted is a reader that tells how far it is and ends with its context.
type counted struct {
	r    io.Reader
	ctx  context.Context
	n    int64
	tell func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	if c.tell != nil {
		c.tell(c.n)
	}
	return n, err
}
