// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// bridge hands etcd's warnings to our own log. etcd writes paths and sizes there, never values.
type bridge struct {
	to      *slog.Logger
	shut    *atomic.Bool
	removed func()
	fatal   func(error) // nil: zap ends the process
}

// newLogger gives etcd a logger, and the function that silences it for good. removed is called when etcd says that this
// member was removed from its cluster, which it says in no other way; fatal, when it is about to end the process.
func newLogger(to *slog.Logger, removed func(), fatal func(error)) (*zap.Logger, func()) {
	b := bridge{to.With("part", "etcd"), new(atomic.Bool), removed, fatal}
	return zap.New(b), func() { b.shut.Store(true) }
}

func (b bridge) Enabled(l zapcore.Level) bool { return l >= zapcore.WarnLevel && !b.shut.Load() }

func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{b.to.With(attrs(fields)...), b.shut, b.removed, b.fatal}
}

// beside are messages that do not concern a member without listeners and users, or that etcd takes back a moment later.
var beside = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true, // on none
	"simple token is not cryptographically signed":                                         true, // no users, so no tokens
	"Failed to detect schema version":                                                      true, // of a database that is seconds old
	"failed to update storage version":                                                     true, // likewise; it tries again
}

func (b bridge) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) && !beside[e.Message] {
		return c.AddCore(e, b)
	}
	return c
}

// What etcd's server writes before it stops for good (etcdserver/server.go, run).
const removedMessage, removedReason = "server error", "permanently removed"

func (b bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if e.Message == removedMessage {
		for _, f := range fields {
			if err, ok := f.Interface.(error); ok && strings.Contains(err.Error(), removedReason) {
				b.removed()
			}
		}
	}
	level := slog.LevelWarn
	if e.Level > zapcore.WarnLevel {
		level = slog.LevelError
	}
	b.to.Log(context.Background(), level, e.Message, attrs(fields)...)
	if e.Level == zapcore.FatalLevel || e.Level == zapcore.PanicLevel && !strings.Contains(e.Message, openMessage) {
		b.end(e.Message, fields)
	}
	return nil
}

// openMessage is of a panic in the goroutine that starts etcd, where it is caught (startEtcd).
const openMessage = "failed to open database"

// unwritable are the ends for which not the disk's contents are to blame, but that it takes no more.
var unwritable = []error{unix.ENOSPC, unix.EDQUOT, unix.EROFS}

func (b bridge) end(message string, fields []zapcore.Field) {
	if b.fatal == nil {
		return
	}
	err := errors.New(message)
	for _, f := range fields {
		if reason, ok := f.Interface.(error); ok {
			err = fmt.Errorf("%s: %w", message, reason)
		}
	}
	for _, full := range unwritable {
		if errors.Is(err, full) {
			b.fatal(fmt.Errorf("the store cannot be written: %w", err))
			return
		}
	}
	b.fatal(fmt.Errorf("%w: %w", ErrDamaged, err))
}

func (b bridge) Sync() error { return nil }

func attrs(fields []zapcore.Field) []any {
	m := zapcore.NewMapObjectEncoder()
	var list []any
	for _, f := range fields {
		f.AddTo(m)
		if v, ok := m.Fields[f.Key]; ok {
			list = append(list, slog.Any(f.Key, v))
		}
	}
	return list
}
