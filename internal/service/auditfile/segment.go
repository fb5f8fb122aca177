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

// segment is one run of a core, as it lies on disk.
type segment struct {
	sequence   int
	id         key.ID
	path       string
	checkpoint []byte // nil if there is none
}

// list is what a directory holds, oldest first. Files with other names are passed over.
func list(dir string) ([]segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
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
		all = append(all, segment{n, id, filepath.Join(dir, f.Name()), note})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].sequence < all[j].sequence })
	return all, nil
}

// errTorn says that a log ends within a frame, as a crash leaves it; errDamaged that it holds a frame which cannot be one.
var (
	errTorn    = errors.New("audit file ends within an entry")
	errDamaged = errors.New("audit file holds an impossible length")
)

// each shows the entries in order. Whatever is whole before a torn or damaged place is shown first.
func (s *segment) each(visit func(entry []byte) error) error {
	f, err := os.Open(s.path)
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
			return whole, errTorn
		}
		if err != nil {
			return whole, err
		}
		length := binary.LittleEndian.Uint32(head[:])
		if length == 0 || length > MaxEntry {
			return whole, errDamaged
		}
		entry := make([]byte, length)
		m, err := io.ReadFull(r, entry)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return whole, errTorn
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
func repair(s segment, log *slog.Logger) error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	entries := 0
	whole, err := frames(bufio.NewReaderSize(f, 1<<16), func([]byte) error { entries++; return nil })
	switch {
	case err == nil:
	case errors.Is(err, errTorn):
		size, serr := f.Seek(0, io.SeekEnd)
		if serr != nil {
			return serr
		}
		if err := f.Truncate(whole); err != nil {
			return fmt.Errorf("cut off an unfinished audit entry: %w", err)
		}
		log.Warn("the last audit entry was unfinished and is cut off; it was never acknowledged as durable",
			"segment", s.id, "entries", entries, "bytes", size-whole)
	case errors.Is(err, errDamaged):
		log.Error("audit file is damaged; it is left as it is, see genbu audit verify", "segment", s.id, "entries before", entries)
		return nil
	default:
		return err
	}
	return f.Sync()
}
