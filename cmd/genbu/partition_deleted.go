// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

// deletedInfo is one row of genbu partition list --deleted.
type deletedInfo struct {
	ID        string    `json:"id"`
	Label     string    `json:"label"`
	Kind      string    `json:"kind"`
	Deleted   time.Time `json:"deleted"`
	Purge     time.Time `json:"purge"` // when it is destroyed by itself
	Protected bool      `json:"purge_protection"`
}

// listDeleted shows the vaults and managed HSMs that the resource manager has deleted and that can be recovered.
func listDeleted(cmd *cobra.Command, who *admin) error {
	items, rows := []deletedInfo{}, [][]string{}
	err := who.as("listing", func(s *session) error {
		list, err := s.conn.VaultList()
		for _, v := range list {
			if v.Deleted == 0 {
				continue
			}
			at := time.Unix(v.Deleted, 0).UTC()
			i := deletedInfo{v.ID.String(), v.Name, kindOf(v.Flags), at, at.AddDate(0, 0, int(v.RetentionDays)), v.PurgeProtection}
			items = append(items, i)
			rows = append(rows, []string{i.Label, i.Kind, i.Deleted.Format(time.RFC3339), i.Purge.Format(time.RFC3339), fmt.Sprint(i.Protected), i.ID})
		}
		return err
	})
	if err != nil {
		return err
	}
	return show(cmd, items, func(w io.Writer) { table(w, "LABEL KIND DELETED PURGE PROTECTED ID", rows) })
}

func partitionRecover() *cobra.Command {
	var who admin
	cmd := &cobra.Command{
		Use:   "recover LABEL",
		Short: "Bring a deleted vault or managed HSM back",
		Long: `Bring back a vault or managed HSM that Azure's resource manager deleted, with all that is in it. It can be
done while its retention lasts and nobody has purged it: genbu partition list --deleted.

  genbu partition recover vault1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := who.as("recovering", func(s *session) error {
				v, err := deletedNamed(s.conn, args[0])
				if err == nil {
					err = s.conn.VaultRecover(v.ID)
				}
				return err
			})
			if err != nil {
				return err
			}
			return show(cmd, map[string]any{"recovered": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "partition %q is there again\n", args[0]) })
		},
	}
	who.add(cmd)
	return cmd
}

// deletedNamed answers the deleted vault or managed HSM with a label.
func deletedNamed(conn *client.Conn, label string) (client.VaultInfo, error) {
	list, err := conn.VaultList()
	if err != nil {
		return client.VaultInfo{}, err
	}
	i := slices.IndexFunc(list, func(v client.VaultInfo) bool { return v.Name == label && v.Deleted != 0 })
	if i < 0 {
		return client.VaultInfo{}, next(fmt.Errorf("no partition %q was deleted", label), "genbu partition list --deleted")
	}
	return list[i], nil
}
