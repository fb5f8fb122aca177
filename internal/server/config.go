// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/config"
	"github.com/genbu-hsm/genbu/internal/store/etcd"
)

// Config is everything a node can be told. It is read from genbu.yaml in the node's directory; a key that is not named
// here stops the start, and all faults are reported together. Nothing here decides about keys: policy lies sealed in
// the store and is changed through the core.
type Config struct {
	// Dir holds the node's files: store, audit log, sealed roots, TLS material. Default: where genbu.yaml lies. Its thief
	// gains ciphertext, and with the keeper file (see Keeper) every key. Relative paths here and below start from where
	// genbu.yaml lies, whoever reads it and from where.
	Dir string `json:"dir"`

	// Socket is where PKCS #11 clients and the command line connect. Default: genbu.sock in Dir.
	Socket string `json:"socket"`

	// SocketMode is the socket's mode, octal. Default "0666": who may do what is decided by login, and web servers' workers
	// run as users of their own. "0660" keeps it to owner and group.
	SocketMode string `json:"socket_mode"`

	// Listen is the address of the HTTPS door (health and status). Default "127.0.0.1:0": loopback, a free port, which
	// genbu env prints. Empty: no HTTPS.
	Listen *string `json:"listen"`

	// Azure is the door of programs that were written for Azure Key Vault and Managed HSM.
	Azure Azure `json:"azure"`

	// Mode is "strict" (default): a key is open only while it is used; or "fast": hot keys stay parsed in the core's memory.
	Mode string `json:"mode"`

	// FIPS refuses every service that is not approved.
	FIPS bool `json:"fips"`

	// Keeper is the file whose 32 random bytes unseal the root key of a node that starts unattended. Default: keeper.key in
	// Dir; better on another disk. Whoever reads it and Dir has every key. Unused when custodians hold the root.
	Keeper string `json:"keeper"`

	// TPM is this machine's TPM 2.0, for the keepers tpm and peers-tpm: a device, or the unix socket of a TPM in software (swtpm).
	// Default: /dev/tpmrm0. Whoever may use it can, on this machine and with Dir, unseal what the keeper sealed.
	TPM string `json:"tpm"`

	// AcceptMissing names protections that this kernel or container may lack (see Protections). The node refuses to start
	// when one is missing and not named here; genbu doctor and genbu status show which are.
	AcceptMissing []string `json:"accept_missing"`

	// AuditMaxLag is how far counted uses may lag behind in the audit log before use is refused. Default "10s".
	AuditMaxLag string `json:"audit_max_lag"`

	// Cluster is for nodes that are several, or are to be.
	Cluster ClusterConfig `json:"cluster"`

	// Backup says where backups are kept and when they are made.
	Backup BackupConfig `json:"backup"`

	// LogLevel is "debug", "info" (default), "warn" or "error".
	LogLevel string `json:"log_level"`
	// LogFormat is "text" (default) or "json", a line an object.
	LogFormat string `json:"log_format"`
	// Traces is where OpenTelemetry traces are sent, an OTLP/HTTP address such as "http://127.0.0.1:4318". Default: what the
	// standard OTEL_* variables say, and else nowhere.
	Traces string `json:"traces"`
}

// ClusterConfig says how this node and others reach each other. A lone node listens nowhere; addresses that are not named here
// are chosen when they are first needed, and kept.
type ClusterConfig struct {
	// Listen is the address of the door, where other cores, newcomers and agents come to the core. Default ":7710", or a
	// free port when that is taken.
	Listen string `json:"listen"`

	// First is the host name of the machine on which a new node makes a domain of its own. A new node on any other machine waits
	// for genbu join, so that machines with the same configuration become one cluster. Default: none waits.
	First string `json:"first"`

	// Advertise is how others reach the door, host:port. Default: this machine's address and the port of Listen. {hostname}
	// stands for this machine's name, here and in PeerAdvertise.
	Advertise string `json:"advertise"`

	// PeerListen is the address of the store's own traffic between members. Default ":7711", or a free port.
	PeerListen string `json:"peer_listen"`

	// PeerAdvertise is how the other members reach it. Default: this machine's address and the port of PeerListen.
	PeerAdvertise string `json:"peer_advertise"`

	// Heartbeat between the store's members; Election is after how long without one they elect another leader. Default "100ms"
	// and "1s", for members less than 10 ms apart: about the round trip, and ten times that. The same on all nodes.
	Heartbeat string `json:"heartbeat"`
	Election  string `json:"election"`
}

// ConfigFile is the name of the configuration within a node's directory.
const ConfigFile = "genbu.yaml"

