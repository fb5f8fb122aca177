// SPDX-License-Identifier: Apache-2.0

// Package backup is the host's part of backups (docs/design/backup.md): it lists the store at one revision, has the core seal what
// it lists, and keeps the result as one file in a Place: a directory, or a bucket of an S3-compatible service. It opens nothing,
// since it could not.
//
//	e := &backup.Engine{Store: engine, Core: core, Spool: dir, Log: log}
//	info, err := e.Create(ctx, place, progress)
//	err = e.Verify(ctx, place, name, progress)        every chunk and record, without restoring
//	done, err := e.Restore(ctx, place, name, progress)
//	gone, err := e.Retain(ctx, place, keep, now)      never the last one
//
// What Create returns is durable, complete and of one moment. What is refused changes nothing.
package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Core is the boundary as backups need it.
type Core interface {
	Call(op uint16, body []byte) ([]byte, error)
}

// Engine makes, checks and restores backups, one at a time.
type Engine struct {
	Store store.Store
	Core  Core
	Spool string // a directory of this process for files that are not in place yet
	Log   *slog.Logger

	// Scratch opens an empty store of the same kind as Store, which a restore fills; done removes it.
	Scratch func(ctx context.Context) (s store.Store, done func(), err error)

	busy sync.Mutex

	mu   sync.Mutex
	last Info // guarded by mu: the last that this engine made
}

// Progress is how far something is.
type Progress struct {
	Step    string `json:"step"`
	Records uint64 `json:"records"`
	Bytes   int64  `json:"bytes"`
	Total   int64  `json:"total,omitempty"` // bytes, where they are known
}

// Info is what a backup says of itself.
type Info struct {
	Name        string    `json:"name"`
	Size        int64     `json:"size"`
	Time        time.Time `json:"time"`
	Backup      string    `json:"id"`
	Domain      string    `json:"domain"`
	Incarnation string    `json:"incarnation"`
	Node        string    `json:"node"`
	Revision    int64     `json:"revision"`
	Records     uint64    `json:"records"`
	Chunks      uint64    `json:"chunks"`
	Partitions  int       `json:"partitions"`
	Version     string    `json:"version"`
	Head        string    `json:"head"`         // its digest, by which holders name this backup in their statement
	Checked     bool      `json:"head_checked"` // the core says that a core of this domain made the head
	Fault       string    `json:"fault,omitempty"`
}

func infoOf(name string, size int64, h *wire.BackupHead) Info {
	return Info{Name: name, Size: size, Time: time.Unix(0, h.Time).UTC(), Backup: h.Backup.String(), Domain: h.Domain.String(),
		Incarnation: h.Incarnation.String(), Node: h.Node.String(), Revision: h.Revision, Records: h.Records, Chunks: h.Chunks,
		Partitions: max(0, len(h.Heads)-1), Version: h.Version, Head: headDigest(h)}
}

func headDigest(h *wire.BackupHead) string {
	var w wire.Writer
	h.Encode(&w)
	digest := wire.LeafHash(w.B)
	return hex.EncodeToString(digest[:])
}

// ErrBusy says that another backup, verification or restore is under way here.
var ErrBusy = errors.New("another backup, verification or restore is under way on this node")

func (e *Engine) enter() (leave func(), err error) {
	if !e.busy.TryLock() {
		return nil, busy{}
	}
	return e.busy.Unlock, nil
}

// busy is ErrBusy with its fault.
type busy struct{}

func (busy) Error() string        { return ErrBusy.Error() }
func (busy) Is(target error) bool { return target == ErrBusy }
func (busy) Unwrap() error        { return fault.Busy }

// Last is the newest backup that this engine has made; false for none since it began.
func (e *Engine) Last() (Info, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last, e.last.Name != ""
}

// ask calls the core.
func (e *Engine) ask(op uint16, request *wire.BackupRequest) (*wire.BackupReply, error) {
	var w wire.Writer
	request.Encode(&w)
	body, err := e.Core.Call(op, w.B)
	if err != nil {
		return nil, once(err)
	}
	reply := &wire.BackupReply{}
	r := wire.NewReader(body)
	reply.Decode(&r)
	return reply, r.End()
}

// once takes the code's words off a step that came over the boundary, where they stand already.
func once(err error) error {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code.At(strings.TrimSuffix(e.Step, ": "+e.Code.String()))
	}
	return err
}

// Look tells what the backups of a place say of themselves, by rising time. With a core that is open their heads are checked.
func (e *Engine) Look(ctx context.Context, p Place) ([]Info, error) {
	entries, err := p.List(ctx)
	if err != nil {
		return nil, err
	}
	list := []Info{}
	for _, entry := range entries {
		list = append(list, e.look(ctx, p, entry))
	}
	sortByTime(list)
	return list, nil
}

func (e *Engine) look(ctx context.Context, p Place, entry Entry) Info {
	h, err := readHead(ctx, p, entry.Name)
	if err != nil {
		return Info{Name: entry.Name, Size: entry.Size, Fault: err.Error()}
	}
	i := infoOf(entry.Name, entry.Size, &h.head)
	if e.Core == nil {
		return i
	}
	switch _, err = e.ask(wire.OpVerify, &wire.BackupRequest{Verb: wire.BackupLook, Bytes: h.bytes}); fault.Of(err) {
	case fault.OK:
		i.Checked = true
	case fault.BackupInvalid, fault.DomainOther:
		i.Fault = err.Error()
	}
	return i
}

// headed is a head as it stands in a file.
type headed struct {
	head  wire.BackupHead
	bytes []byte
	at    int64 // where it begins
	size  int64 // of the file
}

func readHead(ctx context.Context, p Place, name string) (*headed, error) {
	src, err := p.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return headOf(src)
}

// readAll reads n bytes from at.
func readAll(src Source, at, n int64) ([]byte, error) {
	r, err := src.Range(at, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}
