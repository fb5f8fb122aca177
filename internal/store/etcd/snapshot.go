// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// incoming is the name under which Restore keeps the snapshot while it reads it.
const incoming = "incoming.db"

// bump is added to the revision at every Restore, beyond all that this store has given, since the snapshot's source may
// have lived on after it was taken. A 63-bit revision has room for nine billion of them.
const bump = 1_000_000_000

// Snapshot writes etcd's database with its SHA-256, as `etcdutl snapshot restore` reads it too.
//
// The database may be a little ahead of the revision returned, if others write meanwhile; it is never behind.
func (e *Engine) Snapshot(ctx context.Context, w io.Writer) (int64, error) {
	m, err := e.now(ctx) // not entered: the copy may take minutes
	if err != nil {
		return 0, err
	}
	r, err := m.Client.Get(ctx, "0") // a linearizable read: what was acknowledged is in the database
	if err != nil {
		return 0, readFault(ctx, err, "snapshot")
	}
	from, err := m.Client.Snapshot(ctx)
	if err != nil {
		return 0, readFault(ctx, err, "snapshot")
	}
	defer from.Close()
	if _, err := io.Copy(w, from); err != nil {
		return 0, fmt.Errorf("copy snapshot: %w", err)
	}
	return r.Header.Revision, nil
}

// Restore builds the next generation beside the current one and switches by one atomic write, so a crash leaves the old
// store or the restored one.
func (e *Engine) Restore(ctx context.Context, r io.Reader) error {
	path := filepath.Join(e.config.Dir, incoming)
	defer os.Remove(path)
	if err := save(path, r); err != nil {
		return err
	}
	status, err := snapshotStatus(path)
	if err != nil {
		e.log.Warn("snapshot refused", "reason", err)
		return fault.RecordInvalid.At("restore snapshot")
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run == nil || ctx.Err() != nil {
		return fault.Unavailable.At("restore")
	}
	if len(e.run.etcd.Server.Cluster().Members()) > 1 {
		return fault.Unsupported.At("restore into a cluster of several members")
	}
	next := e.generation + 1
	dir, peer := e.dir(next), alonePeer
	if e.config.Peer != nil {
		peer = e.config.Peer.Advertise
	}
	beyond := max(0, e.run.etcd.Server.KV().Rev()-status.Revision)
	err = snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: path, OutputDataDir: dir,
		Name: e.config.Name, PeerURLs: []string{peer}, InitialCluster: e.config.Name + "=" + peer, InitialClusterToken: newToken(),
		RevisionBump: uint64(beyond) + bump, MarkCompacted: true,
	})
	if err == nil {
		err = syncTree(dir)
	}
	if err != nil {
		os.RemoveAll(dir)
		e.log.Warn("snapshot refused", "reason", err)
		return fault.RecordInvalid.At("restore snapshot")
	}

	// From here on no Txn may be acknowledged by the old generation. One that was while the new one was built is at a
	// revision below the bump, and gone, as everything since the snapshot is.
	e.run.stop(errRestored)
	e.run = nil
	if err := e.setCurrent(next); err != nil {
		return fmt.Errorf("switch to the restored store: %w", err)
	}
	old := e.dir(e.generation)
	e.generation = next
	if e.run, err = e.start(ctx, next); err != nil {
		return fmt.Errorf("start the restored store: %w", err)
	}
	return os.RemoveAll(old)
}

func save(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// snapshotStatus reads the whole database. bbolt panics on some damage instead of returning an error.
func snapshotStatus(path string) (status snapshot.Status, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged database: %v", p)
		}
	}()
	return snapshot.NewV3(zap.NewNop()).Status(path)
}

// syncTree makes a directory made by others durable: each file, each directory, and its own entry.
func syncTree(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
	if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(dir))
}
