// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/config"
)

// Config is everything an agent can be told. It is read from agent.yaml in the agent's directory; a key that is not named here
// stops the start, and all faults are reported together. Most agents need no file: enrolment wrote down who they are and
// where the cluster is.
type Config struct {
	// Dir holds the agent's files: its certificate and key, and the addresses of the cluster's members. Default: where
	// agent.yaml lies. Its thief can speak to the cluster as this agent, and gains no login. Relative paths here and below
	// start from where agent.yaml lies.
	Dir string `json:"dir"`

	// Socket is where PKCS #11 clients and the command line connect. Default: genbu.sock in Dir.
	Socket string `json:"socket"`

	// SocketMode is the socket's mode, octal. Default "0666": who may do what is decided by login. "0660" keeps it to owner
	// and group.
	SocketMode string `json:"socket_mode"`

	// Nodes are addresses to begin with: "host:port" of a node's door, or "unix:" and the path of the socket of a node on this
	// machine. Default: those that enrolment wrote down. The cluster's other members are learned from it.
	Nodes []string `json:"nodes"`

	// Connections is how many connections one application may have to one node. Default 64.
	Connections int `json:"connections"`

	// QueuePerClient and Queue are how many calls of one application, and of all, may be under way or wait. Beyond them a
	// client is told at once that the agent is busy. Defaults 256 and 4096.
	QueuePerClient int `json:"queue_per_client"`
	Queue          int `json:"queue"`

	// Patience is how long a call waits while no node can be reached. Default "15s".
	Patience string `json:"patience"`

	// LogLevel is "debug", "info" (default), "warn" or "error".
	LogLevel string `json:"log_level"`
}

// ConfigFile is the name of the configuration within an agent's directory.
const ConfigFile = "agent.yaml"

// Load reads the configuration of dir, if there is one, and fills in defaults.
func Load(dir string) (*Config, error) {
	c := &Config{}
	if err := config.Read(dir, ConfigFile, c, c.finish); err != nil {
		return nil, err
	}
	return c, nil
}

// finish sets defaults and answers every fault at once.
func (c *Config) finish(dir string) error {
	var faults []error
	c.Dir = config.From(dir, c.Dir)
	c.Socket = config.From(dir, cmp.Or(c.Socket, config.From(c.Dir, "genbu.sock")))
	c.SocketMode = cmp.Or(c.SocketMode, "0666")
	faults = append(faults, c.socket().Check()...)
	if len(c.Nodes) > maxNodes {
		faults = append(faults, fmt.Errorf("nodes: %d addresses; at most %d", len(c.Nodes), maxNodes))
	}
	for _, n := range c.Nodes {
		if err := checkAddress(n); err != nil {
			faults = append(faults, fmt.Errorf("nodes: %w", err))
		}
	}
	for name, limit := range map[string]struct {
		at             *int
		otherwise, max int
	}{"connections": {&c.Connections, 64, 1024}, "queue_per_client": {&c.QueuePerClient, 256, 65536}, "queue": {&c.Queue, 4096, 1 << 20}} {
		if *limit.at == 0 {
			*limit.at = limit.otherwise
		}
		if *limit.at < 1 || *limit.at > limit.max {
			faults = append(faults, fmt.Errorf("%s: %d is not from 1 to %d", name, *limit.at, limit.max))
		}
	}
	c.Patience = cmp.Or(c.Patience, "15s")
	if d, err := time.ParseDuration(c.Patience); err != nil || d < 0 || d > time.Hour {
		faults = append(faults, fmt.Errorf("patience: %q is not a duration from 0s to 1h", c.Patience))
	}
	c.LogLevel = cmp.Or(c.LogLevel, "info")
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		faults = append(faults, fmt.Errorf("log_level: %q is none of debug, info, warn, error", c.LogLevel))
	}
	return errors.Join(faults...)
}

func checkAddress(address string) error {
	if path, ok := strings.CutPrefix(address, unixScheme); ok {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q: a socket's path is absolute", address)
		}
		return nil
	}
	_, _, err := net.SplitHostPort(address)
	return err
}

func (c *Config) socket() config.Socket { return config.Socket{Path: c.Socket, Mode: c.SocketMode} }

// Level is the log level, which Load has checked.
func (c *Config) Level() (level slog.Level) {
	level.UnmarshalText([]byte(c.LogLevel))
	return level
}
