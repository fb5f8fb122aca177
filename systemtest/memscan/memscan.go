// SPDX-License-Identifier: Apache-2.0

// Package memscan looks for secrets where they must not be: in every readable mapping of every process, and in files. It is
// run as root, and reads what root can read.
//
//	needles := memscan.Needles("aes key 1", key, memscan.Bytes)
//	needles = append(needles, memscan.Needles("p-256 scalar", d, memscan.Integer)...)
//	s := memscan.New(needles)
//	s.AllProcesses()              // but this one, which knows the needles, and process 1; or s.Process(pid)
//	s.Path(dataDirectory)         // files below it
//	if len(s.Hits) > 0 { ... }    // s.Refused says what could not be read: memfd_secret, for one
//
// A test that finds nothing proves nothing by itself: let it also find a secret that was planted (negative control), and
// look at Scanned. The process that holds the needles should not be the one that is examined, nor pass them to it in clear.
package memscan

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Scan looks at some processes, or at all but this one when pids is nil.
func Scan(pids []int, needles []Needle) *Scanner {
	s := New(needles)
	if pids == nil {
		s.AllProcesses()
	}
	for _, pid := range pids {
		s.Process(pid)
	}
	return s
}

// AllProcesses looks at every process but this one, those of skip, and process 1: that is the machine's, or of whoever runs
// the container, and no client of anybody's.
func (s *Scanner) AllProcesses(skip ...int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.Refused = append(s.Refused, err.Error())
	}
	skipped := map[int]bool{os.Getpid(): true, 1: true}
	for _, p := range skip {
		skipped[p] = true
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && !skipped[pid] {
			s.Process(pid)
		}
	}
}

// Process looks at one process: memory, command line and environment (which are memory too, but may have moved).
func (s *Scanner) Process(pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	name, _ := os.ReadFile(dir + "/comm")
	who := "pid " + strconv.Itoa(pid) + " (" + strings.TrimSpace(string(name)) + ")"
	maps, err := os.ReadFile(dir + "/maps")
	if err != nil {
		s.refuse(who, err)
		return
	}
	mem, err := os.Open(dir + "/mem")
	if err != nil {
		s.refuse(who, err)
		return
	}
	defer mem.Close()
	pagemap, err := os.Open(dir + "/pagemap")
	if err == nil {
		defer pagemap.Close()
	}
	for line := range strings.Lines(string(maps)) {
		m, ok := parseMapping(line)
		if !ok || m.skip() {
			continue
		}
		where := who + " " + m.label()
		for _, r := range m.present(pid, pagemap) {
			err := s.stream(where, r.from, r.to, func(p []byte, at uint64) (int, error) { return mem.ReadAt(p, int64(at)) })
			if err != nil {
				s.refuse(where, err)
			}
		}
	}
}

// Path looks at a file, or at all regular files below a directory but those named in not.
func (s *Scanner) Path(root string, not ...string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if slices.Contains(not, path) {
			return nil
		}
		if err != nil {
			s.refuse(path, err)
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			s.refuse(path, err)
			return nil
		}
		defer f.Close()
		info, err := f.Stat()
		if err == nil {
			err = s.stream(path, 0, uint64(info.Size()), func(p []byte, at uint64) (int, error) { return f.ReadAt(p, int64(at)) })
		}
		if err != nil {
			s.refuse(path, err)
		}
		return nil
	})
}

func (s *Scanner) refuse(where string, err error) {
	s.Refused = append(s.Refused, where+": "+err.Error())
}
