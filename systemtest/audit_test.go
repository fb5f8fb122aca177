// SPDX-License-Identifier: Apache-2.0

package systemtest

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/auditlog"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// frames reads the entries of a segment's file, and writes them.
func frames(t *testing.T, path string) (list [][]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	for len(b) >= 4 {
		n := 4 + int(binary.LittleEndian.Uint32(b))
		if n > len(b) {
			t.Fatalf("%s has a torn end", path)
		}
		list = append(list, b[:n])
		b = b[n:]
	}
	return list
}

func writeFrames(t *testing.T, path string, list [][]byte) {
	t.Helper()
	must(t, os.WriteFile(path, slices.Concat(list...), 0o600))
}

// segments lists the files of an audit log without their endings, oldest first.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.log"))
	must(t, err)
	for i := range list {
		list[i] = strings.TrimSuffix(list[i], ".log")
	}
	slices.Sort(list)
	return list
}

func TestAuditVerifyNamesWhatWasDoneToTheLog(t *testing.T) {
	n := ready(t)
	public := n.auditKey()
	head := n.path("head.txt")
	for range 3 { // three segments of some length
		s := n.userSession()
		pair(t, s, "x")
		for i := range 5 {
			must(t, n.admin().AuditNote(fmt.Sprint("remark ", i)))
		}
		must(t, os.WriteFile(head, []byte(n.run("audit", "head")), 0o600))
		n.restart()
	}
	n.stop()
	verify := func(dir string, more ...string) error {
		_, err := n.try("", append([]string{"audit", "verify", "--log", dir, "--key", public}, more...)...)
		return err
	}
	must(t, verify(n.path("audit"), "--witness", head)) // the negative control

	middle := func(dir string) (path string, list [][]byte) {
		path = segments(t, dir)[1] + ".log"
		return path, frames(t, path)
	}
	for _, c := range []struct {
		name string
		do   func(dir string)
		want string // within what verify says
	}{
		{"one bit altered", func(dir string) {
			path, list := middle(dir)
			list[3] = slices.Clone(list[3])
			list[3][len(list[3])-1] ^= 1
			writeFrames(t, path, list)
		}, "entry 3: altered"},
		{"an entry removed", func(dir string) {
			path, list := middle(dir)
			writeFrames(t, path, slices.Delete(list, 3, 4))
		}, "entry 3: missing"},
		{"two exchanged", func(dir string) {
			path, list := middle(dir)
			list[3], list[4] = list[4], list[3]
			writeFrames(t, path, list)
		}, "3"},
		{"the end cut off", func(dir string) {
			path, list := middle(dir)
			writeFrames(t, path, list[:len(list)-4])
		}, "cut"},
		{"a checkpoint removed", func(dir string) {
			must(t, os.Remove(segments(t, dir)[1]+".checkpoint"))
		}, "checkpoint-missing"},
		{"a checkpoint exchanged", func(dir string) {
			list := segments(t, dir)
			b, err := os.ReadFile(list[0] + ".checkpoint")
			must(t, err)
			must(t, os.WriteFile(list[1]+".checkpoint", b, 0o600))
		}, "checkpoint-invalid"},
		{"a segment removed", func(dir string) {
			path := segments(t, dir)[1]
			must(t, os.Remove(path+".log"))
			must(t, os.Remove(path+".checkpoint"))
		}, "segment-missing"},
		{"all of it gone", func(dir string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)) }, "segment-missing"},
	} {
		dir := filepath.Join(n.dir, "bent")
		must(t, os.RemoveAll(dir))
		copyTree(t, n.path("audit"), dir)
		segment := strings.SplitN(filepath.Base(segments(t, dir)[1]), "-", 2)[1]
		c.do(dir)
		err := verify(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.name != "all of it gone" && !strings.Contains(err.Error(), segment) {
			t.Errorf("%s in segment %s: %v", c.name, segment, err)
		}
	}
	if err := verify(n.path("audit"), "--key", strings.Repeat("12", 32)); err == nil {
		t.Error("the log verifies under another key")
	}

	// What a lone node cannot show: its last segments gone together with all that names them. A checkpoint kept elsewhere does.
	dir := filepath.Join(n.dir, "bent")
	must(t, os.RemoveAll(dir))
	copyTree(t, n.path("audit"), dir)
	for _, path := range segments(t, dir)[2:] {
		must(t, os.Remove(path+".log"))
		os.Remove(path + ".checkpoint")
	}
	must(t, verify(dir))
	if err := verify(dir, "--witness", head); err == nil {
		t.Error("a log that was set back contains the witness's checkpoint")
	}
}

// Two copies of a node, both run on: two segments follow the same checkpoint.
func TestAuditVerifyShowsAFork(t *testing.T) {
	n := ready(t)
	public := n.auditKey()
	n.stop()
	twin := newNode(t)
	copyTree(t, n.dir, twin.dir)
	for _, one := range []*node{n, twin} {
		one.serve()
		must(t, one.admin().AuditNote("mine"))
		one.stop()
		one.run("audit", "verify", "--key", public)
	}
	list := segments(t, twin.path("audit"))
	for _, ending := range []string{".log", ".checkpoint"} {
		b, err := os.ReadFile(list[len(list)-1] + ending)
		must(t, err)
		name := strings.Replace(filepath.Base(list[len(list)-1]), "00000", "00001", 1) // the next number
		must(t, os.WriteFile(filepath.Join(n.path("audit"), name+ending), b, 0o600))
	}
	_, err := n.try("", "audit", "verify", "--key", public)
	if err == nil || !strings.Contains(err.Error(), "forked") {
		t.Errorf("a fork is answered: %v", err)
	}
}

