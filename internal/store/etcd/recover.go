// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.uber.org/zap"

	"github.com/genbu-hsm/genbu/internal/durable"
)

// ErrMajority is why Recover starts nothing: a majority of the members is there.
var ErrMajority = errors.New("a majority of the cluster's members answers: nothing is to be recovered")

// majorityTime is how long Recover looks for one: some elections, and members that are just being restarted.
const majorityTime = 8 * time.Second

// Recover opens what this member has of a cluster whose majority is lost for good, as the store of a lone member, on a copy: nothing
// that is there changes until Restore has put something in its place. First it looks whether a majority answers.
//
// The copy has all that this member's log has, also what it does not know to be committed: a record that was acknowledged was
// in the logs of a majority, perhaps in this one's, and nobody is left who could tell.
func Recover(ctx context.Context, config Config) (*Engine, error) {
	return recoverAfter(ctx, config, majorityTime)
}

func recoverAfter(ctx context.Context, config Config, within time.Duration) (*Engine, error) {
	try, cancel := context.WithTimeout(ctx, within)
	e, err := Start(try, config)
	cancel()
	switch {
	case err == nil:
		e.Close()
		return nil, ErrMajority
	case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return nil, err
	}
	config.Peer, config.Join = nil, nil
	e, err = prepare(config)
	if err != nil {
		return nil, err
	}
	from := e.generation
	e.generation++
	if err := copyTree(e.dir(e.generation), e.dir(from)); err != nil {
		return nil, fmt.Errorf("copy the store: %w", err)
	}
	if err := commitAll(filepath.Join(e.dir(e.generation), "member")); err != nil {
		return nil, fmt.Errorf("read the store's log: %w", err)
	}
	e.forced = true
	if e.run, err = e.start(ctx, e.generation); err != nil {
		return nil, err
	}
	e.forced = false
	return e, nil
}

// commitAll makes what a member's log holds committed.
func commitAll(dir string) error {
	logs := filepath.Join(dir, "wal")
	marks, err := wal.ValidSnapshotEntries(zap.NewNop(), logs)
	if err != nil {
		return err
	}
	from := &walpb.Snapshot{}
	switch s, err := snap.New(zap.NewNop(), filepath.Join(dir, "snap")).LoadNewestAvailable(marks); {
	case err == nil:
		from.Index, from.Term = new(s.Metadata.GetIndex()), new(s.Metadata.GetTerm())
	case !errors.Is(err, snap.ErrNoSnapshot):
		return err
	}
	for repaired := false; ; repaired = true {
		w, err := wal.Open(zap.NewNop(), logs, from)
		if err != nil {
			return err
		}
		_, state, entries, err := w.ReadAll()
		if err == nil && len(entries) > 0 {
			if last := entries[len(entries)-1].GetIndex(); last > state.GetCommit() {
				state.Commit = new(last)
				err = w.Save(state, nil)
			}
		}
		if failed := w.Close(); err == nil {
			err = failed
		}
		if repaired || !errors.Is(err, io.ErrUnexpectedEOF) || !wal.Repair(zap.NewNop(), logs) { // the last entry was torn
			return err
		}
	}
}

// copyTree copies a directory of regular files. What is left of an earlier one goes.
func copyTree(to, from string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path[len(from):])
		if d.IsDir() {
			return durable.Mkdir(target)
		}
		src, err := os.Open(path)
		if err != nil {
			return err
		}
		defer src.Close()
		return save(target, src)
	})
}
