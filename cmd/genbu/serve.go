// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/server"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run a node in the foreground",
		Long: `Run a node in the foreground: for a service manager. It reads genbu.yaml in its directory,
starts the core, opens its doors, and logs to standard error.

  genbu serve --dir /var/lib/genbu`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := server.Load(nodeDir())
			if err != nil {
				return err
			}
			var h slog.Handler
			if o := (&slog.HandlerOptions{Level: c.Level()}); global.json {
				h = slog.NewJSONHandler(os.Stderr, o)
			} else {
				h = slog.NewTextHandler(os.Stderr, o)
			}
			return server.Run(cmd.Context(), c, slog.New(h))
		},
	}
}