// uses counts the entries about uses of an object, and the uses they stand for.
func (n *node) uses(handle uint64, kind wire.AuditKind) (entries, count uint64) {
	n.t.Helper()
	for l, err := range auditlog.Entries(n.path("audit")) {
		must(n.t, err)
		if e := l.Entry; e.Kind == kind && e.Object.Handle() == handle && e.Result == fault.OK {
			entries++
			count += e.Count
		}
	}
	return entries, count
}

// A partition that audits each use: who has an answer finds its entry on disk, whatever is killed next.
func TestEachUseIsOnDiskBeforeItsAnswer(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	must(t, admin.PartitionSet(client.SetFlags, client.Partition{ID: n.tokens()[tokenLabel].id, Flags: client.AuditEach}))
	x := pair(t, n.userSession(), "x")
	public := n.auditKey()
	var answered atomic.Uint64
	for round := range 8 {
		var clients sync.WaitGroup
		for range 4 {
			s := n.userSession()
			clients.Go(func() {
				for {
					if _, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe); err != nil {
						if !dying(err) {
							t.Errorf("sign: %v", err)
						}
						return
					}
					answered.Add(1)
				}
			})
		}
		for least := answered.Load() + 20; answered.Load() < least && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		if round%2 == 0 {
			n.kill()
		} else {
			n.killCore()
		}
		clients.Wait()
		told := answered.Load()
		if n.host != nil {
			n.kill() // so that nobody writes while the log is read
		}
		if entries, _ := n.uses(x.half[0].handle, wire.AuditUse); entries < told || entries > told+uint64(4*(round+1)) {
			t.Errorf("after kill %d: %d signatures were answered, %d uses are in the log", round+1, told, entries)
		}
		n.serve()
		n.operational()
	}
	n.stop()
	n.run("audit", "verify", "--key", public)
	fmt.Printf("%s: %d signatures answered, each with its entry\n", t.Name(), answered.Load())
}

// A partition that counts uses writes them down once a second.
func TestCountedUsesAreAllInTheLogSoonAfter(t *testing.T) {
	n := ready(t)
	s := n.userSession()
	x := pair(t, s, "x")
	const uses = 500
	for range uses {
		_, err := s.Sign(client.Mech(key.MechECDSASHA256), x.half[0].handle, probe)
		must(t, err)
	}
	eventually(t, "the counts to be in the log", func() bool {
		_, count := n.uses(x.half[0].handle, wire.AuditCounted)
		return count == uses
	})
	if entries, _ := n.uses(x.half[0].handle, wire.AuditCounted); entries > uses/10 {
		t.Errorf("%d uses were counted in %d entries", uses, entries)
	}
	if entries, _ := n.uses(x.half[0].handle, wire.AuditUse); entries != 0 {
		t.Errorf("%d uses have an entry of their own", entries)
	}
}

// Every act of management, login, refusal and key of one short session is in the log, in the order in which it happened.
func TestWhatAnOperatorDoesIsInTheLog(t *testing.T) {
	n := ready(t)
	admin := n.admin()
	slot := slotOf(t, admin, tokenLabel)
	must(t, admin.OperatorCreate(slot, "alice", client.CryptoUser, []byte(otherPIN)))
	n.tryLogin(tokenLabel, client.User, "alice", "wrong")
	s := n.login(tokenLabel, client.User, "alice", otherPIN)
	x := pair(t, s, "x")
	wantCode(t, "an act of somebody else's", n.userSession().Destroy(x.half[0].handle), fault.ObjectUnknown)
	setID(t, s, x, "second")
	must(t, s.KeyState(x.half[0].handle, key.StateSuspended))
	must(t, s.Destroy(x.half[0].handle))
	must(t, s.Logout())
	must(t, admin.OperatorSet(slot, "alice", client.Disable, nil))
	pid := n.corePID()
	must(t, admin.Lock())
	n.newCore(pid)
	n.kill()
	var got []string
	for l, err := range auditlog.Entries(n.path("audit")) {
		must(t, err)
		e := l.Entry
		got = append(got, fmt.Sprintf("%s %s %s", e.Kind, wire.Call(e.Call), e.Result))
	}
	want := []string{"open", "state INIT ok", "manage PARTITION_CREATE ok", "manage OPERATOR_CREATE ok", "login LOGIN pin is incorrect",
		"login LOGIN ok", "key GENERATE_PAIR ok", "key GENERATE_PAIR ok", "refusal DESTROY", "key SET ok", "key KEY_STATE ok",
		"key DESTROY ok", "LOGOUT ok", "manage OPERATOR_SET ok", "state LOCK ok", "close", "open"}
	rest := got
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g string) bool { return strings.Contains(g, w) })
		if i < 0 {
			t.Fatalf("no %q in its place: the log has\n%s", w, strings.Join(got, "\n"))
		}
		rest = rest[i+1:]
	}
}
