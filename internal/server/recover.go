// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
	"github.com/genbu-hsm/genbu/internal/service"
)

// Recover serves a node whose cluster has lost its majority for good, until ctx ends: on its socket, with a core that is locked, for who
// brings its domain, and at the control door for who then asks to make a cluster of this node alone. There is no other door. fatal is
// as for Run.
func Recover(ctx context.Context, c *Config, log *slog.Logger, fatal func(error)) error {
	unix.Umask(0o077)
	lock, err := lock(c.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := writePID(filepath.Join(c.Dir, HostPIDFile), os.Getpid()); err != nil {
		return err
	}
	node, err := nodeID(c.Dir)
	if err != nil {
		return err
	}
	if _, err := boundary.Harden(c.AcceptMissing); err != nil {
		return err
	}
	members, err := cluster.Recover(ctx, c.member(node, log, fatal))
	if err != nil {
		return err
	}
	defer members.Close()
	svc, err := service.New(members.Store(), c.Dir, log)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	defer svc.Close()
	core := &module{config: c, node: node, service: svc, cluster: members, log: log, ended: func(string) {}, hold: true}
	if err := core.start(ctx); err != nil {
		return fmt.Errorf("core: %w", err)
	}
	defer core.stop()
	e, place, err := backups(c, members.Store(), core, log)
	if err != nil {
		return err
	}
	control := &control.Door{Backups: e, Place: place, Status: func() any { return struct{}{} },
		Recover: func(ctx context.Context, say func(backup.Progress)) (any, error) {
			done, err := e.Recover(ctx, say)
			if err == nil {
				err = members.Alone()
			}
			return done, err
		}}
	closeDoor, err := control.Serve(ctx, filepath.Join(c.Dir, ControlFile))
	if err != nil {
		return fmt.Errorf("control door: %w", err)
	}
	defer closeDoor()
	listener, err := c.socket().Listen()
	if err != nil {
		return fmt.Errorf("pkcs11 door: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go core.supervise(ctx, cancel)
	log.Info("node waits to be recovered", "dir", c.Dir, "socket", c.Socket)
	return (&pkcs11.Door{Core: core, Log: log}).Serve(ctx, listener)
}
