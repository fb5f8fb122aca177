// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// show answers a command: as JSON when --json was given, and else as text.
func show(cmd *cobra.Command, value any, text func(w io.Writer)) error {
	w := cmd.OutOrStdout()
	if !global.json {
		text(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// deliver answers a command whose result is bytes: to the file out, if there is one, else to standard output; with --json
// value tells about them.
func deliver(cmd *cobra.Command, out string, b []byte, mode os.FileMode, value any) error {
	if out != "" && out != "-" {
		if err := writeFile(out, b, mode); err != nil {
			return err
		}
	}
	if global.json {
		return show(cmd, value, nil)
	}
	if out != "" && out != "-" {
		return nil
	}
	if out == "" && term.IsTerminal(int(os.Stdout.Fd())) && !printable(b) {
		return next(fmt.Errorf("the result is %d bytes that a terminal cannot show", len(b)), cmd.CommandPath()+" ... --out FILE")
	}
	_, err := cmd.OutOrStdout().Write(b)
	return err
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c >= 0x7f {
			return false
		}
	}
	return true
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

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// note tells a person what is no error and no answer.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "genbu: note: "+format+"\n", args...) }

// progress shows that something goes on when it takes longer than a second; to a terminal only.
func progress(what string) (done func()) {
	if what == "" || !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}
	}
	return progressTo(os.Stderr, what, time.Second)
}

func progressTo(w io.Writer, what string, every time.Duration) (done func()) {
	stop, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		start := time.Now()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for shown := false; ; {
			select {
			case <-tick.C:
				shown = true
				fmt.Fprintf(w, "\r%s ... %d s", what, int(time.Since(start).Seconds()))
			case <-stop:
				if shown {
					fmt.Fprint(w, "\r\033[K")
				}
				return
			}
		}
	}()
	return func() { close(stop); <-gone }
}
