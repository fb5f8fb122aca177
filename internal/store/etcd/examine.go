// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
)

// ErrDamaged is why a member does not start, or does not go on: what lies on its disk is not what it wrote. In a cluster another
// member takes its place; alone, a backup does.
var ErrDamaged = errors.New("the store on this disk is damaged")

func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// The database is one file of pages in the format of bbolt, which etcd reads through a mapping, trusting what it finds: a file that
// was cut ends the process with a bus error, a wrong page number in some goroutine of its own. So each start reads the file once
// before etcd does: every page that can be reached, its bounds and order, and every revision of a record.
const (
	pageHeader   = 16
	pageBranch   = 0x01
	pageLeaf     = 0x02
	leafIsBucket = 0x01
	noFreelist   = ^uint64(0)

	metaMagic, metaVersion = 0xED0CDAED, 2
	metaSize               = 64 // up to and with the checksum
	maxDepth               = 64 // of a tree: far more than 2^64 records need
)

type exam struct {
	file    []byte
	size    uint64 // of a page
	most    uint64 // pages in use: numbers are below
	free    uint64 // where the list of free pages is; etcd writes none
	reached []bool
}

// examine reads the database at path; one that is not there is none of its business.
func examine(path string) (err error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return damagef("the database is empty")
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map the database: %w", err)
	}
	defer unix.Munmap(b)
	unix.Madvise(b, unix.MADV_SEQUENTIAL)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a disk that cannot be read is a bus error here
	defer func() {
		if p := recover(); p != nil {
			err = damagef("%v", p)
		}
	}()
	return examineBytes(b)
}

func examineBytes(b []byte) error {
	x := &exam{file: b}
	root, err := x.meta()
	if err != nil {
		return err
	}
	x.reached = make([]bool, x.most)
	if x.free != noFreelist {
		if _, err := x.page(x.free); err != nil {
			return err
		}
	}
	return x.tree(root, false, 0, nil, nil)
}

// meta finds the newer of the two heads that is whole. The older one counts where the newer is not: the log has the rest.
func (x *exam) meta() (root uint64, err error) {
	newest, found := uint64(0), false
	for _, size := range []uint64{uint64(os.Getpagesize()), 4096, 16384, 65536} { // what the machine that made it had
		for n := range uint64(2) {
			at := n * size
			if at+pageHeader+metaSize > uint64(len(x.file)) {
				continue
			}
			m := x.file[at+pageHeader : at+pageHeader+metaSize]
			le := binary.LittleEndian
			sum := fnv.New64a()
			sum.Write(m[:metaSize-8])
			if le.Uint32(m) != metaMagic || le.Uint32(m[4:]) != metaVersion || uint64(le.Uint32(m[8:])) != size || le.Uint64(m[56:]) != sum.Sum64() {
				continue
			}
			if tx := le.Uint64(m[48:]); !found || tx > newest {
				newest, found = tx, true
				root, x.size, x.most = le.Uint64(m[16:]), size, le.Uint64(m[40:])
				x.free = le.Uint64(m[32:])
			}
		}
		if found {
			break
		}
	}
	switch {
	case !found:
		return 0, damagef("neither head of the database is whole")
	case x.most > uint64(len(x.file))/x.size:
		return 0, damagef("the database has %d bytes of %d", len(x.file), x.most*x.size)
	}
	return root, nil
}

// page answers the page of that number with all that flows over, once.
func (x *exam) page(n uint64) ([]byte, error) {
	if n < 2 || n >= x.most {
		return nil, damagef("page %d of %d", n, x.most)
	}
	if x.reached[n] {
		return nil, damagef("page %d is in two places", n)
	}
	p := x.file[n*x.size:]
	le := binary.LittleEndian
	over := uint64(le.Uint32(p[12:]))
	if le.Uint64(p) != n || over >= x.most-n {
		return nil, damagef("page %d says that it is page %d and %d more", n, le.Uint64(p), over)
	}
	for i := range over + 1 {
		if x.reached[n+i] {
			return nil, damagef("page %d is in two places", n+i)
		}
		x.reached[n+i] = true
	}
	return p[:(over+1)*x.size], nil
}

