// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// damage alters what a node that does not run has on disk, at a place that draw says, and tells how.
func damage(dir string, draw uint64) (string, error) {
	r := rand.New(rand.NewPCG(draw, 5))
	pattern := []string{"store/data-*/member/snap/db", "store/data-*/member/wal/*.wal"}[r.IntN(2)]
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("nothing at %s: %v", pattern, err)
	}
	path := files[len(files)-1] // the log's newest
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	const page = 4096
	used := int64(len(bytes.TrimRight(b, "\x00"))) // the log's file is longer than what it holds
	what := ""
	switch at := r.Int64N(used); r.IntN(3) {
	case 0:
		end := max(1, used-r.Int64N(8*page)-1)
		what, err = fmt.Sprintf("cut at %d of %d", end, used), f.Truncate(end)
	case 1:
		at = at / page * page
		half := make([]byte, min(page/2, used-at))
		what = fmt.Sprintf("half a page of zeros at %d of %d", at, used)
		_, err = f.WriteAt(half, at)
	default:
		bit := byte(1) << r.IntN(8)
		what = fmt.Sprintf("bit %#x turned over at %d of %d", bit, at, used)
		_, err = f.WriteAt([]byte{b[at] ^ bit}, at)
	}
	return filepath.Base(path) + ": " + what, err
}

// spoil kills the node and damages its store.
func (b *blow) spoil() {
	b.hit().die()
	what, err := damage(b.hit().dir, b.draw)
	b.f.t.Logf("%s: %s, %v", b.hit().node, what, err)
}

// mend starts the node again. It goes on with what the others have, or says that it is damaged and what to type, which is then
// typed.
func (b *blow) mend() {
	m, t := b.hit(), b.f.t
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		_, err := m.attempt(30*time.Second, "up")
		switch {
		case err == nil && b.isWell():
			return
		case err == nil: // it has ended since
		case strings.Contains(err.Error(), "damaged"):
			t.Logf("%s: %v", m.node, err)
			if !strings.Contains(err.Error(), "genbu cluster replace NAME") {
				t.Errorf("%s is damaged and says not what to do: %v", m.node, err)
			}
			b.f.replace(b.i)
			return
		default:
			t.Logf("%s: %v", m.node, err)
		}
	}
	t.Errorf("%s, damaged, neither serves nor says why not", m.node)
}

// isWell waits until another node sees the one that was hit as a voter that is well; false when that one has ended.
func (b *blow) isWell() bool {
	m := b.hit()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if pid := m.pid("host.pid"); pid <= 0 || syscall.Kill(pid, 0) != nil {
			return false
		}
		s, err := b.next(1).look()
		if err != nil {
			continue
		}
		for _, n := range s.Nodes {
			if n.Name == m.node && n.Healthy && n.Core == "operational" {
				return true
			}
		}
	}
	return false
}
