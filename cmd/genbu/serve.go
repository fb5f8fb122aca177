// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/trace"
)

func serveCommand() *cobra.Command {
	recovering := false
	cmd := &cobra.Command{
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
			if o := (&slog.HandlerOptions{Level: c.Level()}); global.json || c.LogFormat == "json" {
				h = slog.NewJSONHandler(os.Stderr, o)
			} else {
				h = slog.NewTextHandler(os.Stderr, o)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			run := server.Run
			if recovering {
				run = server.Recover
			}
			return whyEnded(c, run(ctx, c, slog.New(trace.Handler(h)), func(err error) {
				complain(os.Stderr, cmd, whyEnded(c, err))
				os.Exit(exitFailed)
			}))
		},
	}
	cmd.Flags().BoolVar(&recovering, "recover", false, "for genbu cluster recover")
	cmd.Flags().MarkHidden("recover")
	return cmd
}

// whyEnded adds to the end of a node what to do about it.
func whyEnded(c *server.Config, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, server.ErrRunning):
		return next(err, "genbu status")
	case errors.Is(err, cluster.ErrRemoved):
		return hinted{err, hint{"rm -r " + word(c.Dir), "its keeper's file first; a node that is to come back joins anew, in a new directory"}}
	case errors.Is(err, cluster.ErrDamaged) && cluster.IsMember(c.Dir):
		return hinted{err, hint{"on another node: genbu cluster replace NAME", "by the name that genbu cluster status has for this one; then genbu join as it says, in a new directory"}}
	case errors.Is(err, cluster.ErrDamaged):
		return hinted{err, hint{"genbu restore --dir NEW --from PLACE", "from a backup, with the keeper's file and root/ of this directory copied into the new one"}}
	}
	return next(err, "genbu doctor")
}
