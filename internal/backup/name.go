// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// A backup is named after its domain, time and id, so that names of one domain sort by time:
//
//	genbu-4f1c09aa-20261122T081500.123Z-9b04e1c2.gbb

const suffix = ".gbb"

var nameForm = regexp.MustCompile(`^genbu-[0-9a-f]{8}-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{8}\.gbb$`)

func nameOf(h *wire.BackupHead) string {
	at := time.Unix(0, h.Time).UTC().Format("20060102T150405.000Z")
	return "genbu-" + h.Domain.String()[:8] + "-" + at + "-" + h.Backup.String()[:8] + suffix
}

// CheckName refuses what no backup is called: names come from outside and become paths.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fault.ArgumentsBad.At("name of a backup: " + name)
	}
	return nil
}

func sortByTime(list []Info) {
	slices.SortFunc(list, func(a, b Info) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name)) })
}
