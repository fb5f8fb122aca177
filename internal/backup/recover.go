// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"fmt"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Recovered is what a recovery has done.
type Recovered struct {
	Kept     uint64 `json:"records"`
	Left     uint64 `json:"left_behind"` // of the nodes that are lost, their keys and open join tokens
	Revision int64  `json:"revision"`    // of the store, of whose records at that moment the new incarnation is made
}

// Recover is Restore from the records of this node's own store, which is what a node has when the majority of its cluster is lost for
// good. The domain must have been brought to the core before. What is refused changes nothing.
func (e *Engine) Recover(ctx context.Context, progress func(Progress)) (*Recovered, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	members, err := e.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	if len(members) > 1 {
		return nil, fault.Unsupported.At("recover: this store is one of several")
	}
	begun, err := e.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupBegin})
	if err != nil {
		return nil, err
	}
	scratch, done, err := e.Scratch(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a store beside: %w", err)
	}
	defer done()
	fill := &filler{ctx: ctx, to: scratch}
	var records []wire.Record
	size, count := 0, uint64(0)
	pass := func(last bool) error {
		r, err := e.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: begun.Backup, Records: records, Last: last})
		if err != nil {
			return err
		}
		count += uint64(len(records))
		records, size = records[:0], 0
		if progress != nil {
			progress(Progress{Step: "recover", Records: count})
		}
		return fill.add(r.Records)
	}
	revision, err := e.Store.List(ctx, store.Range{}, func(r store.Record) error {
		records = append(records, wire.Record{Path: r.Path, Value: r.Value})
		if size += len(r.Path) + len(r.Value) + 8; size < chunkBytes {
			return nil
		}
		return pass(false)
	})
	if err == nil {
		err = pass(true)
	}
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	kept := fill.count + uint64(len(fill.puts))
	if _, err := e.accept(ctx, begun.Backup, scratch, fill, func() {}); err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	e.Log.Warn("recovered from this node's own store", "records", kept, "left_behind", count-kept, "revision", revision)
	return &Recovered{kept, count - kept, revision}, nil
}
