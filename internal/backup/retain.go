// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// Keep says which backups stay: each that is younger than Days, and the newest Count whatever their age. The last one always stays.
type Keep struct {
	Days  int // 0: age does not count
	Count int // 0: one
}

// sound are the backups of this domain whose heads are the core's word, by rising time. What is not counts for nothing and is
// left alone: nobody shall have good ones deleted by putting forged ones beside them.
func (e *Engine) sound(ctx context.Context, p Place) ([]Info, error) {
	list, err := e.Look(ctx, p)
	if err != nil {
		return nil, err
	}
	var sound []Info
	for _, i := range list {
		if i.Checked {
			sound = append(sound, i)
		}
	}
	return sound, nil
}

// Retain deletes what is not to be kept and answers what it deleted.
func (e *Engine) Retain(ctx context.Context, p Place, keep Keep, now time.Time) (gone []Info, err error) {
	list, err := e.sound(ctx, p)
	if err != nil {
		return nil, err
	}
	oldest := now.AddDate(0, 0, -keep.Days)
	for i := range list[:max(0, len(list)-max(1, keep.Count))] {
		if keep.Days > 0 && !list[i].Time.Before(oldest) {
			break
		}
		if err := p.Delete(ctx, list[i].Name); err != nil {
			return gone, err
		}
		gone = append(gone, list[i])
	}
	return gone, nil
}

// ErrLast says that a backup is not deleted because it is the last one.
var ErrLast = errors.New("it is the last sound backup of this domain in its place")

// Delete removes one backup, unless it is the last sound one of this domain in its place.
func (e *Engine) Delete(ctx context.Context, p Place, name string) error {
	list, err := e.sound(ctx, p)
	if err != nil {
		return err
	}
	if len(list) == 1 && list[0].Name == name {
		return ErrLast
	}
	if len(list) == 0 { // without a core that is open nobody knows which are sound
		if _, err := e.ask(wire.OpVerify, &wire.BackupRequest{Verb: wire.BackupLook}); fault.Of(err) != fault.BackupInvalid {
			return err
		}
	}
	return p.Delete(ctx, name)
}

// Newest answers the newest sound backup of this domain in a place; false for none. Without a core that is open, it is the newest
// whose head can be read.
func (e *Engine) Newest(ctx context.Context, p Place) (Info, bool, error) {
	list, err := e.Look(ctx, p)
	if err != nil {
		return Info{}, false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Fault == "" {
			return list[i], true, nil
		}
	}
	return Info{}, false, nil
}
