// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Verify has the core open every chunk and every record of a backup. It changes nothing, here or there. An error names the
// first place that is not as it was made.
func (e *Engine) Verify(ctx context.Context, p Place, name string, progress func(Progress)) (*Info, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return e.verify(ctx, p, name, progress)
}

func (e *Engine) verify(ctx context.Context, p Place, name string, progress func(Progress)) (*Info, error) {
	src, err := p.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	h, err := headOf(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := e.pass(ctx, wire.OpVerify, "verify", src, h, progress, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := e.ask(wire.OpVerify, &wire.BackupRequest{Verb: wire.BackupEnd, Backup: h.head.Backup}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	info := infoOf(name, h.size, &h.head)
	info.Checked = true
	return &info, nil
}

// pass gives the head and all chunks to the core; take gets what it answers to each chunk.
func (e *Engine) pass(ctx context.Context, op uint16, step string, src Source, h *headed, progress func(Progress), take func([]wire.Record) error) error {
	if _, err := e.ask(op, &wire.BackupRequest{Verb: wire.BackupBegin, Bytes: h.bytes}); err != nil {
		return errAt{fmt.Sprintf("bytes %d to %d, the head", h.at, h.at+int64(len(h.bytes))), err}
	}
	return h.chunks(src, func(number uint64, last bool, chunk []byte, at int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := e.ask(op, &wire.BackupRequest{Verb: wire.BackupChunk, Backup: h.head.Backup, Number: number, Last: last, Bytes: chunk})
		if err != nil {
			return err
		}
		if take != nil {
			if err := take(r.Records); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(Progress{Step: step, Records: h.head.Records, Bytes: at + int64(len(chunk)), Total: h.size})
		}
		return nil
	})
}

// Copy keeps a backup in another place as well. The bytes are compared with the digest in the head on the way; whether that is
// the core's word, Verify tells.
func Copy(ctx context.Context, from, to Place, name, spool string, progress func(Progress)) (*Info, error) {
	src, err := from.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	h, err := headOf(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if nameOf(&h.head) != name {
		return nil, fmt.Errorf("%s: %w", name, invalid("the name", "it is not that of the backup, "+nameOf(&h.head)))
	}
	sum := sha256.New()
	err = h.chunks(src, func(_ uint64, _ bool, chunk []byte, _ int64) error {
		sum.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(chunk))))
		sum.Write(chunk)
		return ctx.Err()
	})
	if err == nil && wire.Hash(sum.Sum(nil)) != h.head.Digest {
		err = fault.BackupInvalid.At("compare the chunks with the head: they were altered")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s, ok := to.(spooler); ok {
		if spool, err = s.spool(); err != nil {
			return nil, err
		}
	}
	if err := durable.Mkdir(spool); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(spool, tempName)
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	r, err := src.Range(0, h.size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tell := func(n int64) {
		if progress != nil {
			progress(Progress{Step: "copy", Records: h.head.Records, Bytes: n, Total: h.size})
		}
	}
	if _, err := io.Copy(f, &counted{r: r, ctx: ctx, tell: tell}); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := to.Put(ctx, name, f, h.size, nil); err != nil {
		return nil, fmt.Errorf("keep backup in %s: %w", to, err)
	}
	info := infoOf(name, h.size, &h.head)
	return &info, nil
}
