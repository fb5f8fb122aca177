// SPDX-License-Identifier: Apache-2.0

package memscan

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"
)

// mapping is a line of /proc/PID/maps.
type mapping struct {
	from, to uint64
	offset   uint64 // in the file
	perms    string
	path     string
}

func parseMapping(line string) (m mapping, ok bool) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return m, false
	}
	lo, hi, _ := strings.Cut(f[0], "-")
	var err1, err2, err3 error
	m.from, err1 = strconv.ParseUint(lo, 16, 64)
	m.to, err2 = strconv.ParseUint(hi, 16, 64)
	m.perms = f[1]
	m.offset, err3 = strconv.ParseUint(f[2], 16, 64)
	m.path = strings.Join(f[5:], " ")
	return m, err1 == nil && err2 == nil && err3 == nil && m.from < m.to
}

// skip is for mappings that hold no data of the process: the kernel's clock pages, and reservations of address space too
// large to have their page tables walked. (Root reads also what the process itself may not.)
func (m mapping) skip() bool {
	return m.path == "[vvar]" || m.path == "[vvar_vclock]" || m.path == "[vsyscall]" ||
		strings.HasPrefix(m.perms, "---") && m.to-m.from > 1<<30
}

func (m mapping) isFile() bool { return m.path != "" && !strings.HasPrefix(m.path, "[") }

// withinFile is the part that the mapped file fills. A store maps gigabytes beyond the end of its file, where there is
// nothing to read.
func (m mapping) withinFile(pid int) []span {
	info, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/map_files/" + strconv.FormatUint(m.from, 16) + "-" + strconv.FormatUint(m.to, 16))
	if err != nil {
		return []span{{m.from, m.to}}
	}
	page := uint64(os.Getpagesize())
	size := (uint64(info.Size()) + page - 1) &^ (page - 1)
	if size <= m.offset {
		return nil
	}
	return []span{{m.from, min(m.to, m.from+size-m.offset)}}
}

func (m mapping) label() string {
	if m.path == "" {
		return "anonymous " + m.perms
	}
	return m.path + " " + m.perms
}

type span struct{ from, to uint64 }

// present is the part of the mapping that has pages, in memory or in swap. A Go heap reserves much more than it uses. Pages of
// files are taken whole, as they can come in by being read.
func (m mapping) present(pid int, pagemap *os.File) []span {
	const entry, flags = 8, 1<<63 | 1<<62 // present, swapped: Documentation/admin-guide/mm/pagemap.rst
	all := []span{{m.from, m.to}}
	page := uint64(os.Getpagesize())
	if m.isFile() {
		return m.withinFile(pid)
	}
	if pagemap == nil {
		return all
	}
	var have []span
	const chunk = 1 << 16
	table := make([]byte, chunk*entry)
	for at := m.from; at < m.to; at += chunk * page {
		n := min(chunk, (m.to-at)/page)
		if _, err := pagemap.ReadAt(table[:n*entry], int64(at/page*entry)); err != nil {
			return all
		}
		for i := range n {
			if binary.LittleEndian.Uint64(table[i*entry:])&flags == 0 {
				continue
			}
			p := at + i*page
			if k := len(have); k > 0 && have[k-1].to == p {
				have[k-1].to += page
			} else {
				have = append(have, span{p, p + page})
			}
		}
	}
	return have
}
