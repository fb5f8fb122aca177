// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func (d *Door) create(ctx context.Context, r *Request, say func(backup.Progress)) (any, error) {
	p, err := d.Place(ctx, r.Place)
	if err != nil {
		return nil, err
	}
	return d.Backups.Create(ctx, p, say)
}

func (d *Door) list(ctx context.Context, r *Request, _ func(backup.Progress)) (any, error) {
	p, err := d.Place(ctx, r.Place)
	if err != nil {
		return nil, err
	}
	return d.Backups.Look(ctx, p)
}

// named opens a place and finds out which backup of it is meant.
func (d *Door) named(ctx context.Context, r *Request) (backup.Place, string, error) {
	p, err := d.Place(ctx, r.Place)
	if err != nil {
		return nil, "", err
	}
	if r.Name != "" {
		return p, r.Name, backup.CheckName(r.Name)
	}
	newest, found, err := d.Backups.Newest(ctx, p)
	if err == nil && !found {
		err = errors.New("there is no backup in " + p.String())
	}
	return p, newest.Name, err
}

func (d *Door) verify(ctx context.Context, r *Request, say func(backup.Progress)) (any, error) {
	p, name, err := d.named(ctx, r)
	if err != nil {
		return nil, err
	}
	return d.Backups.Verify(ctx, p, name, say)
}

func (d *Door) delete(ctx context.Context, r *Request, _ func(backup.Progress)) (any, error) {
	p, err := d.Place(ctx, r.Place)
	if err == nil {
		err = backup.CheckName(r.Name)
	}
	if err != nil {
		return nil, err
	}
	return map[string]string{"deleted": r.Name}, d.Backups.Delete(ctx, p, r.Name)
}

func (d *Door) copy(ctx context.Context, r *Request, say func(backup.Progress)) (any, error) {
	p, name, err := d.named(ctx, r)
	if err != nil {
		return nil, err
	}
	to, err := d.Place(ctx, r.To)
	if err != nil {
		return nil, err
	}
	return backup.Copy(ctx, p, to, name, d.Backups.Spool, say)
}

func (d *Door) restore(ctx context.Context, r *Request, say func(backup.Progress)) (any, error) {
	p, name, err := d.named(ctx, r)
	if err != nil {
		return nil, err
	}
	return d.Backups.Restore(ctx, p, name, say)
}

func (d *Door) recover(ctx context.Context, _ *Request, say func(backup.Progress)) (any, error) {
	if d.Recover == nil {
		return nil, fault.Conflict.At("recover: the node was not started for it (genbu cluster recover)")
	}
	return d.Recover(ctx, say)
}

func (d *Door) unlock(_ context.Context, r *Request, _ func(backup.Progress)) (any, error) {
	if d.Unlock == nil {
		return nil, fault.Conflict.At("unlock a node: this one was started to recover the cluster")
	}
	return map[string]string{"may_be_unlocked": r.Name}, d.Unlock(r.Name)
}
