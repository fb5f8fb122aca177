// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/front/azure"
	"github.com/genbu-hsm/genbu/key"
)

// archives carries backups and restores of managed HSMs out for the Azure door.
type archives struct {
	engine  *backup.Engine
	allowed []string // azure.storage
}

func (a *archives) open(at azure.Storage) (*backup.Container, error) {
	return backup.OpenContainer(at.URI, at.Token, a.allowed)
}

// Check refuses what is not among azure.storage.
func (a *archives) Check(at azure.Storage) error {
	_, err := a.open(at)
	return err
}

// Probe tries to write.
func (a *archives) Probe(ctx context.Context, at azure.Storage, folder string) error {
	c, err := a.open(at)
	if err != nil {
		return err
	}
	return c.Probe(ctx, folder)
}

// Backup makes one.
func (a *archives) Backup(ctx context.Context, run, partition key.ID, to azure.Storage, folder string, tell func(string)) error {
	c, err := a.open(to)
	if err != nil {
		return err
	}
	return a.engine.CreatePartition(ctx, run, partition, c, folder, progress(tell))
}

// Restore puts one back and tells what was undone.
func (a *archives) Restore(ctx context.Context, run key.ID, from azure.Storage, folder string, look bool, tell func(string)) (string, error) {
	c, err := a.open(from)
	if err != nil {
		return "", err
	}
	undone, err := a.engine.RestorePartition(ctx, run, c, folder, look, progress(tell))
	return undoneWords(undone), err
}

// progress is how far a job is, in words.
func progress(tell func(string)) func(backup.Progress) {
	return func(p backup.Progress) {
		text := fmt.Sprintf("%s: %d items, %d bytes", p.Step, p.Records, p.Bytes)
		if p.Total > 0 {
			text += fmt.Sprintf(" of %d", p.Total)
		}
		tell(text)
	}
}

// maxNamed is how many keys of a kind a status names.
const maxNamed = 20

// undoneWords says in one line what a restore took back.
func undoneWords(list []backup.Undone) string {
	names := map[string][]string{}
	seen := map[string]bool{}
	for _, u := range list {
		if name := u.What + " " + u.Name; !seen[name] { // a key's versions and halves are one
			seen[name] = true
			names[u.What] = append(names[u.What], u.Name)
		}
	}
	var parts []string
	for _, k := range []struct{ what, words string }{{"destruction", "destroyed since the backup, now back"}, {"change", "changed since, now as they were"},
		{"creation", "made since, now gone"}, {"deletion", "made since, now deleted (purge protection)"}, {"kept", "made since, kept (purge protection)"}} {
		if n := names[k.what]; len(n) > 0 {
			text := fmt.Sprintf("%s: %d (%s", k.words, len(n), strings.Join(n[:min(len(n), maxNamed)], ", "))
			if len(n) > maxNamed {
				text += ", ..."
			}
			parts = append(parts, text+")")
		}
	}
	return strings.Join(parts, "; ")
}
