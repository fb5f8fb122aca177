// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	root := "../.."
	outputs, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range outputs {
		have, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != want {
			t.Errorf("%s is not what the tables say; run: go generate ./pkcs11/...", path)
		}
	}
}

const comment = "/* table */\n"

func TestTableRefusesWhatCWouldReadDifferently(t *testing.T) {
	good := `CALL(0x01, HELLO, "uuub", "bbu", CORE, "fields")` + "\n"
	if calls, err := parse(comment + good); err != nil || len(calls) != 1 {
		t.Fatalf("a good row: %v, %v", calls, err)
	}
	for name, def := range map[string]string{
		"number twice":   good + strings.Replace(good, "HELLO", "OTHER", 1),
		"name twice":     good + strings.Replace(good, "0x01", "0x02", 1),
		"falling number": strings.Replace(good, "0x01", "0x02", 1) + strings.Replace(good, "HELLO", "OTHER", 1),
		"unknown letter": strings.Replace(good, "uuub", "uuqb", 1),
		"open list":      strings.Replace(good, "uuub", "[uuub", 1),
		"empty list":     strings.Replace(good, "uuub", "u[]", 1),
		"star inside":    strings.Replace(good, "uuub", "u*b", 1),
		"other text":     "#define X\n" + good,
	} {
		if _, err := parse(comment + def); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := parse(good); err == nil {
		t.Error("no comment: accepted")
	}
}
