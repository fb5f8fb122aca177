// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/wire"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show which version this program is",
		Long: `Show which version this program is. The version of a running node stands in genbu status.

  genbu version --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := map[string]string{"version": wire.Version, "commit": wire.Commit, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return show(cmd, v, func(w io.Writer) {
				fmt.Fprintf(w, "genbu %s", v["version"])
				if v["commit"] != "" {
					fmt.Fprintf(w, " (%s)", v["commit"])
				}
				fmt.Fprintf(w, ", %s, %s\n", v["go"], v["platform"])
			})
		},
	}
}
