// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

func keyList() *cobra.Command {
	var who login
	cmd := &cobra.Command{
		Use:   "list [LABEL]",
		Short: "List keys, certificates and data objects",
		Long: `List what the partition holds and the login may see, by label.

  genbu key list --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []keyInfo
			err := who.as(client.User, "listing", func(s *session) (err error) {
				var found []client.Summary
				if len(args) == 1 {
					found, err = s.lookup(args[0])
				} else {
					found, err = s.FindAll(client.Template{client.Bool(key.AttrToken, true)})
				}
				if err == nil {
					all, err = s.describeAll(found)
				}
				return err
			})
			if err != nil {
				return err
			}
			return showKeys(cmd, all)
		},
	}
	who.add(cmd)
	cmd.ValidArgsFunction = completeKeys(&who, nil)
	return cmd
}

// describeAll describes objects, sorted by label, private before public. Profiles are left out: every token has them, and
// they say nothing about this one.
func (s *session) describeAll(found []client.Summary) ([]keyInfo, error) {
	list := make([]keyInfo, 0, len(found))
	for _, o := range found {
		if o.Class == key.ClassProfile {
			continue
		}
		i, err := s.describe(o)
		if fault.Of(err) == fault.ObjectUnknown {
			continue // destroyed since it was found
		}
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	slices.SortStableFunc(list, func(a, b keyInfo) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Class, b.Class))
	})
	return list, nil
}

// showKeys answers with a list of objects.
func showKeys(cmd *cobra.Command, list []keyInfo) error {
	return show(cmd, list, func(w io.Writer) {
		rows := make([][]string, 0, len(list))
		for _, i := range list {
			rows = append(rows, []string{i.Label, i.Class, dash(i.Type), dash(i.State), dash(i.ID), dash(strings.Join(i.Uses, ",")), i.UniqueID})
		}
		table(w, "LABEL CLASS TYPE STATE ID USES UNIQUE-ID", rows)
	})
}
