// SPDX-License-Identifier: Apache-2.0

// Package server is the host: its configuration, and the one function that puts every part of a node together.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/clock"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/front/native"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/service"
	"github.com/genbu-hsm/genbu/internal/trace"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Run serves a node until ctx ends: store, service, core, doors, in the order in which they depend on each other. An error
// says why it could not start or go on. fatal is told of what ends the process where Run cannot return: a store that cannot be
// written, or is found to be damaged while it runs.
func Run(ctx context.Context, c *Config, log *slog.Logger, fatal func(error)) error {
	unix.Umask(0o077)
	room := make([]byte, headroom)
	defer runtime.KeepAlive(room)
	if err := os.MkdirAll(c.Dir, 0o711); err != nil {
		return err
	}
	lock, err := lock(c.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := writePID(filepath.Join(c.Dir, HostPIDFile), os.Getpid()); err != nil {
		return err
	}
	if err := clock.Follow(c.Dir); err != nil {
		return err
	}
	node, err := nodeID(c.Dir)
	if err != nil {
		return err
	}
	hardened, err := boundary.Harden(c.AcceptMissing)
	if err != nil {
		return err
	}
	log.Info("host limited", "by", hardened.Sandbox, "missing", hardened.Missing)

	if c.Cluster.waits() && !exists(filepath.Join(c.Dir, "store")) {
		if err := cluster.Prepare(c.Dir); err != nil {
			return err
		}
	}
	stop := keepStarting()
	members, err := cluster.Open(ctx, c.member(node, log, fatal))
	stop()
	if err != nil {
		return err
	}
	defer members.Close()
	untrace, err := trace.Start(ctx, c.Traces, node.String(), log)
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	defer untrace()

	shown := metrics.New()
	showHost(shown, time.Now())
	showStore(shown, members.Store())
	showCluster(shown, members)

	svc, err := service.New(members.Store(), c.Dir, log)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	defer svc.Close()
	showService(shown, svc)

	core := &module{config: c, node: node, service: svc, cluster: members, log: log, ended: restarts(shown),
		tpm: &tpmLine{path: c.TPM, log: log}}
	if err := core.start(ctx); err != nil {
		return fmt.Errorf("core: %w", err)
	}
	defer core.stop()
	shown.Core(core)

	stopBackups, err := serveBackups(ctx, c, members.Store(), core, shown, log)
	if err != nil {
		return fmt.Errorf("backups: %w", err)
	}
	defer stopBackups()

	count := shown.Requests()
	stopHTTPS, err := serveHTTPS(c, &native.Door{Core: core, Writable: writable(members.Store()), Metrics: shown.Handler(),
		Cluster: func(ctx context.Context) (any, error) { return members.View(ctx) }}, shown, count, log)
	if err != nil {
		return fmt.Errorf("https door: %w", err)
	}
	defer stopHTTPS()
	stopAzure, err := serveAzure(ctx, c, core, members.Store(), shown, count, log)
	if err != nil {
		return fmt.Errorf("azure door: %w", err)
	}
	defer stopAzure()
	listener, err := c.socket().Listen()
	if err != nil {
		return fmt.Errorf("pkcs11 door: %w", err)
	}
	log.Info("node serves", "dir", c.Dir, "socket", c.Socket, "mode", c.Mode, "fips", c.FIPS)
	ctx, cancel := context.WithCancelCause(ctx)
	go core.supervise(ctx, cancel)
	go func() {
		if err := members.Run(ctx); err != nil {
			cancel(err)
		}
	}()
	keepWatch(ctx, core, log)
	defer notify("STOPPING=1")
	door := &pkcs11.Door{Core: core, Log: log, Pipes: true}
	if err := door.Serve(ctx, listener); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	log.Info("node ends")
	return nil
}

// member is the configuration of this node's part in a cluster.
func (c *Config) member(node key.ID, log *slog.Logger, fatal func(error)) cluster.Config {
	heartbeat, election, _ := c.Cluster.times() // finish has checked them
	return cluster.Config{Dir: c.Dir, Node: node, Listen: c.Cluster.Listen, Advertise: c.Cluster.Advertise,
		PeerListen: c.Cluster.PeerListen, PeerAdvertise: c.Cluster.PeerAdvertise, Heartbeat: heartbeat, Election: election,
		Version: wire.Version, Log: log, Fatal: fatal}
}

// serveHTTPS opens the node's own HTTPS door and writes down its address.
func serveHTTPS(c *Config, door *native.Door, shown *metrics.Registry, count *metrics.Requests, log *slog.Logger) (stop func(), err error) {
	if *c.Listen == "" {
		return func() {}, nil
	}
	identity, err := transport(c.Dir, "localhost", host())
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", *c.Listen)
	if err != nil {
		return nil, err
	}
	showCertificate(shown, "https", identity)
	s := &http.Server{Handler: count.Of("native", trace.Of("native", log, door.Handler())), TLSConfig: identity, ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go s.ServeTLS(l, "", "")
	url := "https://" + l.Addr().String()
	if err := durable.WriteFile(filepath.Join(c.Dir, URLFile), []byte(url+"\n"), 0o644); err != nil {
		s.Close()
		return nil, err
	}
	return func() { s.Close() }, nil
}

func writePID(path string, pid int) error {
	return os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o644)
}
