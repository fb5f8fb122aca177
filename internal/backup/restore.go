// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"fmt"
	"os"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Restored is what a restore has done.
type Restored struct {
	Backup Info     `json:"backup"`
	Undone []Undone `json:"undone"`
	Kept   uint64   `json:"records"` // written; records of former nodes are left behind
}

// Undone is an act that the restore took back.
type Undone struct {
	What      string `json:"what"` // "destruction", "change", "creation"; of a managed HSM with purge protection "deletion", "kept"
	Kind      string `json:"kind"` // "object", "operator", "partition", "agent", "record"
	Partition string `json:"partition"`
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
}

// Restore puts a backup in place of everything that is stored. The domain must have been brought to the core before, by its
// holders or its keeper. The store is filled beside the one that serves and takes its place as a whole, once the core has
// accepted everything.
func (e *Engine) Restore(ctx context.Context, p Place, name string, progress func(Progress)) (*Restored, error) {
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
		return nil, fault.Unsupported.At("restore into a cluster of several nodes: restore one, and let the others join it anew")
	}
	src, err := p.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	h, err := headOf(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	scratch, done, err := e.Scratch(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a store beside: %w", err)
	}
	defer done()
	fill := &filler{ctx: ctx, to: scratch}
	if err := e.pass(ctx, wire.OpRestore, "restore", src, h, progress, fill.add); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	undone, err := e.accept(ctx, h.head.Backup, scratch, fill, func() {
		if progress != nil {
			progress(Progress{Step: "exchange", Records: fill.count, Bytes: h.size, Total: h.size})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	info := infoOf(name, h.size, &h.head)
	info.Checked = true
	e.Log.Warn("restored", "backup", name, "place", p.String(), "records", fill.count, "undone", len(undone))
	return &Restored{info, words(undone), fill.count}, nil
}

// accept has the core decide on what has come to the scratch store, puts that in place, and has it opened.
func (e *Engine) accept(ctx context.Context, id key.ID, scratch store.Store, fill *filler, exchanging func()) ([]wire.Undone, error) {
	last, err := e.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: id})
	if err != nil {
		return nil, err
	}
	for _, rec := range last.Records { // one by one: they may speak of a path twice
		if err := fill.add([]wire.Record{rec}); err == nil {
			err = fill.flush()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := fill.flush(); err != nil {
		return nil, err
	}
	exchanging()
	if err := e.exchange(ctx, scratch); err != nil {
		return nil, fmt.Errorf("exchange the store: %w", err)
	}
	if _, err := e.ask(wire.OpRestore, &wire.BackupRequest{Verb: wire.BackupOpen, Backup: id}); err != nil {
		return nil, fmt.Errorf("the store is in place, but the core does not open it: %w", err)
	}
	return last.Undone, nil
}

// exchange moves the scratch store's content into the one that serves, by a snapshot, which the engine takes over atomically.
func (e *Engine) exchange(ctx context.Context, scratch store.Store) error {
	if err := durable.Mkdir(e.Spool); err != nil {
		return err
	}
	f, err := os.CreateTemp(e.Spool, tempName)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := scratch.Snapshot(ctx, f); err != nil {
		return err
	}
	if _, err := f.Seek(0, 0); err != nil {
		return err
	}
	return e.Store.Restore(ctx, f)
}

// filler writes records in Txns as large as the store takes.
type filler struct {
	ctx   context.Context
	to    store.Store
	puts  []store.Put
	size  int
	count uint64
}

func (f *filler) add(records []wire.Record) error {
	for _, r := range records {
		n := len(r.Path) + len(r.Value)
		if len(f.puts) == store.MaxOps || f.size+n > store.MaxBytes {
			if err := f.flush(); err != nil {
				return err
			}
		}
		f.puts = append(f.puts, store.Put{Path: r.Path, Value: r.Value})
		f.size += n
	}
	return nil
}

func (f *filler) flush() error {
	if len(f.puts) == 0 {
		return nil
	}
	_, err := f.to.Txn(f.ctx, store.Txn{Puts: f.puts})
	f.count += uint64(len(f.puts))
	f.puts, f.size = f.puts[:0], 0
	return err
}

func words(undone []wire.Undone) []Undone {
	list := []Undone{}
	for _, u := range undone {
		w := Undone{What: "creation", Kind: "record", Partition: u.Partition.String(), ID: u.ID.String(), Name: string(u.Name)}
		switch u.What {
		case wire.UndoneDestruction:
			w.What = "destruction"
		case wire.UndoneChange:
			w.What = "change"
		case wire.UndoneDeleted:
			w.What = "deletion"
		case wire.UndoneKept:
			w.What = "kept"
		}
		switch u.Kind {
		case wire.KindObject:
			w.Kind = "object"
		case wire.KindOperator:
			w.Kind = "operator"
		case wire.KindPartition:
			w.Kind = "partition"
		case wire.KindAgent:
			w.Kind = "agent"
		}
		list = append(list, w)
	}
	return list
}
