// SPDX-License-Identifier: Apache-2.0

// Command genbu is every role of Genbu in one binary: the node (serve), its sealed module (core), and the command line by
// which people and scripts reach both. A file per subcommand. What they share: place.go (which node), login.go and
// admin.go (who asks), find.go (which key), errors.go (what went wrong and what to type next), ui.go and io.go.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/core"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func main() {
	// The core's role is taken before anything else is set up: it has no arguments, no environment and no terminal.
	if len(os.Args) == 2 && os.Args[1] == "core" {
		core.Main()
	}
	cmd, err := root().ExecuteC()
	if err != nil {
		complain(os.Stderr, cmd, err)
		os.Exit(exitCode(err))
	}
}

func root() *cobra.Command {
	cobra.EnableCommandSorting = false // the order below is the one in which people need them
	cmd := &cobra.Command{
		Use:     "genbu",
		Short:   "An HSM that anyone can run",
		Version: wire.Version,
		Long: `Genbu creates, keeps and uses keys inside a small sealed process. Applications reach them
through PKCS #11; this command sets up a node and manages it.

  genbu up                     a node on this machine, in the background
  genbu key create release     a key in it
  genbu sign release FILE      a signature
  genbu connect nginx          how to use it from a program you know`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().StringVar(&global.dir, "dir", "", "the node's directory (default: GENBU_DIR, else /var/lib/genbu for root, ~/.genbu for others)")
	cmd.PersistentFlags().BoolVar(&global.json, "json", false, "answer in JSON")
	cmd.MarkPersistentFlagDirname("dir")
	cmd.SetHelpTemplate(helpTemplate)
	cmd.SetUsageTemplate(usageTemplate)
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
	add("node", upCommand(), joinCommand(), envCommand(), connectCommand(), statusCommand(), doctorCommand(), benchCommand(), downCommand(), agentCommand(), serveCommand(), versionCommand())
	add("keys", keyCommand(), certCommand(), signCommand(), verifyCommand(), encryptCommand(), decryptCommand(), randomCommand())
	add("admin", partitionCommand(), operatorCommand(), attestationCommand(), backupCommand(), restoreCommand(), drillCommand(), domainCommand(), auditCommand(), clusterCommand(), tokenCommand(), initCommand(), rekeepCommand(), lockCommand(), unlockCommand(), zeroizeCommand())
	uniform(cmd)
	return cmd
}

// uniform gives every command the same manners: operands are those that its usage line names, and an error from before
// it ran is one of usage.
func uniform(cmd *cobra.Command) {
	splitExample(cmd)
	cmd.DisableFlagsInUseLine = true
	cmd.Args = operands
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return ran{run(cmd, args)}.orNil() }
	} else {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		uniform(sub)
	}
}

// operands holds the arguments to the usage line: capital words are wanted, those in brackets may be left out; flags that
// are wanted stand behind them.
func operands(cmd *cobra.Command, args []string) error {
	wanted := strings.Fields(strings.Split(cmd.Use, " --")[0])[1:]
	if len(args) > len(wanted) {
		if cmd.HasSubCommands() {
			return fmt.Errorf("%s has no subcommand %q%s", cmd.CommandPath(), args[0], alike(cmd, args[0]))
		}
		return fmt.Errorf("%s: %q is too much", cmd.CommandPath(), args[len(wanted)])
	}
	for _, w := range wanted[len(args):] {
		if !strings.HasPrefix(w, "[") {
			return fmt.Errorf("%s: %s is missing", cmd.CommandPath(), w)
		}
	}
	return nil
}

func alike(cmd *cobra.Command, typed string) string {
	if list := cmd.SuggestionsFor(typed); len(list) > 0 {
		return ": did you mean " + strings.Join(list, " or ") + "?"
	}
	return ""
}
