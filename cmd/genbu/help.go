// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// A help text is one screen: what the command is for, its usage line, its subcommands or flags, and an example to copy,
// which is the last thing one reads.

const helpTemplate = `{{.Long}}

{{.UsageString}}`

const usageTemplate = `Usage:  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}{{$all := .Commands}}
{{- if .Groups}}{{range $group := .Groups}}

{{.Title}}{{range $all}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}

Besides: genbu help COMMAND, genbu completion SHELL
{{- else}}
{{range $all}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Everywhere:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
{{- if .HasExample}}

Example:
{{.Example}}{{end}}
`

// splitExample takes the example from the end of the long text, where it stands in the source: the indented lines that
// begin with "  genbu ".
func splitExample(cmd *cobra.Command) {
	text, example, ok := strings.Cut(cmd.Long, "\n\n  genbu ")
	if ok && cmd.Example == "" {
		cmd.Long, cmd.Example = text, "  genbu "+example
	}
	if i := strings.Index(cmd.Long, "\n\n  eval "); i >= 0 && cmd.Example == "" {
		cmd.Long, cmd.Example = cmd.Long[:i], cmd.Long[i+2:]
	}
}
