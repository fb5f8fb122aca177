// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/front/control"
)

func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Make, list, verify, copy and delete encrypted backups",
		Long: `A backup is one file with everything that is stored, at one moment, sealed by the core: who finds
it gains nothing. To bring it back takes m of n holders of the security domain (genbu domain), or
the keeper of the root key. It is kept in a directory, or in a bucket of an S3-compatible service:
backup.place in genbu.yaml, or --place.

  genbu backup create`,
	}
	cmd.AddCommand(backupCreate(), backupList(), backupVerify(), backupCopy(), backupDelete(), backupSchedule())
	return cmd
}

// atPlace is the flag that says where backups are.
func atPlace(cmd *cobra.Command, place *string) {
	cmd.Flags().StringVar(place, "place", "", "directory, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME (default: backup.place in genbu.yaml)")
}

// absolute makes a directory that was typed here mean the same to the host, which stands elsewhere. Nodes that were made together
// keep their backups together, unless their configuration says otherwise: whichever of them is asked finds the same.
func absolute(place string) (string, error) {
	if strings.Contains(place, "://") {
		return place, nil
	}
	if place != "" {
		return filepath.Abs(place)
	}
	c, err := nodeConfig()
	if err != nil {
		return "", err
	}
	if l := layoutOf(placeDir()); l != nil && c.Backup.Place == filepath.Join(c.Dir, backupsDir) {
		return filepath.Join(l.dir, backupsDir), nil
	}
	return "", nil
}

// backupsDir is where a node keeps its backups, unless it is told another place.
const backupsDir = "backups"

func infoText(w io.Writer, i *backup.Info, verb string) {
	fmt.Fprintf(w, "%s %s: %d records of %s, %s\n", i.Name, verb, i.Records, i.Time.Format(time.RFC3339), bytesText(i.Size))
}

func backupCreate() *cobra.Command {
	var place string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a backup now",
		Long: `Make a backup of everything, as it is at one moment, while the node goes on serving.

  genbu backup create --place /mnt/backups`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := absolute(place)
			if err != nil {
				return err
			}
			var info backup.Info
			if err := host(cmd.Context(), "/backup/create", control.Request{Place: at}, &info); err != nil {
				return err
			}
			return show(cmd, info, func(w io.Writer) {
				infoText(w, &info, "made")
				fmt.Fprintf(w, "next: %s\n", withDir("genbu backup verify "+info.Name))
			})
		},
	}
	atPlace(cmd, &place)
	return cmd
}

