// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinesInHostsComeAndGoWithTheirNode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	was := hostsFile
	hostsFile = file
	t.Cleanup(func() { hostsFile = was })
	read := func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const first = "127.0.0.1 localhost" // without an end of line, as some machines have it
	if err := os.WriteFile(file, []byte(first), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/a", "/a b"} {
		if missing, err := knowHosts(dir, "127.0.0.1", "one.test.invalid", "two.test.invalid"); err != nil || missing != "" {
			t.Fatal(missing, err)
		}
	}
	if got := read(); strings.Count(got, "one.test.invalid") != 2 || !strings.HasPrefix(got, first+"\n127.0.0.1 one.test.invalid") {
		t.Errorf("%q", got)
	}
	if err := forgetHosts("/a"); err != nil {
		t.Fatal(err)
	}
	if got := read(); strings.Count(got, "one.test.invalid") != 1 || !strings.Contains(got, "/a b\n") || !strings.HasPrefix(got, first+"\n") {
		t.Errorf("after one is down: %q", got)
	}
	if err := forgetHosts("/a b"); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != first+"\n" {
		t.Errorf("in the end: %q", got)
	}
	hostsFile = filepath.Join(t.TempDir(), "none")
	missing, err := knowHosts("/a", "127.0.0.1", "one.test.invalid")
	if err != nil || !strings.HasPrefix(missing, "127.0.0.1 one.test.invalid # ") {
		t.Errorf("where the file cannot be written: %q %v", missing, err)
	}
}

func TestANameThatAnotherNodesLineGivesIsWrittenAgain(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1 a.test" + hostsMark + "/other\n":                                            true,
		"127.0.0.1 a.test" + hostsMark + "/mine\n":                                             false,
		"127.0.0.1 a.test" + hostsMark + "/other\n127.0.0.1 a.test" + hostsMark + "/mine\n":    false,
		"127.0.0.1 x a.test\n127.0.0.1 a.test" + hostsMark + "/other\n":                        false,
		"127.0.0.1 b.test" + hostsMark + "/other\n# 127.0.0.1 a.test" + hostsMark + "/other\n": false,
		"": false,
	} {
		if got := borrowed([]byte(text), "a.test", "/mine"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
