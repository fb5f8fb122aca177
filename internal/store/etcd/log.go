// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge hands etcd's warnings to our own log. etcd writes paths and sizes there, never values.
type bridge struct {
	to   *slog.Logger
	shut *atomic.Bool
}

// newLogger gives etcd a logger, and the function that silences it for good.
func newLogger(to *slog.Logger) (*zap.Logger, func()) {
	b := bridge{to.With("part", "etcd"), new(atomic.Bool)}
	return zap.New(b), func() { b.shut.Store(true) }
}

func (b bridge) Enabled(l zapcore.Level) bool { return l >= zapcore.WarnLevel && !b.shut.Load() }

func (b bridge) With(fields []zapcore.Field) zapcore.Core {
	return bridge{b.to.With(attrs(fields)...), b.shut}
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

func (b bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelWarn
	if e.Level > zapcore.WarnLevel {
		level = slog.LevelError
	}
	b.to.Log(context.Background(), level, e.Message, attrs(fields)...)
	return nil
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
