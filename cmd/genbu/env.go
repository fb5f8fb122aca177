// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/server"
)

// environment is what genbu env prints: where a node is, one of its tokens and, as far as genbu up set them, its PINs.
type environment struct {
	Module  string `json:"module"`
	Socket  string `json:"socket"`
	Token   string `json:"token_label"`
	SOPIN   string `json:"so_pin,omitempty"`
	PIN     string `json:"user_pin,omitempty"`
	URL     string `json:"url,omitempty"`
	CAFile  string `json:"ca_file,omitempty"`
	CorePID int    `json:"core_pid,omitempty"`
	HostPID int    `json:"host_pid,omitempty"`
	Agent   int    `json:"agent_pid,omitempty"`
	PIDs    []pids `json:"node_pids"` // of all nodes that were made together
	Dir     string `json:"dir"`

	stopped bool // and not only invisible to this user
}

func envCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print shell exports that point programs at this node",
		Long: `Print shell exports: the PKCS #11 module, the socket, a token and its PINs, the process ids. The token
is the one that genbu up was last asked for, unless --token names another.

  eval "$(genbu env --token demo)"
  pkcs11-tool --module $GENBU_PKCS11_MODULE --token-label $GENBU_TOKEN_LABEL --list-objects`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := readEnv(token)
			if err != nil {
				return err
			}
			if e.stopped {
				note("the node in %s is not running: %s", e.Dir, withDir("genbu up"))
			}
			return show(cmd, e, func(w io.Writer) {
				for _, v := range e.exports() {
					fmt.Fprintf(w, "export %s=%s\n", v[0], quote(v[1]))
				}
			})
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the token to point at")
	cmd.RegisterFlagCompletionFunc("token", completeTokens)
	return cmd
}

func (e *environment) exports() [][2]string {
	return [][2]string{
		{"GENBU_PKCS11_MODULE", e.Module},
		{"GENBU_SOCKET", e.Socket},
		{"GENBU_TOKEN_LABEL", e.Token},
		{"GENBU_SO_PIN", e.SOPIN},
		{"GENBU_USER_PIN", e.PIN},
		{"GENBU_URL", e.URL},
		{"GENBU_CA_FILE", e.CAFile},
		{"GENBU_CORE_PID", pidText(e.CorePID)},
		{"GENBU_HOST_PID", pidText(e.HostPID)},
		{"GENBU_AGENT_PID", pidText(e.Agent)},
		{"GENBU_NODE_PIDS", pidsText(e.PIDs)},
		{"GENBU_DIR", e.Dir},
	}
}

// pids are the processes of one node; 0 for one that is not there.
type pids struct {
	Node string `json:"node"`
	Host int    `json:"host"`
	Core int    `json:"core"`
}

// readPIDs are those of the node in dir.
func readPIDs(name, dir string) pids {
	p := pids{Node: name}
	if running, err := server.Running(dir); err == nil && running {
		p.Host, p.Core = readPID(filepath.Join(dir, server.HostPIDFile)), readPID(filepath.Join(dir, server.CorePIDFile))
	}
	return p
}

// pidsText is host:core for each node, separated by blanks.
func pidsText(list []pids) string {
	var parts []string
	for _, p := range list {
		parts = append(parts, pidText(p.Host)+":"+pidText(p.Core))
	}
	return strings.Join(parts, " ")
}

// pidText is empty for a process that is not there: to the kill command, 0 would be the caller's own process group.
func pidText(pid int) string {
	if pid == 0 {
		return ""
	}
	return strconv.Itoa(pid)
}

// readEnv gathers what is known of the node and of the token label, or of its default one.
func readEnv(label string) (*environment, error) {
	c, err := nodeConfig()
	if err != nil {
		return nil, err
	}
	if !server.Exists(c.Dir) {
		return nil, noNode{next(fmt.Errorf("there is no node in %s", c.Dir), "genbu up")}
	}
	e := &environment{Module: modulePath(), Socket: c.Socket, CAFile: filepath.Join(c.Dir, server.CAFile), Dir: placeDir()}
	running, err := server.Running(c.Dir)
	e.stopped = err == nil && !running
	if !e.stopped {
		e.HostPID = readPID(filepath.Join(c.Dir, server.HostPIDFile))
		e.CorePID = readPID(filepath.Join(c.Dir, server.CorePIDFile))
	}
	if l, err := readLayout(placeDir()); err == nil && l != nil {
		for _, name := range l.Nodes {
			e.PIDs = append(e.PIDs, readPIDs(name, l.node(name)))
		}
		if socket := l.agentSocket(); socket != "" {
			e.Socket, e.Agent = socket, l.agentPID()
		}
	} else {
		e.PIDs = []pids{readPIDs("", c.Dir)}
	}
	if url, err := os.ReadFile(filepath.Join(c.Dir, server.URLFile)); err == nil {
		e.URL = strings.TrimSpace(string(url))
	}
	a, err := readAccess()
	if err != nil {
		return nil, err
	}
	t, known := a.token(label)
	e.Token, e.SOPIN, e.PIN = t.Label, t.SO, t.User
	if !known {
		e.Token, err = askToken(label)
	}
	return e, err
}

// askToken looks among the tokens of a running node for one that genbu up did not make.
func askToken(label string) (string, error) {
	var list []client.Token
	if conn, err := dial(); err == nil {
		defer conn.Close()
		if list, err = conn.Slots(); err != nil {
			return "", err
		}
	}
	for _, t := range list {
		if t.Label == label || label == "" && len(list) == 1 {
			return t.Label, nil
		}
	}
	if label == "" {
		return "", nil // none yet, or one has to be named
	}
	return "", next(fmt.Errorf("there is no token %q", label), "genbu partition list")
}

func readPID(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
