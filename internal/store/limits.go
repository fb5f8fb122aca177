// SPDX-License-Identifier: Apache-2.0

package store

import "github.com/genbu-hsm/genbu/internal/fault"

const (
	// MaxPath is far above our longest path (69 bytes) and keeps the engines' indexes, which hold all paths in memory,
	// from being filled by one.
	MaxPath = 512

	// MaxOps bounds the compares, and the puts and deletes together, of one Txn: etcd's own default limit.
	MaxOps = 128

	// MaxBytes bounds all paths and values of one Txn. etcd refuses a request above 1.5 MiB, framing included.
	MaxBytes = 1 << 20
)

// Check tells whether every engine must accept t: ArgumentsBad for an empty Txn, a path that is empty or has bytes
// outside of printable ASCII, or a path written twice; TooLarge beyond the limits above. Engines call it first, so that
// what one accepts they all do.
func (t *Txn) Check() error {
	writes := len(t.Puts) + len(t.Deletes)
	if writes == 0 {
		return fault.ArgumentsBad.At("check txn: nothing to write")
	}
	if writes > MaxOps || len(t.Compares) > MaxOps {
		return fault.TooLarge.At("check txn: too many operations")
	}
	size := 0
	written := make(map[string]struct{}, writes)
	write := func(path string) error {
		if _, twice := written[path]; twice {
			return fault.ArgumentsBad.At("check txn: path is written twice")
		}
		written[path] = struct{}{}
		size += len(path)
		return CheckPath(path)
	}
	for _, p := range t.Puts {
		size += len(p.Value)
		if err := write(p.Path); err != nil {
			return err
		}
	}
	for _, path := range t.Deletes {
		if err := write(path); err != nil {
			return err
		}
	}
	for _, c := range t.Compares {
		size += len(c.Path)
		if err := CheckPath(c.Path); err != nil {
			return err
		}
		if c.Revision < 0 {
			return fault.ArgumentsBad.At("check txn: negative revision")
		}
	}
	if size > MaxBytes {
		return fault.TooLarge.At("check txn")
	}
	return nil
}

// CheckPath refuses what no record can be called.
func CheckPath(path string) error {
	if path == "" {
		return fault.ArgumentsBad.At("check path: empty")
	}
	if len(path) > MaxPath {
		return fault.TooLarge.At("check path")
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] > '~' {
			return fault.ArgumentsBad.At("check path: byte outside of printable ascii")
		}
	}
	return nil
}
