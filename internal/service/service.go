// SPDX-License-Identifier: Apache-2.0

// Package service is the one place where store and core meet. The core asks (docs/design/boundary.md, ops from 16 on) and
// Handle answers: records and commits from the store, finds from the index, audit entries and sealed roots from files
// beside the store. It opens nothing, since it could not, and decides nothing.
//
//	s, err := service.New(engine, dir, logger)
//	core, err := boundary.Start(boundary.Options{Handle: s.Handle, ...})   // AuditLast: s.AuditLast()
//	s.Attach(core)                                                         // Attach(nil) when the core has ended
//
// The index is built when the core says that it is operational, and dropped when it is not. A Find sees every commit that
// was answered before it was asked.
package service

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/service/auditfile"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Core is the boundary as the service needs it: one call to the core, which may be made by many goroutines at once.
type Core interface {
	Call(op uint16, body []byte) ([]byte, error)
}

// Service answers one core. Make it with New.
type Service struct {
	// Committed is told of each commit. It is set before the first Handle, or left nil.
	Committed func(took time.Duration, err error)

	store store.Store
	log   *slog.Logger
	audit *auditfile.Log
	roots string // directory of the sealed roots
	feed  *feed

	mu    sync.Mutex
	core  Core               // guarded by mu: nil while none runs
	state wire.State         // guarded by mu: as the core told last
	stop  context.CancelFunc // guarded by mu: ends the rebuild under way; nil if there is none
}

const (
	readTimeout   = 10 * time.Second
	commitTimeout = 15 * time.Second // then OutcomeUnknown; a slow disk is slower than one would think
)

// New opens dir, where the audit log (dir/audit) and the sealed roots (dir/root) are kept. The store stays the caller's
// to close, after the service.
func New(s store.Store, dir string, log *slog.Logger) (*Service, error) {
	roots := filepath.Join(dir, "root")
	if err := durable.Mkdir(roots); err != nil {
		return nil, err
	}
	if err := durable.Sweep(roots); err != nil {
		return nil, err
	}
	audit, err := auditfile.Open(filepath.Join(dir, "audit"), log)
	if err != nil {
		return nil, err
	}
	return &Service{store: s, log: log, audit: audit, roots: roots, feed: newFeed(s, log)}, nil
}

// Close stops the index and syncs the audit log. Requests after it fail.
func (s *Service) Close() error {
	s.Attach(nil)
	return s.audit.Close()
}

// AuditLast is the newest checkpoint of the audit log, for wire.Config; nil for a new log.
func (s *Service) AuditLast() []byte { return s.audit.Last() }

// Handle answers one request of the core. It is a wire.Handler.
func (s *Service) Handle(op uint16, body []byte) ([]byte, error) {
	switch op {
	case wire.OpLoad:
		return answer(body, s.load)
	case wire.OpList:
		return answer(body, s.list)
	case wire.OpFind:
		return answer(body, s.find)
	case wire.OpFindNames:
		return answer(body, s.findNames)
	case wire.OpCommit:
		return answer(body, s.commit)
	case wire.OpAudit:
		return answer(body, func(a *wire.Audit) (*nothing, error) { return nil, s.audit.Append(a) })
	case wire.OpRoot:
		return answer(body, s.root)
	case wire.OpLog:
		return answer(body, s.line)
	case wire.OpState:
		return answer(body, s.told)
	}
	return nil, fault.Unsupported.At("answer the core")
}

type decoder[T any] interface {
	*T
	Decode(*wire.Reader)
}

type encoder interface{ Encode(*wire.Writer) }

// nothing is the empty answer.
type nothing struct{}

func (*nothing) Encode(*wire.Writer) {}

// answer decodes a request, which must be nothing but the request, and encodes what do answers.
func answer[T any, P decoder[T], R encoder](body []byte, do func(*T) (R, error)) ([]byte, error) {
	request, r := new(T), wire.NewReader(body)
	P(request).Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	reply, err := do(request)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, nil
}

func (s *Service) line(l *wire.LogLine) (*nothing, error) {
	level := slog.LevelInfo
	switch l.Level {
	case wire.LogDebug:
		level = slog.LevelDebug
	case wire.LogWarn:
		level = slog.LevelWarn
	case wire.LogError:
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("part", "core")}
	if l.Request != 0 {
		attrs = append(attrs, slog.Uint64("request", l.Request))
	}
	s.log.LogAttrs(context.Background(), level, l.Text, attrs...)
	return nil, nil
}
