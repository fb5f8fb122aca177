// SPDX-License-Identifier: Apache-2.0

package auditfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/key"
)

// Segment is one run of a core, as it lies on disk.
type Segment struct {
	Sequence   int
	ID         key.ID
	Path       string
	Checkpoint []byte // nil if there is none
}

// Segments lists what a directory holds, oldest first. Files with other names are passed over.
func Segments(dir string) ([]Segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []Segment
	for _, f := range files {
		number, rest, ok := strings.Cut(f.Name(), "-")
		hex, isLog := strings.CutSuffix(rest, ".log")
		id, isID := key.ParseID(hex)
		n, err := strconv.Atoi(number)
		if !ok || !isLog || !isID || err != nil || n < 1 {
			continue
		}
		note, err := os.ReadFile(notePath(dir, n, id))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		list = append(list, Segment{Sequence: n, ID: id, Path: filepath.Join(dir, f.Name()), Checkpoint: note})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Sequence < list[j].Sequence })
	return list, nil
}

// ErrTorn says that a log ends within a frame, as a crash leaves it. ErrDamaged says that it holds a frame which none can
// be.
var (
	ErrTorn    = errors.New("audit file ends within an entry")
	ErrDamaged = errors.New("audit file holds an impossible length")
)

// Entries shows the entries in order; an error of visit ends it and is returned. The slice is visit's to keep. Whatever
// is whole before a torn or damaged place is shown first.
func (s *Segment) Entries(visit func(entry []byte) error) error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = frames(bufio.NewReaderSize(f, 1<<16), visit)
	return err
}

// frames returns how many bytes the whole frames take.
func frames(r io.Reader, visit func([]byte) error) (whole int64, err error) {
	var head [4]byte
	for {
		n, err := io.ReadFull(r, head[:])
		if err == io.EOF {
			return whole, nil
		}
		if err == io.ErrUnexpectedEOF {
			return whole, ErrTorn
		}
		if err != nil {
			return whole, err
		}
		length := binary.LittleEndian.Uint32(head[:])
		if length == 0 || length > MaxEntry {
			return whole, ErrDamaged
		}
		entry := make([]byte, length)
		m, err := io.ReadFull(r, entry)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return whole, ErrTorn
		}
		if err != nil {
			return whole, err
		}
		if err := visit(entry); err != nil {
			return whole, err
		}
		whole += int64(n + m)
	}
}

// repair cuts off a frame that a crash left unfinished. See the package's doc for why nothing acknowledged is lost.
func repair(s Segment, log *slog.Logger) error {
	f, err := os.OpenFile(s.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	entries := 0
	whole, err := frames(bufio.NewReaderSize(f, 1<<16), func([]byte) error { entries++; return nil })
	switch {
	case err == nil:
	case errors.Is(err, ErrTorn):
		size, serr := f.Seek(0, io.SeekEnd)
		if serr != nil {
			return serr
		}
		if err := f.Truncate(whole); err != nil {
			return fmt.Errorf("cut off an unfinished audit entry: %w", err)
		}
		log.Warn("the last audit entry was unfinished and is cut off; it was never acknowledged as durable",
			"segment", s.ID, "entries", entries, "bytes", size-whole)
	case errors.Is(err, ErrDamaged):
		log.Error("audit file is damaged; it is left as it is, see genbu audit verify", "segment", s.ID, "entries before", entries)
		return nil
	default:
		return err
	}
	return f.Sync()
}
