// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The commands that the sessions have besides those of testscript.

// fails CODE PROGRAM ARGS...: the program ends with that code, says why on standard error, and as its last line gives a
// hint with a command that exists.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("%v, want exit code %s", err, args[0])
	}
	said := strings.Split(strings.TrimSpace(ts.ReadFile("stderr")), "\n")
	last := said[len(said)-1]
	if !strings.Contains(strings.Join(said, "\n"), "genbu: error: ") || !strings.HasPrefix(last, "genbu: hint: ") {
		ts.Fatalf("no error and hint")
	}
	if err := commandExists(strings.TrimPrefix(last, "genbu: hint: ")); err != nil {
		ts.Fatalf("the hint %q: %v", last, err)
	}
}

// json [PATH [WANT]]: standard output is one JSON value whose every key docs/spec/cli.md names; at PATH (key.0.key) it is
// WANT, or is there at all.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	v, found := jsonAt(ts, args)
	if len(args) > 0 && found == neg {
		ts.Fatalf("%s: found %t", args[0], found)
	}
	if len(args) > 1 && v != args[1] {
		ts.Fatalf("%s is %q, want %q", args[0], v, args[1])
	}
}

// save PATH FILE: writes what JSON on standard output has at PATH to a file.
func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: save PATH FILE")
	}
	v, found := jsonAt(ts, args)
	if !found {
		ts.Fatalf("there is no %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(v), 0o600))
}

var documentedKeys = func() map[string]bool {
	text, err := os.ReadFile("../../docs/spec/cli.md")
	if err != nil {
		return nil
	}
	keys := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(string(text), -1) {
		keys[m[1]] = true
	}
	return keys
}()

func jsonAt(ts *testscript.TestScript, args []string) (value string, found bool) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("standard output is not JSON: %v", err)
	}
	undocumented(v, func(key string) { ts.Fatalf("docs/spec/cli.md does not name the key %q", key) })
	if len(args) == 0 {
		return "", true
	}
	for step := range strings.SplitSeq(args[0], ".") {
		if step == "" {
			continue
		}
		switch at := v.(type) {
		case map[string]any:
			v, found = at[step]
		case []any:
			n, err := strconv.Atoi(step)
			if found = err == nil && n < len(at); found {
				v = at[n]
			}
		default:
			found = false
		}
		if !found {
			return "", false
		}
	}
	return fmt.Sprint(v), true
}

func undocumented(v any, complain func(key string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if !documentedKeys[key] {
				complain(key)
			}
			undocumented(inner, complain)
		}
	case []any:
		for _, inner := range v {
			undocumented(inner, complain)
		}
	}
}

// eval DIR [FLAGS...]: sets what genbu env --dir DIR prints, as eval "$(genbu env --dir DIR)" does in a shell.
func evalEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eval DIR [FLAGS...]")
	}
	ts.Check(ts.Exec("sh", append([]string{"-c", `eval "$(genbu env --dir "$@")"; env`, "sh"}, args...)...))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && strings.HasPrefix(name, "GENBU_") {
			ts.Setenv(name, value)
		}
	}
}

// until PROGRAM ARGS...: runs it again and again, at most 20 s, until it succeeds.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until PROGRAM ARGS...")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if err := ts.Exec(args[0], args[1:]...); err == nil || time.Now().After(deadline) {
			ts.Check(err)
			return
		}
	}
}

// lines N: standard output has N lines, each of them JSON.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	all := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	for _, line := range all {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("%q is not JSON: %v", line, err)
		}
		undocumented(v, func(key string) { ts.Fatalf("docs/spec/cli.md does not name the key %q", key) })
	}
	if strconv.Itoa(len(all)) != args[0] {
		ts.Fatalf("%d lines, want %s", len(all), args[0])
	}
}

// readme FILE: writes the commands of the README that come after "Then:" to a file, and the README beside it.
func readme(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: readme FILE")
	}
	text, err := os.ReadFile("../../README.md")
	ts.Check(err)
	_, rest, ok := strings.Cut(string(text), "\nThen:\n\n")
	block, _, ok2 := strings.Cut(rest, "\n\n")
	if !ok || !ok2 {
		ts.Fatalf("the README has no commands after Then:")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(block+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("README.md"), text, 0o600))
}