// tree reads the pages below number n, whose keys are from low up to high.
func (x *exam) tree(n uint64, records bool, depth int, low, high []byte) error {
	p, err := x.page(n)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damagef("page %d lies too deep", n)
	}
	return x.elements(n, p, records, depth, low, high)
}

func (x *exam) elements(n uint64, p []byte, records bool, depth int, low, high []byte) error {
	le := binary.LittleEndian
	kind, count := le.Uint16(p[8:]), int(le.Uint16(p[10:]))
	if pageHeader*(count+1) > len(p) || kind != pageBranch && kind != pageLeaf || kind == pageBranch && count == 0 {
		return damagef("page %d is of kind %d with %d elements", n, kind, count)
	}
	cut := func(at, from, length uint64) ([]byte, error) {
		if begin := at + from; from <= uint64(len(p)) && length <= uint64(len(p)) && begin+length <= uint64(len(p)) && begin >= uint64(pageHeader*(count+1)) {
			return p[begin : begin+length], nil
		}
		return nil, damagef("page %d has an element outside of it", n)
	}
	last := low
	for i := range count {
		at := uint64(pageHeader * (i + 1))
		e := p[at:]
		var k, v []byte
		var err error
		if kind == pageBranch {
			k, err = cut(at, uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])))
		} else if k, err = cut(at, uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:]))); err == nil {
			v, err = cut(at, uint64(le.Uint32(e[4:]))+uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:])))
		}
		if err != nil {
			return err
		}
		if order := bytes.Compare(last, k); last != nil && (order > 0 || order == 0 && i > 0) || high != nil && bytes.Compare(k, high) >= 0 {
			return damagef("page %d is out of order", n)
		}
		last = k
		switch {
		case kind == pageBranch:
			end := high
			if i+1 < count {
				next := p[pageHeader*(i+2):]
				if end, err = cut(uint64(pageHeader*(i+2)), uint64(le.Uint32(next)), uint64(le.Uint32(next[4:]))); err != nil {
					return err
				}
			}
			err = x.tree(le.Uint64(e[8:]), records, depth+1, k, end)
		case le.Uint32(e)&leafIsBucket != 0:
			err = x.bucket(n, string(k), v, depth)
		case records:
			err = revision(k, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket reads what a leaf holds of a bucket: the number of its root, or the one page itself.
func (x *exam) bucket(n uint64, name string, v []byte, depth int) error {
	if len(v) < 16 {
		return damagef("page %d has half a bucket", n)
	}
	records := name == "key" // etcd's bucket of all revisions
	if root := binary.LittleEndian.Uint64(v); root != 0 {
		return x.tree(root, records, depth+1, nil, nil)
	}
	if len(v) < 16+pageHeader {
		return damagef("page %d has half a bucket", n)
	}
	return x.elements(n, v[16:], records, depth+1, nil, nil)
}

// revision is one change of a record: its number is the key, and stands in the value again unless it is a removal.
func revision(k, v []byte) error {
	removal := len(k) == 18 && k[17] == 't'
	if len(k) != 17 && !removal || k[8] != '_' {
		return damagef("a revision has no number")
	}
	if len(v) == 0 {
		return nil // a restore sets the next revision by one without a record
	}
	var kv mvccpb.KeyValue
	if err := proto.Unmarshal(v, &kv); err != nil || len(kv.GetKey()) == 0 {
		return damagef("revision %d is not a record", binary.BigEndian.Uint64(k))
	}
	if !removal && uint64(kv.GetModRevision()) != binary.BigEndian.Uint64(k) {
		return damagef("revision %d says that it is revision %d", binary.BigEndian.Uint64(k), kv.GetModRevision())
	}
	return nil
}
