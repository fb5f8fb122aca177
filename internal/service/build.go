// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service/index"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	describeRecords = 256       // of one Describe: some 50 us of work for the core each, so it answers in milliseconds
	describeBytes   = 512 << 10 // and in any case, so that large data objects do not fill a message
	describers      = 4         // Describe calls under way at once
)

// build lists all records and has the core describe those of objects.
func (f *feed) build(ctx context.Context, core Core, progress func(objects int)) (*index.Index, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x := index.New()
	if err := describe(core, x, nil, true, f.log); err != nil {
		return x, 0, err
	}
	batches := make(chan []wire.Record)
	var workers sync.WaitGroup
	for range describers {
		workers.Go(func() {
			for batch := range batches {
				if ctx.Err() != nil {
					continue
				}
				if err := describe(core, x, batch, false, f.log); err != nil {
					cancel(err)
				} else if progress != nil {
					progress(x.Len())
				}
			}
		})
	}
	var batch []wire.Record
	size := 0
	at, err := f.store.List(ctx, store.Range{Prefix: "r/"}, func(r store.Record) error {
		if _, _, ok := parseObject(r.Path); !ok {
			return nil
		}
		batch = append(batch, wire.Record(r))
		if size += len(r.Value); len(batch) == describeRecords || size >= describeBytes {
			batches <- batch
			batch, size = nil, 0
		}
		return context.Cause(ctx)
	})
	if err == nil && len(batch) > 0 {
		batches <- batch
	}
	close(batches)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return x, at, err
}

// describe asks the core what the records are and tells the index. A record that the core refuses is named in the log
// and left out; only a failure of the call itself is an error.
func describe(core Core, x *index.Index, batch []wire.Record, fresh bool, log *slog.Logger) error {
	var w wire.Writer
	(&wire.DescribeRequest{Fresh: fresh, Records: batch}).Encode(&w)
	body, err := core.Call(wire.OpDescribe, w.B)
	if err != nil {
		return err
	}
	var reply wire.DescribeReply
	r := wire.NewReader(body)
	reply.Decode(&r)
	if err := r.End(); err != nil || len(reply.Items) != len(batch) {
		return fault.Malformed.At("describe records")
	}
	for i, item := range reply.Items {
		partition, object, _ := parseObject(batch[i].Path)
		switch {
		case item.Fault != fault.OK:
			log.Warn("record is refused", "path", batch[i].Path, "reason", item.Fault)
			x.Remove(partition, object) // what it was before is gone as well
		case item.Meta == nil:
			x.Remove(partition, object)
		case item.Meta.Partition != partition || item.Meta.Object != object:
			return fault.Malformed.At("describe records: the answer is of another record")
		default:
			x.Put(item.Meta)
		}
	}
	return nil
}

// objectPath is where the record of an object is (docs/design/records.md).
func objectPath(partition, object key.ID) string {
	return "r/" + partition.String() + "/o/" + object.String()
}

func parseObject(path string) (partition, object key.ID, ok bool) {
	rest, ok1 := strings.CutPrefix(path, "r/")
	p, o, ok2 := strings.Cut(rest, "/o/")
	partition, ok3 := key.ParseID(p)
	object, ok4 := key.ParseID(o)
	return partition, object, ok1 && ok2 && ok3 && ok4 && path == objectPath(partition, object)
}
