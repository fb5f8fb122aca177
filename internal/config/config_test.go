// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadNamesTheFileAndWhatIsWrongInIt(t *testing.T) {
	for _, c := range []struct{ text, wrong string }{
		{"name: here\n", ""},
		{"nmae: here\n", `unknown field "nmae"`},
		{"name: [\n", "yaml"},
		{"name: bad\n", "it is bad"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var into struct {
			Name string `json:"name"`
		}
		err := Read(dir, "x.yaml", &into, func(at string) error {
			if at != dir {
				t.Errorf("finish is told %s of %s", at, dir)
			}
			if into.Name == "bad" {
				return errors.New("it is bad")
			}
			return nil
		})
		switch {
		case c.wrong == "" && (err != nil || into.Name != "here"):
			t.Errorf("%q: %v, %+v", c.text, err, into)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), "x.yaml")):
			t.Errorf("%q: %v; wanted the file's name and %q", c.text, err, c.wrong)
		}
	}
}

func TestWithoutAFileThereAreDefaults(t *testing.T) {
	finished := false
	if err := Read(t.TempDir(), "x.yaml", &struct{}{}, func(string) error { finished = true; return nil }); err != nil || !finished {
		t.Errorf("%v, finished %v", err, finished)
	}
}

func TestASocketThatCannotBeIsRefused(t *testing.T) {
	for _, s := range []Socket{{"/run/x.sock", "0999"}, {"/run/x.sock", "1777"}, {"/run/x.sock", ""}, {"/" + strings.Repeat("x", 107), "0660"}} {
		if len(s.Check()) != 1 {
			t.Errorf("%+v: %v", s, s.Check())
		}
	}
	if faults := (Socket{"/" + strings.Repeat("x", 106), "0660"}).Check(); len(faults) != 0 {
		t.Error(faults)
	}
}

// TestASocketTakesThePlaceOfOneThatWasLeft: as a killed process leaves it.
func TestASocketTakesThePlaceOfOneThatWasLeft(t *testing.T) {
	s := Socket{filepath.Join(t.TempDir(), "s"), "0640"}
	first, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	first.SetUnlinkOnClose(false)
	first.Close()
	second, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if info, err := os.Stat(s.Path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	conn, err := net.Dial("unix", s.Path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
