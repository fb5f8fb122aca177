// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// commandExists holds a hint, or a line of a document, to the command tree: each genbu command in it parses, and any
// other program is one that can be run here.
func commandExists(line string) error {
	line, _, _ = strings.Cut(line, "   (")
	for _, words := range simpleCommands(line) {
		if words[0] == "genbu" {
			if err := parses(words[1:]); err != nil {
				return fmt.Errorf("%q: %w", strings.Join(words, " "), err)
			}
		} else if _, err := exec.LookPath(words[0]); err != nil && words[0] != "eval" {
			return err
		}
	}
	return nil
}

// parses tells whether the command tree takes these words, as far as that can be told without running anything.
func parses(words []string) error {
	top := root()
	top.InitDefaultHelpCmd()
	top.InitDefaultCompletionCmd()
	cmd, rest, err := top.Find(words)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if help := cmd.Flags().Lookup("help"); help != nil && help.Changed || cmd.Name() == "help" {
		return nil
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	return cmd.ValidateFlagGroups()
}

var substitution = regexp.MustCompile(`\$\(([^()]*)\)`)

// simpleCommands splits a line of shell into its simple commands, each a list of words; those of $(...) come first.
func simpleCommands(line string) (list [][]string) {
	for _, m := range substitution.FindAllStringSubmatch(line, -1) {
		list = append(list, simpleCommands(m[1])...)
	}
	line = substitution.ReplaceAllString(line, "X")
	var words []string
	var word strings.Builder
	inWord, quote, skip := false, rune(0), false
	endWord := func() {
		if inWord && !skip {
			words = append(words, word.String())
		}
		skip = skip && !inWord
		word.Reset()
		inWord = false
	}
	endCommand := func() {
		endWord()
		if len(words) > 0 {
			list = append(list, words)
		}
		words, skip = nil, false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			inWord, quote = true, r
		case r == '#' && !inWord:
			endCommand()
			return list
		case slices.Contains([]rune{'|', ';', '&', '\n'}, r):
			endCommand()
		case r == '>' || r == '<':
			if inWord && strings.Trim(word.String(), "0123456789") == "" { // 2>file
				word.Reset()
				inWord = false
			}
			endWord()
			skip = true // the file's name
		case r == ' ' || r == '\t':
			endWord()
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	endCommand()
	return list
}
