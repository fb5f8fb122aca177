// SPDX-License-Identifier: Apache-2.0

// Command genbu is every role of Genbu in one binary: the node (serve), its sealed module (core), and the command line by
// which people and scripts reach both. A file per subcommand; what they share is in ui.go and session.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/core"
)

func main() {
	// The core's role is taken before anything else is set up: it has no arguments, no environment and no terminal.
	if len(os.Args) == 2 && os.Args[1] == "core" {
		core.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		complain(os.Stderr, err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genbu",
		Short: "An HSM that anyone can run",
		Long: `Genbu creates, keeps and uses keys inside a small sealed process. Applications reach them
through PKCS #11; this command sets up a node and manages it.

  genbu up                     a node on this machine, in the background
  genbu key create release     a key in it
  genbu sign release FILE      a signature
  genbu connect nginx          how to use it from a program you know`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().StringVar(&global.dir, "dir", defaultDir(), "the node's directory (or GENBU_DIR)")
	cmd.PersistentFlags().BoolVar(&global.json, "json", false, "answer in JSON")
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted{err, c.CommandPath() + " --help"}
	})
	cmd.AddGroup(
		&cobra.Group{ID: "node", Title: "The node:"},
		&cobra.Group{ID: "keys", Title: "Keys and their use:"},
		&cobra.Group{ID: "admin", Title: "Administration:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			cmd.AddCommand(c)
		}
	}
	add("node", upCommand(), downCommand(), serveCommand(), statusCommand(), envCommand(), connectCommand(), doctorCommand(), benchCommand())
	add("keys", keyCommand(), certCommand(), signCommand(), verifyCommand(), encryptCommand(), decryptCommand(), randomCommand())
	add("admin", initCommand(), unlockCommand(), lockCommand(), zeroizeCommand(), partitionCommand(), operatorCommand(), auditCommand())
	return cmd
}
