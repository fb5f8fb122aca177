// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/auditlog"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// logEntry is an act in the audit log that a restore has undone.
type logEntry struct {
	Time      time.Time `json:"time"`
	What      string    `json:"what"` // the call, in small letters
	Partition string    `json:"partition,omitempty"`
	Object    string    `json:"object,omitempty"`
	Text      string    `json:"text,omitempty"`
}

// takesBack are the calls after which something is no longer possible that was before, or only with another PIN: what a restore undoes
// to somebody's surprise. What was made since is missed soon enough.
var takesBack = []wire.Call{wire.CallDestroy, wire.CallSet, wire.CallSetPin, wire.CallInitPin, wire.CallInitToken, wire.CallPartitionSet,
	wire.CallPartitionDestroy, wire.CallOperatorSet, wire.CallOperatorDestroy, wire.CallKeyShare, wire.CallKeyState,
	wire.CallVaultSet, wire.CallVaultDelete, wire.CallVaultPurge}

// undoneByLog lists what a node's audit log says was done since the moment of a backup. The log is read as it lies there.
func undoneByLog(dir string, since time.Time) (list []logEntry, err error) {
	for l, err := range auditlog.Entries(dir) {
		if err != nil {
			return list, err
		}
		e := &l.Entry
		if e.Time < since.UnixNano() || e.Result != fault.OK || !slices.Contains(takesBack, wire.Call(e.Call)) {
			continue
		}
		spec, _ := wire.Call(e.Call).Spec()
		entry := logEntry{Time: time.Unix(0, e.Time).UTC(), What: strings.ToLower(strings.ReplaceAll(spec.Name, "_", " ")), Text: e.Text}
		for to, id := range map[*string]key.ID{&entry.Partition: e.Partition, &entry.Object: e.Object} {
			if !id.IsZero() {
				*to = id.String()
			}
		}
		list = append(list, entry)
	}
	return list, nil
}
