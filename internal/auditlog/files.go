// SPDX-License-Identifier: Apache-2.0

// Package auditlog reads the audit log of a node where its host keeps it, without the node: it verifies, lists and proves
// entries (docs/design/audit.md). It trusts the node's public key and nothing else.
//
//	report, err := auditlog.Verify("data/audit", publicKey, nil)
//	if report.First() != nil { ... }                       // the first altered, missing or forked entry
//	for s, err := range auditlog.Entries("data/audit") { ... }
package auditlog

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	logSuffix        = ".log"
	checkpointSuffix = ".checkpoint"

	// maxEntry is far above what the codec can write; a longer frame is damage, not an entry.
	maxEntry = 1 << 16
)

// file is one segment on disk.
type file struct {
	seq  uint64
	id   key.ID
	path string // without suffix
}

// files finds the segments of a folder, in the order of their numbers. Other files, such as a checkpoint that was being
// written when the host died, are left alone.
func files(dir string) ([]file, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []file
	for _, n := range names {
		base, ok := strings.CutSuffix(n.Name(), logSuffix)
		number, segment, _ := strings.Cut(base, "-")
		seq, err := strconv.ParseUint(number, 10, 63)
		id, ok2 := key.ParseID(segment)
		if ok && ok2 && err == nil && len(number) >= 6 {
			list = append(list, file{seq, id, filepath.Join(dir, base)})
		}
	}
	slices.SortFunc(list, func(a, b file) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), strings.Compare(a.path, b.path))
	})
	return list, nil
}

// note reads the segment's newest checkpoint; nil when there is none.
func (f file) note() ([]byte, error) {
	b, err := os.ReadFile(f.path + checkpointSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// errTorn ends a segment whose last frame is not whole.
var errTorn = errors.New("the last frame is torn")

// each calls f with every frame of the segment, which f may keep, until f answers an error. errTorn says that the file
// does not end with a frame.
func (f file) each(visit func(index uint64, raw []byte) error) error {
	fd, err := os.Open(f.path + logSuffix)
	if err != nil {
		return err
	}
	defer fd.Close()
	in := bufio.NewReaderSize(fd, 1<<16)
	for i := uint64(0); ; i++ {
		var head [4]byte
		switch _, err := io.ReadFull(in, head[:]); {
		case err == io.EOF:
			return nil
		case err == io.ErrUnexpectedEOF:
			return errTorn
		case err != nil:
			return err
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > maxEntry {
			return errTorn
		}
		raw := make([]byte, n)
		if _, err := io.ReadFull(in, raw); err == io.EOF || err == io.ErrUnexpectedEOF {
			return errTorn
		} else if err != nil {
			return err
		}
		if err := visit(i, raw); err != nil {
			return err
		}
	}
}

// decode reads one entry.
func decode(raw []byte) (e wire.AuditEntry, err error) {
	r := wire.NewReader(raw)
	e.Decode(&r)
	if r.End() != nil {
		return wire.AuditEntry{}, errors.New("not an entry")
	}
	return e, nil
}

// Listed is an entry with its place.
type Listed struct {
	Segment key.ID
	Index   uint64
	Entry   wire.AuditEntry
}

// Entries goes through all entries of a folder, segment by segment, without verifying them. It stops at the first one
// that cannot be read; a torn end is no error here.
func Entries(dir string) func(yield func(Listed, error) bool) {
	return func(yield func(Listed, error) bool) {
		list, err := files(dir)
		if err != nil {
			yield(Listed{}, err)
			return
		}
		stop := errors.New("stop")
		for _, f := range list {
			err := f.each(func(i uint64, raw []byte) error {
				e, err := decode(raw)
				if err != nil {
					err = fmt.Errorf("segment %s, entry %d: %w", f.id, i, err)
				}
				if !yield(Listed{f.id, i, e}, err) || err != nil {
					return stop
				}
				return nil
			})
			if err == stop {
				return
			}
			if err != nil && err != errTorn {
				yield(Listed{}, err)
				return
			}
		}
	}
}
