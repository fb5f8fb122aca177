// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

func TestHelpIsOneScreenAndEndsWithAnExample(t *testing.T) {
	each(root(), func(cmd *cobra.Command) {
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.InitDefaultHelpFlag()
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		all := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
		most := 48
		if !cmd.HasParent() {
			most = 60 // it lists every command
		}
		if len(all) > most {
			t.Errorf("%s --help has %d lines", cmd.CommandPath(), len(all))
		}
		for _, line := range all {
			if utf8.RuneCountInString(line) > 120 {
				t.Errorf("%s --help: a line of %d letters: %s", cmd.CommandPath(), utf8.RuneCountInString(line), line)
			}
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) || !strings.HasSuffix(out.String(), "Example:\n"+cmd.Example+"\n") {
			t.Errorf("%s --help does not end with an example of it", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			for _, words := range simpleCommands(remark.ReplaceAllString(strings.TrimSpace(line), "")) {
				if words[0] != "genbu" {
					continue
				}
				if err := parses(words[1:]); err != nil {
					t.Errorf("%s --help: example %q: %v", cmd.CommandPath(), line, err)
				}
			}
		}
	})
}

// TestHintsAreCommandsThatExist reads every hint that stands in the source, and holds it to the command tree.
func TestHintsAreCommandsThatExist(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range hintsIn(f) {
			text, whole := firstLiteral(e)
			if text == "" {
				continue
			}
			found++
			for _, words := range simpleCommands(text) {
				if words[0] != "genbu" {
					continue
				}
				err := error(nil)
				if whole {
					err = parses(words[1:])
				} else if cmd, _, e := root().Find(words[1:]); e != nil || cmd == cmd.Root() {
					err = errors.New("no such command")
				}
				if err != nil {
					t.Errorf("%s: %q: %v", set.Position(e.Pos()), text, err)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d hints were found", found)
	}
}

// hintsIn finds the commands of a file's hints: the second argument of next, and the first field of a hint.
func hintsIn(f *ast.File) (list []ast.Expr) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "next" && len(n.Args) == 2 {
				list = append(list, n.Args[1])
			}
		case *ast.CompositeLit:
			if id, ok := n.Type.(*ast.Ident); ok && id.Name == "hint" && len(n.Elts) == 2 {
				list = append(list, n.Elts[0])
			}
		case *ast.ValueSpec:
			if len(n.Names) == 1 && n.Names[0].Name == "hints" {
				for _, e := range n.Values[0].(*ast.CompositeLit).Elts {
					list = append(list, e.(*ast.KeyValueExpr).Value.(*ast.CompositeLit).Elts[0])
				}
			}
		}
		return true
	})
	return list
}

// firstLiteral is the text with which an expression begins, and whether that is all of it.
func firstLiteral(e ast.Expr) (text string, whole bool) {
	for whole = true; ; whole = false {
		sum, ok := e.(*ast.BinaryExpr)
		if !ok {
			break
		}
		e = sum.X
	}
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		text, _ = strconv.Unquote(lit.Value) // the parser took it
	}
	return text, whole
}

func TestEveryFaultEndsInAHintAndAnExitCode(t *testing.T) {
	cmd, _, err := root().Find([]string{"sign"})
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range fault.All() {
		var out bytes.Buffer
		err := ran{&client.Error{Code: code, Reason: code.String(), Left: -1}}
		complain(&out, cmd, err)
		if !strings.HasPrefix(out.String(), "genbu: error: "+code.String()) || strings.Count(out.String(), "\ngenbu: hint: ") != 1 {
			t.Errorf("%s: %q", code, out.String())
		}
	}
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("unknown flag"), exitUsage},
		{ran{errors.New("refused")}, exitFailed},
		{ran{next(fault.SignatureInvalid, "genbu verify --help")}, exitFailed},
		{ran{next(fault.Locked.At("sign"), "genbu unlock")}, exitNoNode},
		{ran{noNode{errors.New("nobody there")}}, exitNoNode},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestHintsNameTheDirectoryThatWasGiven(t *testing.T) {
	defer func(dir string) { global.dir = dir }(global.dir)
	global.dir = "a b"
	for command, want := range map[string]string{
		"genbu up":             "genbu up --dir 'a b'",
		`eval "$(genbu env)"`:  `eval "$(genbu env --dir 'a b')"`,
		"genbu up --dir NEW":   "genbu up --dir NEW",
		"chmod 600 access.txt": "chmod 600 access.txt",
	} {
		if got := withDir(command); got != want {
			t.Errorf("%s: %s, want %s", command, got, want)
		}
	}
}
