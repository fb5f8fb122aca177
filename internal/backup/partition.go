// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// A managed HSM's backup is one blob in a folder that is named after it.
const partitionBlob = "/partition.gbb"

// CreatePartition carries a run out that the core has begun (PARTITION_BACKUP): the backup of one partition, into a folder of a container.
func (e *Engine) CreatePartition(ctx context.Context, run, partition key.ID, to *Container, folder string, progress func(Progress)) (err error) {
	defer func() {
		if err != nil {
			e.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupDrop, Backup: run})
		}
	}()
	f, done, err := e.scratchFile()
	if err != nil {
		return err
	}
	defer done()
	var size int64
	var records uint64
	for try := 1; ; try++ {
		size, records, err = e.writePartition(ctx, f, run, partition, progress)
		if !errors.Is(err, store.ErrCompacted) || try == attempts {
			break
		}
	}
	if err != nil {
		return err
	}
	err = to.Put(ctx, folder+partitionBlob, f, size, func(n int64) { progress(Progress{Step: "keep", Records: records, Bytes: n, Total: size}) })
	if err == nil {
		e.Log.Info("backup of a managed HSM made", "partition", partition, "folder", to.String()+"/"+folder, "items", records, "bytes", size)
	}
	return err
}

// scratchFile makes a file in the spool, which done removes.
func (e *Engine) scratchFile() (f *os.File, done func(), err error) {
	if err := durable.Mkdir(e.Spool); err != nil {
		return nil, nil, err
	}
	if f, err = os.CreateTemp(e.Spool, tempName); err != nil {
		return nil, nil, err
	}
	return f, func() { f.Close(); os.Remove(f.Name()) }, nil
}

// writePartition lists the partition's records at one revision and has the core seal them, into f.
func (e *Engine) writePartition(ctx context.Context, f *os.File, run, partition key.ID, progress func(Progress)) (size int64, records uint64, err error) {
	if err = f.Truncate(0); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return 0, 0, err
	}
	begun, err := e.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupBegin, Backup: run})
	if err != nil {
		return 0, 0, err
	}
	w, err := newWriter(f, begun.Domain, begun.Backup)
	if err != nil {
		return 0, 0, err
	}
	c := &chunker{e: e, op: wire.OpPartitionBackup, w: w, backup: run, progress: progress}
	revision, err := c.all(ctx, store.Range{Prefix: "r/" + partition.String() + "/"})
	if err != nil {
		return 0, 0, err
	}
	ended, err := e.ask(wire.OpPartitionBackup, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: run, Revision: revision})
	if err != nil {
		return 0, 0, err
	}
	var h wire.BackupHead
	r := wire.NewReader(ended.Bytes)
	if h.Decode(&r); r.End() != nil {
		return 0, 0, fault.Internal.At("read the head of a new backup")
	}
	err = w.end(ended.Bytes)
	return w.written, h.Records, err
}

// RestorePartition carries a run out that the core has begun (PARTITION_RESTORE), from a folder of a container. With look nothing is changed.
// The backup is copied here first: once the core has begun to change something, nothing outside can stop it halfway.
func (e *Engine) RestorePartition(ctx context.Context, run key.ID, from *Container, folder string, look bool, progress func(Progress)) (undone []Undone, err error) {
	drop := func() (*wire.BackupReply, error) {
		return e.ask(wire.OpPartitionRestore, &wire.BackupRequest{Verb: wire.BackupDrop, Backup: run})
	}
	defer func() {
		if err != nil {
			drop()
		}
	}()
	f, done, err := e.scratchFile()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := from.Get(ctx, folder+partitionBlob, f, func(n, total int64) { progress(Progress{Step: "fetch", Bytes: n, Total: total}) }); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	src := &file{f, info.Size()}
	h, err := headOf(src)
	if err != nil {
		return nil, err
	}
	if _, err := e.ask(wire.OpPartitionRestore, &wire.BackupRequest{Verb: wire.BackupBegin, Backup: run, Bytes: h.bytes}); err != nil {
		return nil, errAt{fmt.Sprintf("bytes %d to %d, the head", h.at, h.at+int64(len(h.bytes))), err}
	}
	for _, step := range []string{"check", "restore"} {
		if err := h.chunks(src, func(number uint64, last bool, chunk []byte, at int64) error {
			progress(Progress{Step: step, Records: h.head.Records, Bytes: at, Total: h.size})
			_, err := e.ask(wire.OpPartitionRestore, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: run, Number: number, Last: last, Bytes: chunk})
			return err
		}); err != nil {
			return nil, err
		}
		ended, err := e.ask(wire.OpPartitionRestore, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: run})
		if err != nil {
			return nil, err
		}
		if look {
			_, err := drop()
			return nil, err
		}
		undone = words(ended.Undone)
	}
	e.Log.Warn("managed HSM restored", "folder", from.String()+"/"+folder, "items", h.head.Records, "undone", len(undone))
	return undone, nil
}
