// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/genbu-hsm/genbu/internal/agent"
	"github.com/genbu-hsm/genbu/internal/server"
)

var update = flag.Bool("update", false, "rewrite what is generated in docs/spec/cli.md")

// documents are the pages for people, and the scripts that they are told to run.
func documents(t *testing.T) (paths []string) {
	t.Helper()
	paths = []string{"../../README.md", "../../SECURITY.md", "../../ARCHITECTURE.md", "../../deploy/first-run"}
	err := filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

var (
	inlineCode = regexp.MustCompile("`(genbu [^`\n]+)`")
	remark     = regexp.MustCompile(` {2,}.*`)        // what stands beside a command in a table of commands
	variable   = regexp.MustCompile(`\$[A-Za-z_]\w*`) // of a shell
)

// commandsIn finds the lines of a document that are commands: indented ones.
func commandsIn(text string) (list []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if trimmed := strings.TrimLeft(line, " \t"); trimmed != line && strings.Contains(trimmed, "genbu ") || strings.HasPrefix(line, "genbu ") || strings.HasPrefix(line, "eval ") {
			list = append(list, remark.ReplaceAllString(trimmed, ""))
		}
	}
	return list
}

func TestCommandsInDocumentsExist(t *testing.T) {
	found := 0
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandsIn(string(text)) {
			for _, words := range simpleCommands(variable.ReplaceAllString(line, "x")) {
				if words[0] != "genbu" || len(words) < 2 || words[1] == "core" || strings.ToUpper(words[1]) == words[1] {
					continue // the role that nobody types; "genbu COMMAND --help"
				}
				found++
				if err := parses(words[1:]); err != nil {
					t.Errorf("%s: %q: %v", path, line, err)
				}
			}
		}
		for _, m := range inlineCode.FindAllStringSubmatch(string(text), -1) {
			found++
			if err := mentions(m[1]); err != nil {
				t.Errorf("%s: %q: %v", path, m[1], err)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands were found", found)
	}
}

// mentions holds a command within a sentence to the tree: it may lack operands, but it and its flags exist.
func mentions(text string) error {
	words := strings.Fields(text)[1:]
	if words[0] == "core" || strings.ToUpper(words[0]) == words[0] { // the role that nobody types; "genbu COMMAND --help"
		return nil
	}
	top := root()
	top.InitDefaultHelpCmd()
	top.InitDefaultCompletionCmd()
	cmd, _, err := top.Find(words)
	if err != nil {
		return err
	}
	if cmd == top && !strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("no such command")
	}
	for _, w := range words {
		name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		if strings.HasPrefix(w, "--") && name != "help" && cmd.Flag(name) == nil {
			return fmt.Errorf("no flag %s", w)
		}
	}
	return nil
}

func TestCommandsInRecipesExist(t *testing.T) {
	v := &values{Dir: "/a b", Socket: "/s", Token: "t", Genbu: "genbu", Module: "/m.so", ModuleFile: "/m", Engine: "/e"}
	for _, tool := range tools() {
		text, err := recipe(tool, v)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text) {
			for _, words := range simpleCommands(line) {
				if words[0] == "genbu" {
					if err := parses(words[1:]); err != nil {
						t.Errorf("%s: %q: %v", tool, line, err)
					}
				}
			}
		}
	}
}

func TestSampleConfigurationInTheGuideIsValidAndWhole(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(guide), "<!-- genbu.yaml -->\n")
	sample, _, ok2 := strings.Cut(rest, "<!-- /genbu.yaml -->")
	if !ok || !ok2 {
		t.Fatal("docs/guide.md has no block genbu.yaml")
	}
	var yaml strings.Builder
	for line := range strings.Lines(sample) {
		yaml.WriteString(strings.TrimPrefix(line, "    "))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, server.ConfigFile), []byte(yaml.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := server.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[server.Config]().Fields() {
		key := field.Tag.Get("json")
		if !strings.Contains("\n"+yaml.String(), "\n"+key+":") {
			t.Errorf("the sample in docs/guide.md does not show %q", key)
		}
	}
	// It says that it shows the defaults.
	plain, err := server.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain.Backup.Place = c.Backup.Place // where a relative path starts from
	plain.Dir, plain.Socket, plain.Keeper, plain.AcceptMissing = c.Dir, filepath.Join(c.Dir, filepath.Base(plain.Socket)),
		filepath.Join(c.Dir, filepath.Base(plain.Keeper)), []string{}
	if !reflect.DeepEqual(c, plain) {
		t.Errorf("the sample is %+v, the defaults are %+v", c, plain)
	}
}

func TestSampleOfTheAgentInTheGuideIsValidAndWhole(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(guide), "<!-- agent.yaml -->\n")
	sample, _, ok2 := strings.Cut(rest, "<!-- /agent.yaml -->")
	if !ok || !ok2 {
		t.Fatal("docs/guide.md has no block agent.yaml")
	}
	dir := t.TempDir()
	text := strings.ReplaceAll("\n"+sample, "\n    ", "\n")
	if err := os.WriteFile(filepath.Join(dir, agent.ConfigFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := agent.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[agent.Config]().Fields() {
		if key := field.Tag.Get("json"); !strings.Contains(text, "\n"+key+":") {
			t.Errorf("the sample in docs/guide.md does not show %q", key)
		}
	}
	plain, err := agent.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain.Dir, plain.Socket, plain.Nodes = c.Dir, filepath.Join(c.Dir, filepath.Base(plain.Socket)), []string{}
	if !reflect.DeepEqual(c, plain) {
		t.Errorf("the sample is %+v, the defaults are %+v", c, plain)
	}
}

// TestPageOfCommandsIsWhole compares docs/spec/cli.md with the command tree. Renew with -update.
func TestPageOfCommandsIsWhole(t *testing.T) {
	const path, begin, end = "../../docs/spec/cli.md", "<!-- commands -->\n", "<!-- /commands -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no block of commands")
	}
	want := head + begin + page() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the commands are: go test ./cmd/genbu -run Page -update", path)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString("| command | what it does | flags |\n|---|---|---|\n")
	each(root(), func(cmd *cobra.Command) {
		if cmd.HasSubCommands() && cmd.Annotations[runsItself] == "" {
			return
		}
		var flags []string
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				flags = append(flags, "--"+f.Name)
			}
		})
		line := cmd.CommandPath() + strings.TrimPrefix(cmd.Use, cmd.Name())
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", line, cmd.Short, strings.Join(flags, " "))
	})
	return b.String()
}

// TestEveryCommandIsInASession looks for every command in the sessions, as text for people and as JSON.
func TestEveryCommandIsInASession(t *testing.T) {
	var all strings.Builder
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	each(root(), func(cmd *cobra.Command) {
		if cmd.HasSubCommands() {
			return
		}
		path := regexp.QuoteMeta(cmd.CommandPath())
		for _, want := range []string{path + "( [^\n]*)?--json", path + "\\b"} {
			if !regexp.MustCompile(want).MatchString(all.String()) {
				t.Errorf("no session has %s", want)
			}
		}
	})
}

// each visits every command but those that cobra brings.
func each(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		each(sub, f)
	}
}
