// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/server"
)

// pausedFile notes, in the directory that was paused, with which backup.
const pausedFile = "paused.json"

// pause is what it says, and what genbu cluster pause answers.
type pause struct {
	Backup backup.Info `json:"backup"`
	Place  string      `json:"place"`
	At     time.Time   `json:"paused_at"`
	Nodes  []string    `json:"nodes"` // that were stopped
	Others []string    `json:"others"`
}

func clusterPause() *cobra.Command {
	var place string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Make a backup, verify it, and stop every node of this directory",
		Long: `Stop a cluster that is not needed for a while: a backup is made and verified first, and kept. Nodes
of this machine's directory are stopped; those elsewhere are named. genbu cluster resume brings it
up where it left off, and the backup does so where the directory is gone.

  genbu cluster pause --place /mnt/backups`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := pauseAll(cmd, place)
			if err != nil {
				return err
			}
			return show(cmd, p, func(w io.Writer) {
				infoText(w, &p.Backup, "made and verified")
				fmt.Fprintf(w, "stopped: %d nodes\n", len(p.Nodes))
				for _, name := range p.Others {
					fmt.Fprintf(w, "still running elsewhere: %s; stop it there with genbu down\n", name)
				}
				fmt.Fprintf(w, "next: %s\n", withDir("genbu cluster resume"))
			})
		},
	}
	atPlace(cmd, &place)
	return cmd
}

func pauseAll(cmd *cobra.Command, place string) (*pause, error) {
	at, err := absolute(place)
	if err != nil {
		return nil, err
	}
	p := &pause{Nodes: []string{}, Others: []string{}}
	known, err := readCluster(cmd.Context())
	if err != nil {
		return nil, err
	}
	if err := host(cmd.Context(), "/backup/create", control.Request{Place: at}, &p.Backup); err != nil {
		return nil, err
	}
	if err := host(cmd.Context(), "/backup/verify", control.Request{Place: at, Name: p.Backup.Name}, &p.Backup); err != nil {
		return nil, fmt.Errorf("the backup that was just made; nothing was stopped: %w", err)
	}
	if p.Place = at; at == "" {
		c, err := nodeConfig()
		if err != nil {
			return nil, err
		}
		p.Place = c.Backup.Place
	}
	p.At = time.Now().UTC()
	text, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = durable.WriteFile(filepath.Join(accessDir(), pausedFile), append(text, '\n'), 0o600)
	}
	if err != nil {
		return nil, err
	}
	here := map[string]bool{}
	if l := layoutOf(placeDir()); l != nil {
		if p.Nodes, err = stopNodes(l); err != nil {
			return nil, err
		}
		for _, name := range l.all() {
			here[name] = true
		}
	} else {
		c, err := nodeConfig()
		if err != nil {
			return nil, err
		}
		stopped, err := down(c.Dir)
		if err != nil {
			return nil, err
		}
		for _, n := range known.Nodes {
			if n.Self {
				here[n.Name] = true
				if stopped {
					p.Nodes = append(p.Nodes, n.Name)
				}
			}
		}
	}
	for _, n := range known.Nodes {
		if !here[n.Name] && n.Healthy {
			p.Others = append(p.Others, n.Name)
		}
	}
	return p, nil
}

func clusterResume() *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "Start what genbu cluster pause has stopped",
		Long: `Start the nodes of this directory again, where they left off. Where their data is gone, the backup
that genbu cluster pause made brings it back: genbu restore.

  genbu cluster resume --dir /tmp/demo`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := filepath.Join(accessDir(), pausedFile)
			text, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) {
				return next(fmt.Errorf("%s was not paused", accessDir()), "genbu up")
			}
			var p pause
			if err == nil {
				err = json.Unmarshal(text, &p)
			}
			if err != nil {
				return next(fmt.Errorf("%s: %w", path, err), "less "+word(path))
			}
			if layoutOf(placeDir()) == nil && !server.Exists(placeDir()) {
				return hinted{fmt.Errorf("the node's data is gone; its backup %s is in %s", p.Backup.Name, p.Place),
					hint{"genbu restore --from " + word(p.Place) + " --domain domain.json --key a.key --key b.key", "with a quorum of its holders"}}
			}
			r, err := up(cmd.Context(), &wanted{keep: keeper{name: "file"}})
			if err != nil {
				return err
			}
			if err := durable.Remove(path); err != nil {
				return err
			}
			return show(cmd, r, r.text)
		},
	}
}
