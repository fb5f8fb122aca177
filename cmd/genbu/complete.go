// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// What the shell completes beyond names of commands and flags (genbu completion bash). A question that needs a PIN from the
// terminal is not asked, and what cannot be had is no candidate.

type completer = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// maxCandidates bounds what is asked from a large partition at each press of the key.
const maxCandidates = 200

// fixed completes from a list.
func fixed(list []string) completer {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func completeTokens(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	conn, err := dial()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer conn.Close()
	list, err := conn.Slots()
	var labels []string
	for _, t := range list {
		labels = append(labels, t.Label)
	}
	if err != nil {
		labels = nil
	}
	return labels, cobra.ShellCompDirectiveNoFileComp
}

// completeKeys completes the first operand with labels of keys, and what follows it with then, or else with files.
func completeKeys(who *login, then completer) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			if then == nil {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return then(cmd, args, typed)
		}
		return labels(who, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeKeyFlag completes a flag that names a key.
func completeKeyFlag(who *login) completer {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return labels(who, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeOperators completes names of operators, where the officer's PIN is at hand.
func completeOperators(who *officer) completer {
	return func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		mayAsk = false
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		who.as("", func(s *session, slot uint64) error {
			list, err := s.conn.Operators(slot)
			for _, o := range list {
				names = append(names, o.Name)
			}
			return err
		}) // what cannot be had is no candidate
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func labels(who *login, typed string) (list []string) {
	mayAsk = false
	err := who.as(client.User, "", func(s *session) error {
		found, _, err := s.Find(client.Template{client.Bool(key.AttrToken, true)}, maxCandidates)
		for _, o := range found {
			if v, err := s.Get(o.Handle, key.AttrLabel); err == nil && len(v) == 1 && strings.HasPrefix(string(v[0].Value), typed) {
				list = append(list, string(v[0].Value))
			}
		}
		return err
	})
	if err != nil {
		return nil
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}
