// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// global are the flags that every subcommand has.
var global struct {
	dir  string
	json bool
}

// defaultDir is GENBU_DIR, or the place for a service when root, or one in the user's home.
func defaultDir() string {
	if dir := os.Getenv("GENBU_DIR"); dir != "" {
		return dir
	}
	if os.Getuid() == 0 {
		return "/var/lib/genbu"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".genbu"
	}
	return filepath.Join(home, ".genbu")
}

// hinted is an error with the next command to type.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// hints are what to do next for faults whose cure does not depend on the command.
var hints = map[fault.Code]string{
	fault.Unavailable:      "genbu up --dir DIR   (is the node running? see genbu status)",
	fault.Uninitialized:    "genbu init",
	fault.Locked:           "genbu unlock",
	fault.Zeroized:         "the root key is gone; only a backup restored into a new directory helps",
	fault.NotLoggedIn:      "eval \"$(genbu env --dir DIR)\", or give --pin-file",
	fault.PINIncorrect:     "check the PIN; after 10 wrong tries it is locked",
	fault.PINLocked:        "an admin sets a new PIN: genbu operator set NAME --new-pin",
	fault.PINLength:        "PINs have 4 to 255 bytes",
	fault.UserUnknown:      "genbu operator list",
	fault.PartitionUnknown: "genbu partition list",
	fault.ObjectUnknown:    "genbu key list",
	fault.KeyUnknown:       "genbu key list",
	fault.Denied:           "log in as an operator whose role allows it: --operator NAME",
	fault.NotApproved:      "this node runs in fips mode; choose an approved mechanism",
	fault.AuditUnavailable: "the audit log cannot be written: is the disk full? genbu doctor",
	fault.AuditLag:         "the audit log cannot keep up: genbu doctor",
	fault.RateLimited:      "wait a little, then try again",
	fault.SharesMissing:    "genbu unlock   (with the next custodian's share)",
	fault.ShareBad:         "check the share for typing errors; it was not counted",
	fault.KeyUnextractable: "the key was made without --extractable and cannot leave",
	fault.QuotaExceeded:    "an admin raises it: genbu partition set --max-objects N",
	fault.IndexNotReady:    "the node is still reading its objects: genbu status",
}

// complain tells what went wrong and what to type next (style: age's errorWithHint).
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "genbu: error: %v\n", err)
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintf(w, "genbu: hint: %s\n", h.hint)
	} else if hint, ok := hints[fault.Of(err)]; ok {
		fmt.Fprintf(w, "genbu: hint: %s\n", strings.ReplaceAll(hint, "DIR", global.dir))
	}
}

// show prints value as JSON when --json was given, and otherwise calls text.
func show(w io.Writer, value any, text func(io.Writer)) error {
	if !global.json {
		text(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// table prints rows under a heading, in columns. Labels are written by others, who must not steer this terminal.
func table(w io.Writer, heading string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			quoted := strconv.Quote(cell)
			row[i] = quoted[1 : len(quoted)-1]
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// progress shows that something is going on when it takes longer than a second; it writes to a terminal only.
func progress(what string) (done func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}
	}
	stop, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		start := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for shown := false; ; {
			select {
			case <-tick.C:
				shown = true
				fmt.Fprintf(os.Stderr, "\r%s ... %d s", what, int(time.Since(start).Seconds()))
			case <-stop:
				if shown {
					fmt.Fprint(os.Stderr, "\r\033[K")
				}
				return
			}
		}
	}()
	return func() { close(stop); <-gone }
}
