// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Kinds of jobs, for PartitionJobs.
const (
	BackupJobs  uint64 = 1
	RestoreJobs uint64 = 2
)

// PartitionBackup begins the backup of a managed HSM, which the host carries out under the number it answers.
func (c *Conn) PartitionBackup(slot uint64) (run key.ID, err error) {
	err = c.call(wire.CallPartitionBackup, func(w *wire.Writer) { w.U64(slot) }, func(r *wire.Reader) { run = idBytes(r) })
	return run, err
}

// PartitionRestore begins the restore of a managed HSM, or of the one key that is named. With look nothing is changed: it is only
// found out whether it could be done.
func (c *Conn) PartitionRestore(slot uint64, look bool, name string) (run key.ID, err error) {
	err = c.call(wire.CallPartitionRestore, func(w *wire.Writer) {
		w.U64(slot)
		w.U64(map[bool]uint64{true: 1}[look])
		w.String(name)
	}, func(r *wire.Reader) { run = idBytes(r) })
	return run, err
}

// PartitionJobs tells whether this login may see how backups or restores are.
func (c *Conn) PartitionJobs(slot, kind uint64) error {
	return c.call(wire.CallPartitionJobs, func(w *wire.Writer) {
		w.U64(slot)
		w.U64(kind)
	}, nil)
}
