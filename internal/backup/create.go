// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	// attempts: the store forgets history after some minutes. A list that was slower than that begins anew, into a file on this
	// machine, which is quick enough the second time or hopeless.
	attempts = 3

	tempMark = ".tmp-backup-"
	tempName = tempMark + "*"
)

// Create makes a backup of everything that is stored now and keeps it in p.
func (e *Engine) Create(ctx context.Context, p Place, progress func(Progress)) (*Info, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if progress == nil {
		progress = func(Progress) {}
	}
	dir := e.Spool
	if s, ok := p.(spooler); ok {
		if dir, err = s.spool(); err != nil {
			return nil, err
		}
	}
	if err := durable.Mkdir(dir); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, tempName)
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name()) // fails, as it should, once the place has taken the file over
	defer f.Close()
	var head []byte
	var size int64
	for try := 1; ; try++ {
		head, size, err = e.write(ctx, f, progress)
		if !errors.Is(err, store.ErrCompacted) || try == attempts {
			break
		}
		e.Log.Warn("the store has forgotten what a backup was about to read: it begins anew", "try", try)
	}
	if err != nil {
		return nil, fmt.Errorf("make backup: %w", err)
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	var h wire.BackupHead
	r := wire.NewReader(head)
	if h.Decode(&r); r.End() != nil {
		return nil, fault.Internal.At("read the head of a new backup")
	}
	name := nameOf(&h)
	kept := func(bytes int64) {
		progress(Progress{Step: "keep", Records: h.Records, Bytes: bytes, Total: size})
	}
	if err := p.Put(ctx, name, f, size, kept); err != nil {
		return nil, fmt.Errorf("keep backup in %s: %w", p, err)
	}
	info := infoOf(name, size, &h)
	info.Checked = true
	e.mu.Lock()
	e.last = info
	e.mu.Unlock()
	e.Log.Info("backup made", "name", name, "place", p.String(), "records", h.Records, "bytes", size, "revision", h.Revision)
	return &info, nil
}

// write lists the store at one revision and has the core seal it, into f.
func (e *Engine) write(ctx context.Context, f *os.File, progress func(Progress)) (head []byte, size int64, err error) {
	if err = f.Truncate(0); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return nil, 0, err
	}
	begun, err := e.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupBegin})
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			e.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupDrop, Backup: begun.Backup})
		}
	}()
	w, err := newWriter(f, begun.Domain, begun.Backup)
	if err != nil {
		return nil, 0, err
	}
	c := &chunker{e: e, op: wire.OpBackup, w: w, backup: begun.Backup, progress: progress}
	revision, err := c.all(ctx, store.Range{})
	if err != nil {
		return nil, 0, err
	}
	ended, err := e.ask(wire.OpBackup, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: begun.Backup, Revision: revision})
	if err != nil {
		return nil, 0, err
	}
	err = w.end(ended.Bytes)
	return ended.Bytes, w.written, err
}

// chunker gathers records until they make a chunk. A full one waits until it is known whether another follows.
type chunker struct {
	e        *Engine
	op       uint16
	w        *writer
	backup   key.ID
	progress func(Progress)

	records []wire.Record
	size    int
	count   uint64
}

// all hands over every record in a range, as of one revision.
func (c *chunker) all(ctx context.Context, in store.Range) (revision int64, err error) {
	revision, err = c.e.Store.List(ctx, in, func(r store.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return c.add(wire.Record{Path: r.Path, Value: r.Value})
	})
	if err == nil {
		err = c.flush(true)
	}
	return revision, err
}

func (c *chunker) add(r wire.Record) error {
	if c.size >= chunkBytes {
		if err := c.flush(false); err != nil {
			return err
		}
	}
	c.records = append(c.records, r)
	c.size += len(r.Path) + len(r.Value) + 8
	return nil
}

func (c *chunker) flush(last bool) error {
	sealed, err := c.e.ask(c.op, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: c.backup, Records: c.records, Last: last})
	if err != nil {
		return err
	}
	c.count += uint64(len(c.records))
	c.records, c.size = c.records[:0], 0
	if len(sealed.Bytes) > 0 { // a partition's change log makes none
		if err := c.w.chunk(sealed.Bytes); err != nil {
			return err
		}
	}
	c.progress(Progress{Step: "seal", Records: c.count, Bytes: c.w.written})
	return nil
}

// Sweep removes what backups that were killed left in the spool and in a directory.
func Sweep(dirs ...string) {
	for _, dir := range dirs {
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			if strings.HasPrefix(f.Name(), tempMark) && f.Type().IsRegular() {
				os.Remove(filepath.Join(dir, f.Name()))
			}
		}
	}
}
