// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/agent"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// runsItself marks a command that does something of its own beside having subcommands.
const runsItself = "runs itself"

func agentCommand() *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:         "agent",
		Annotations: map[string]string{runsItself: "yes"},
		Short:       "Serve this machine's applications from a cluster of nodes",
		Long: `Serve the PKCS #11 socket of a machine that is no node, from all nodes of a cluster, in the
foreground: for a service manager, a container or a short-lived function. It opens its socket at
once and waits for no node. SIGTERM ends it when the calls under way are done.

  genbu agent --dir /var/lib/genbu-agent`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAgent(cmd, socket) },
	}
	cmd.Flags().StringVar(&socket, "socket", "", "where programs connect (default: socket of agent.yaml, else genbu.sock in the directory)")
	cmd.AddCommand(agentEnrollCommand(), agentStatusCommand())
	return cmd
}

func runAgent(cmd *cobra.Command, socket string) error {
	c, err := agent.Load(nodeDir())
	if err != nil {
		return err
	}
	if socket != "" {
		if c.Socket, err = filepath.Abs(socket); err != nil {
			return err
		}
	}
	var h slog.Handler
	if o := (&slog.HandlerOptions{Level: c.Level()}); global.json {
		h = slog.NewJSONHandler(os.Stderr, o)
	} else {
		h = slog.NewTextHandler(os.Stderr, o)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = agent.Run(ctx, c, slog.New(h))
	switch {
	case errors.Is(err, agent.ErrRunning):
		return next(err, "genbu agent status")
	case errors.Is(err, agent.ErrNoNodes):
		return noNode{next(err, "genbu agent enroll TOKEN")}
	}
	return err
}

func agentEnrollCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "enroll TOKEN",
		Short: "Make this machine's agent known to a cluster",
		Long: `Make this machine's agent known to a cluster, by the token that an admin made on any node with
"genbu token create NAME --agent". TOKEN may be - to read it from standard input. The agent's key
stays in the directory; the same command goes on where a lost answer left it.

  genbu agent enroll genbu-join1qqq... --dir /var/lib/genbu-agent`,
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := readToken(args[0])
			if err != nil {
				return err
			}
			defer clear(token)
			id, err := agent.Enroll(cmd.Context(), nodeDir(), token)
			switch {
			case errors.Is(err, agent.ErrEnrolled):
				return next(err, "genbu agent")
			case fault.Of(err) == fault.TokenRefused:
				return hinted{err, hint{"genbu token create NAME --agent", "on a node, by an admin: a token is good once, and not for long"}}
			case err != nil:
				return err
			}
			return show(cmd, map[string]string{"name": id.Name, "agent": id.Agent, "domain": id.Domain}, func(w io.Writer) {
				fmt.Fprintf(w, "agent %q is enrolled in domain %s\nnext: %s\n", id.Name, id.Domain, withDir("genbu agent"))
			})
		},
	}
}

func agentStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how the agent of this machine sees its nodes",
		Long: `Show the nodes as the agent of this machine sees them: which answer, how fast, and why not.

  genbu agent status --dir /var/lib/genbu-agent`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := agent.Load(nodeDir())
			if err != nil {
				return err
			}
			conn, err := client.Dial(c.Socket)
			if err != nil {
				return noNode{next(fmt.Errorf("no agent answers at %s: %w", c.Socket, err), "genbu agent")}
			}
			defer conn.Close()
			text, err := conn.AgentStatus()
			if fault.Of(err) == fault.Unsupported {
				return next(errors.New("what answers there is a node, not an agent"), "genbu status")
			}
			if err != nil {
				return err
			}
			var s agent.Status
			if err := json.Unmarshal(text, &s); err != nil {
				return err
			}
			return show(cmd, &s, func(w io.Writer) { agentStatusText(w, &s) })
		},
	}
}

func agentStatusText(w io.Writer, s *agent.Status) {
	rows := make([][]string, 0, len(s.Nodes))
	for _, n := range s.Nodes {
		rows = append(rows, []string{n.Name, n.Address, n.Health, fmt.Sprintf("%.2f", n.Cost), fmt.Sprint(n.Connections), fmt.Sprint(n.Calls),
			fmt.Sprint(n.Hedged), dash(n.Why)})
	}
	table(w, "NODE ADDRESS HEALTH LATENCY CONNECTIONS CALLS HEDGED WHY", rows)
	fmt.Fprintf(w, "%d applications on %d channels, %d logins, %d calls under way; up %s\n", s.Applications, s.Channels, s.Logins, s.Calls,
		time.Duration(s.Uptime)*time.Second)
}