func backupList() *cobra.Command {
	var place string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the backups there are",
		Long: `List the backups of a place, by time. SOUND says that the core has checked the head; genbu backup
verify checks the rest. Without a node the heads are shown as they stand, unchecked.

  genbu backup list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := absolute(place)
			if err != nil {
				return err
			}
			var list []backup.Info
			err = host(cmd.Context(), "/backup/list", control.Request{Place: at}, &list)
			if errors.As(err, new(noNode)) && at != "" {
				list, err = lookAlone(cmd, at)
			}
			if err != nil {
				return err
			}
			rows := [][]string{}
			for _, i := range list {
				sound := "not checked"
				switch {
				case i.Fault != "":
					sound = "no: " + i.Fault
				case i.Checked:
					sound = "yes"
				}
				rows = append(rows, []string{i.Name, i.Time.Format(time.DateTime), fmt.Sprint(i.Records), bytesText(i.Size), sound})
			}
			return show(cmd, list, func(w io.Writer) { table(w, "NAME TIME RECORDS SIZE SOUND", rows) })
		},
	}
	atPlace(cmd, &place)
	return cmd
}

// lookAlone lists a place from here, where no node answers: on a bare machine, before a restore.
func lookAlone(cmd *cobra.Command, place string) ([]backup.Info, error) {
	p, err := backup.OpenPlace(cmd.Context(), place)
	if err != nil {
		return nil, err
	}
	return new(backup.Engine).Look(cmd.Context(), p)
}

func backupVerify() *cobra.Command {
	var place string
	cmd := &cobra.Command{
		Use:   "verify [NAME]",
		Short: "Check every record of a backup, without restoring it",
		Long: `Have the core open every chunk and every record of a backup (default: the newest), and compare
them with its head. An altered, cut or exchanged one is refused, with the place of the first fault.

  genbu backup verify`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := absolute(place)
			if err != nil {
				return err
			}
			var info backup.Info
			if err := host(cmd.Context(), "/backup/verify", control.Request{Place: at, Name: first(args)}, &info); err != nil {
				return err
			}
			return show(cmd, info, func(w io.Writer) { infoText(w, &info, "is sound") })
		},
	}
	atPlace(cmd, &place)
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func backupCopy() *cobra.Command {
	var place, to string
	cmd := &cobra.Command{
		Use:   "copy [NAME] --to PLACE",
		Short: "Keep a backup in another place as well",
		Long: `Copy a backup (default: the newest) to a directory or bucket. It is compared with its digest on
the way.

  genbu backup copy --to 's3://backups/genbu?region=eu-central-1'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := absolute(place)
			if err != nil {
				return err
			}
			there, err := absolute(to)
			if err != nil {
				return err
			}
			var info backup.Info
			if err := host(cmd.Context(), "/backup/copy", control.Request{Place: at, Name: first(args), To: there}, &info); err != nil {
				return err
			}
			return show(cmd, info, func(w io.Writer) { infoText(w, &info, "copied") })
		},
	}
	atPlace(cmd, &place)
	cmd.Flags().StringVar(&to, "to", "", "directory, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
	cmd.MarkFlagRequired("to")
	return cmd
}

func backupDelete() *cobra.Command {
	var place string
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a backup, but never the last",
		Long: `Delete a backup. The last sound one of this domain in its place stays.

  genbu backup delete genbu-4f1c09aa-20261122T081500.123Z-9b04e1c2.gbb`,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := absolute(place)
			if err != nil {
				return err
			}
			var gone map[string]string
			if err := host(cmd.Context(), "/backup/delete", control.Request{Place: at, Name: args[0]}, &gone); err != nil {
				if strings.Contains(err.Error(), backup.ErrLast.Error()) {
					err = next(err, "genbu backup create")
				}
				return err
			}
			return show(cmd, gone, func(w io.Writer) { fmt.Fprintf(w, "%s deleted\n", args[0]) })
		},
	}
	atPlace(cmd, &place)
	return cmd
}

func backupSchedule() *cobra.Command {
	return &cobra.Command{
		Use:   "schedule",
		Short: "Show when backups are made by themselves, and how the last went",
		Long: `Show when backups are made by themselves (backup.every in genbu.yaml), which stay, and how the last
one went. In a cluster the node that leads makes them.

  genbu backup schedule`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := nodeConfig()
			if err != nil {
				return err
			}
			var state backup.State
			if err := host(cmd.Context(), "/backup/status", control.Request{}, &state); err != nil {
				return err
			}
			b := c.Backup
			value := map[string]any{"place": b.Place, "copy_to": b.CopyTo, "every": b.Every, "keep_days": b.KeepDays, "keep_count": b.KeepCount, "state": state}
			return show(cmd, value, func(w io.Writer) {
				if b.Every == "" {
					fmt.Fprintf(w, "no backups are made by themselves; put   backup: {every: 24h}   into genbu.yaml\n")
					return
				}
				fmt.Fprintf(w, "every %s into %s; those younger than %d days stay, and the newest %d\n", b.Every, b.Place, *b.KeepDays, max(1, *b.KeepCount))
				if !state.Newest.IsZero() {
					fmt.Fprintf(w, "newest: %s\n", state.Newest.Format(time.RFC3339))
				}
				if state.Failed != "" {
					fmt.Fprintf(w, "the last attempt (%s) failed: %s\n", state.Tried.Format(time.RFC3339), state.Failed)
				}
			})
		},
	}
}
