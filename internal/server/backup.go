// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

// Names within a node's directory that backups use while they work.
const (
	spoolDir   = "spool"     // files that are not in place yet
	scratchDir = "restoring" // the store that a restore fills
)

// serveBackups opens the control door and begins the schedule.
func serveBackups(ctx context.Context, c *Config, engine store.Store, core *module, shown *metrics.Registry, log *slog.Logger) (stop func(), err error) {
	e, place, err := backups(c, engine, core, log)
	if err != nil {
		return nil, err
	}
	schedule := &backup.Schedule{Engine: e, Every: every(c.Backup.Every), Keep: backup.Keep{Days: *c.Backup.KeepDays, Count: *c.Backup.KeepCount},
		Place: func(ctx context.Context) (backup.Place, error) { return place(ctx, "") },
		Mine:  func(ctx context.Context) bool { return leads(ctx, engine) }}
	if c.Backup.CopyTo != "" {
		schedule.Also = func(ctx context.Context) (backup.Place, error) { return place(ctx, c.Backup.CopyTo) }
	}
	ctx, cancel := context.WithCancel(ctx)
	if schedule.Every > 0 {
		go schedule.Run(ctx)
		showBackups(shown, schedule)
	}
	if d := (&drills{dir: c.Dir, every: every(c.Backup.DrillEvery), log: log, mine: func(ctx context.Context) bool { return leads(ctx, engine) }}); d.every > 0 {
		go d.run(ctx)
		showDrills(shown, d)
	}
	door := &control.Door{Backups: e, Place: place, Status: func() any { return schedule.State() }, Unlock: core.unlock}
	path := filepath.Join(c.Dir, ControlFile)
	if len(path) > 107 { // sun_path
		log.Warn("backups on demand cannot be asked for: the directory's path is too long for a socket", "socket", path)
		return cancel, nil
	}
	closeDoor, err := door.Serve(ctx, path)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("control door: %w", err)
	}
	return func() { cancel(); closeDoor() }, nil
}

// backups puts the engine together, and what opens its places.
func backups(c *Config, engine store.Store, core backup.Core, log *slog.Logger) (*backup.Engine, func(context.Context, string) (backup.Place, error), error) {
	spool, scratch := filepath.Join(c.Dir, spoolDir), filepath.Join(c.Dir, scratchDir)
	if err := os.RemoveAll(scratch); err != nil {
		return nil, nil, err
	}
	backup.Sweep(spool, c.Backup.Place)
	e := &backup.Engine{Store: engine, Core: core, Spool: spool, Log: log, Scratch: func(ctx context.Context) (store.Store, func(), error) {
		if err := os.RemoveAll(scratch); err != nil {
			return nil, nil, err
		}
		s, err := etcd.Start(ctx, etcd.Config{Dir: scratch, Logger: log})
		if err != nil {
			return nil, nil, err
		}
		return s, func() { s.Close(); os.RemoveAll(scratch) }, nil
	}}
	place := func(ctx context.Context, where string) (backup.Place, error) {
		if where == "" {
			where = c.Backup.Place
		}
		return backup.OpenPlaceOf(ctx, c.Dir, where)
	}
	return e, place, nil
}

// leads tells whether this node leads the cluster, which a node that is alone does.
func leads(ctx context.Context, engine store.Store) bool {
	members, err := engine.Members(ctx)
	if err != nil {
		return false
	}
	for _, m := range members {
		if m.Self {
			return m.Leader
		}
	}
	return false
}

func showBackups(r *metrics.Registry, s *backup.Schedule) {
	r.Gauge("genbu_backup_newest_timestamp_seconds", func() (float64, bool) {
		newest := s.State().Newest
		return float64(newest.UnixMilli()) / 1000, !newest.IsZero()
	})
	r.Gauge("genbu_backup_interval_seconds", func() (float64, bool) { return s.Every.Seconds(), true })
	r.Gauge("genbu_backup_failed", func() (float64, bool) { return number(s.State().Failed != ""), true })
}