// Protections that may be named in AcceptMissing: of the core, then of the host.
var Protections = []string{"userns", "namespaces", "image", "uid", "dumpable", "limits", "no_new_privs", "capabilities", "landlock",
	"seccomp", "memfd_secret", "runtimesecret", boundary.HostDumpable, boundary.HostNoNewPrivs, boundary.HostLandlock,
	boundary.HostCapabilities, boundary.HostSeccomp}

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
	c.Keeper = config.From(dir, cmp.Or(c.Keeper, config.From(c.Dir, "keeper.key")))
	c.TPM = config.From(dir, cmp.Or(c.TPM, "/dev/tpmrm0"))
	if c.Mode == "" {
		c.Mode = "strict"
	}
	if c.Mode != "strict" && c.Mode != "fast" {
		faults = append(faults, fmt.Errorf("mode: %q is neither strict nor fast", c.Mode))
	}
	c.SocketMode = cmp.Or(c.SocketMode, "0666")
	faults = append(faults, c.socket().Check()...)
	if c.Listen == nil {
		loopback := "127.0.0.1:0"
		c.Listen = &loopback
	}
	if *c.Listen != "" {
		if _, _, err := net.SplitHostPort(*c.Listen); err != nil {
			faults = append(faults, fmt.Errorf("listen: %w", err))
		}
	}
	faults = append(faults, c.Azure.finish()...)
	for _, name := range c.AcceptMissing {
		if !slices.Contains(Protections, name) {
			faults = append(faults, fmt.Errorf("accept_missing: %q is none of %v", name, Protections))
		}
	}
	if c.AuditMaxLag == "" {
		c.AuditMaxLag = "10s"
	}
	if lag, err := time.ParseDuration(c.AuditMaxLag); err != nil || lag < 2*time.Second || lag > time.Hour {
		faults = append(faults, fmt.Errorf("audit_max_lag: %q is not a duration from 2s to 1h", c.AuditMaxLag))
	}
	if c.LogLevel == "" {
		c.LogLevel = "info"
	}
	if c.LogFormat == "" {
		c.LogFormat = "text"
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		faults = append(faults, fmt.Errorf("log_format: %q is neither text nor json", c.LogFormat))
	}
	if u, err := url.Parse(c.Traces); c.Traces != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		faults = append(faults, fmt.Errorf("traces: %q is not an address such as http://127.0.0.1:4318", c.Traces))
	}
	if _, err := c.logLevel(); err != nil {
		faults = append(faults, err)
	}
	if err := c.Backup.finish(c.Dir); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(append(faults, c.Cluster.check()...)...)
}

// check answers what is wrong with the addresses and times, and fills in this machine's name.
func (c *ClusterConfig) check() (faults []error) {
	for _, a := range []*string{&c.Advertise, &c.PeerAdvertise} {
		if strings.Contains(*a, "{hostname}") {
			*a = strings.ReplaceAll(*a, "{hostname}", hostname())
		}
	}
	for _, a := range []struct{ key, value string }{{"listen", c.Listen}, {"advertise", c.Advertise},
		{"peer_listen", c.PeerListen}, {"peer_advertise", c.PeerAdvertise}} {
		if a.value == "" {
			continue
		}
		host, port, err := net.SplitHostPort(a.value)
		known := a.key == "advertise" || a.key == "peer_advertise"
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || known && (host == "" || n == 0) {
			faults = append(faults, fmt.Errorf("cluster: %s: %q is not an address, host:port", a.key, a.value))
		}
	}
	heartbeat, election, err := c.times()
	if err != nil {
		faults = append(faults, err)
	} else if election < 5*heartbeat || election > 50*time.Second || heartbeat < 10*time.Millisecond {
		faults = append(faults, fmt.Errorf("cluster: election %v with heartbeat %v: it is at least 5 times that, at most 50s, and heartbeat at least 10ms", election, heartbeat))
	}
	return faults
}

// hostname is this machine's name; localhost where it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// waits tells whether a new node here is to wait for genbu join.
func (c *ClusterConfig) waits() bool { return c.First != "" && c.First != hostname() }

func (c *ClusterConfig) times() (heartbeat, election time.Duration, err error) {
	heartbeat, err = time.ParseDuration(cmp.Or(c.Heartbeat, etcd.Tick.String()))
	if err != nil {
		return 0, 0, fmt.Errorf("cluster: heartbeat: %w", err)
	}
	election, err = time.ParseDuration(cmp.Or(c.Election, etcd.Election.String()))
	if err != nil {
		return 0, 0, fmt.Errorf("cluster: election: %w", err)
	}
	return heartbeat, election, nil
}

func (c *Config) socket() config.Socket { return config.Socket{Path: c.Socket, Mode: c.SocketMode} }

func (c *Config) logLevel() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return 0, fmt.Errorf("log_level: %q is none of debug, info, warn, error", c.LogLevel)
	}
	return level, nil
}

// Level is the log level, which Load has checked.
func (c *Config) Level() slog.Level {
	level, _ := c.logLevel()
	return level
}

func (c *Config) maxLag() time.Duration {
	lag, _ := time.ParseDuration(c.AuditMaxLag) // finish has checked it
	return lag
}
