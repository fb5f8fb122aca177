// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// alone is a node without others, killed, with what its keys have answered and a copy of its store.
type alone struct {
	*machine
	macs map[uint64][]byte // by handle
	copy string
}

func newAlone(t *testing.T) *alone {
	a := &alone{machine: newNetwork(t).machine(), macs: map[uint64][]byte{}}
	a.run("up", "--token", label, "--pin", userPIN)
	s := login(t, a.socket())
	for i := range 12 {
		made, err := s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Bool(key.AttrSign, true),
			client.ULong(key.AttrValueLen, uint64(32)), client.Text(key.AttrLabel, fmt.Sprint("alone-", i))})
		must(t, err)
		a.macs[made.Handle], err = s.Sign(client.Mech(key.MechSHA256HMAC), made.Handle, message)
		must(t, err)
	}
	a.die()
	a.copy = filepath.Join(filepath.Dir(a.dir), "copy")
	a.files("cp", "-a", filepath.Join(a.dir, "store"), a.copy)
	return a
}

func (a *alone) files(args ...string) {
	a.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		a.t.Fatalf("%s: %v: %s", args, err, out)
	}
}

// again lays the store of before back, as nobody but this test should.
func (a *alone) again() {
	a.die()
	a.files("rm", "-r", filepath.Join(a.dir, "store"))
	a.files("cp", "-a", a.copy, filepath.Join(a.dir, "store"))
}

// uses signs with every key, and answers how many are as before, and the errors of the others. None may answer otherwise.
func (a *alone) uses(s *client.Session) (well int, refused []fault.Code) {
	a.t.Helper()
	for handle, mac := range a.macs {
		got, err := s.Sign(client.Mech(key.MechSHA256HMAC), handle, message)
		switch {
		case err != nil:
			refused = append(refused, fault.Of(err))
		case bytes.Equal(got, mac):
			well++
		default:
			a.t.Errorf("key %x answers otherwise than before", handle)
		}
	}
	return well, refused
}

func TestADamagedStoreOfALoneNodeGivesNoWrongAnswer(t *testing.T) {
	a := newAlone(t)
	draws := uint64(6)
	if os.Getenv("GENBU_SOAK") != "" {
		draws = 60
	}
	for draw := range draws {
		a.again()
		what, err := damage(a.dir, draw)
		must(t, err)
		if _, err := a.try("up"); err != nil {
			t.Logf("%s: %s", what, strings.SplitN(err.Error(), "\n", 2)[0])
			if !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "genbu restore --dir NEW --from PLACE") {
				t.Errorf("%s: it says not what to do: %v", what, err)
			}
			continue
		}
		s, err := tryLogin(t, a.socket())
		if err != nil { // what was altered is the record of the PIN: the core's log names it, and who logs in hears no more than of nobody
			log, _ := os.ReadFile(filepath.Join(a.dir, "genbu.log"))
			if fault.Of(err) != fault.PINIncorrect || !bytes.Contains(log, []byte("is refused: open record: record is not authentic")) {
				t.Errorf("%s: nobody logs in: %v", what, err)
			}
			continue
		}
		well, refused := a.uses(s)
		t.Logf("%s: it runs; %d keys as before, others %v", what, well, refused)
	}
}

func TestARecordThatADiskHasAlteredIsRefusedAndTheOthersGoOn(t *testing.T) {
	a := newAlone(t)
	files, _ := filepath.Glob(filepath.Join(a.dir, "store/data-*/member/snap/db"))
	b, err := os.ReadFile(files[0])
	must(t, err)
	logs, _ := filepath.Glob(filepath.Join(a.dir, "store/data-*/member/wal/*.wal"))
	if len(logs) == 0 {
		t.Fatal("no log")
	}
	t.Run("control: the store as it was", func(t *testing.T) {
		a.again()
		a.run("up")
		if well, refused := a.uses(login(t, a.socket())); well != len(a.macs) {
			t.Errorf("%d keys as before, others %v", well, refused)
		}
		a.run("down") // so that the database has all, and nothing is repeated from the log
		b, err = os.ReadFile(files[0])
		must(t, err)
	})
	altered := 0
	for at := 0; ; {
		next := bytes.Index(b[at:], []byte("/o/"))
		if next < 0 {
			break
		}
		at += next + 100 // past the rest of the path, within what is sealed
		if altered++; altered%3 == 0 && at < len(b) {
			b[at] ^= 0x10
		}
	}
	must(t, os.WriteFile(files[0], b, 0o600))
	a.run("up")
	well, refused := a.uses(login(t, a.socket()))
	t.Logf("%d of %d records altered: %d keys as before, others %v", altered/3, altered, well, refused)
	if len(refused) == 0 || well == 0 {
		t.Errorf("%d keys are refused, %d used", len(refused), well)
	}
	for _, code := range refused {
		if code != fault.RecordInvalid && code != fault.ObjectUnknown && code != fault.KeyUnknown { // the index has not taken it in
			t.Errorf("an altered record is refused with %v", code)
		}
	}
	s := login(t, a.socket())
	made, err := s.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Bool(key.AttrSign, true), client.ULong(key.AttrValueLen, uint64(32))})
	must(t, err)
	if _, err := s.Sign(client.Mech(key.MechSHA256HMAC), made.Handle, message); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if log := a.run("audit", "list"); !strings.Contains(log, "alarm") {
		t.Error("the audit log has no alarm")
	}
}
