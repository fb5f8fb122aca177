// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/azure"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/trace"
)

// Files of the Azure door within a node's directory.
const (
	// AzureAddressFile says where the door listens. A free port that was found once is asked for again at the next start:
	// tokens are made for it.
	AzureAddressFile = "azure/address"

	// AzureRotationFile holds the credential of the identity that carries out rotation policies. Its thief can rotate the keys
	// of the vaults and read their public halves, and nothing else.
	AzureRotationFile = "azure/rotation.json"
)

// Azure is the part of the configuration for the door of Azure Key Vault and Managed HSM clients.
type Azure struct {
	// Listen is the address of the door. Default "127.0.0.1:0": loopback, and a free port that is kept once it is found. Empty:
	// no such door.
	Listen *string `json:"listen"`

	// Suffix is how the host names of vaults end: NAME.vault.SUFFIX, NAME.managedhsm.SUFFIX. Default "genbu.localhost".
	Suffix string `json:"suffix"`

	// Storage is where callers may have backups of managed HSMs written: https://HOST[:PORT] of blob services, where HOST may begin
	// with "*.". It is this node that sends the requests, so callers cannot choose freely. Default: Azure's own.
	Storage []string `json:"storage"`
}

// dnsName is a host name of RFC 1123, lower case.
var dnsName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// finish sets defaults and answers every fault.
func (c *Azure) finish() (faults []error) {
	if c.Listen == nil {
		loopback := "127.0.0.1:0"
		c.Listen = &loopback
	}
	if *c.Listen != "" {
		if _, _, err := net.SplitHostPort(*c.Listen); err != nil {
			faults = append(faults, fmt.Errorf("azure.listen: %w", err))
		}
	}
	if c.Suffix == "" {
		c.Suffix = "genbu.localhost"
	}
	if c.Storage == nil {
		c.Storage = backup.PublicContainers
	}
	for _, s := range c.Storage {
		if err := backup.CheckStore(s); err != nil {
			faults = append(faults, fmt.Errorf("azure.storage: %w", err))
		}
	}
	if len(c.Suffix) > 128 || !dnsName.MatchString(c.Suffix) {
		faults = append(faults, fmt.Errorf("azure.suffix: %q is not a domain name in lower case", c.Suffix))
	}
	return faults
}

// serveAzure opens the door and writes down its address.
func serveAzure(ctx context.Context, c *Config, core *module, engine store.Store, shown *metrics.Registry, count *metrics.Requests, log *slog.Logger) (stop func(), err error) {
	if *c.Azure.Listen == "" {
		return func() {}, nil
	}
	l, err := listenAzure(c, log)
	if err != nil {
		return nil, err
	}
	suffix := c.Azure.Suffix
	identity, err := transport(c.Dir, "*.vault."+suffix, "*.managedhsm."+suffix, "login."+suffix, "arm."+suffix)
	if err != nil {
		l.Close()
		return nil, err
	}
	door := azure.New(&azureCore{module: core}, suffix, log)
	door.Archives = &archives{&backup.Engine{Store: engine, Core: core, Spool: filepath.Join(c.Dir, spoolDir), Log: log}, c.Azure.Storage}
	door.Rotation = func() (azure.Evidence, error) { return rotationEvidence(c.Dir) }
	showCertificate(shown, "azure", identity)
	s := &http.Server{Handler: count.Of("azure", trace.Of("azure", log, door)), TLSConfig: identity, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 3 * time.Minute, // making an RSA key of 4096 bits on a busy machine
		IdleTimeout:  2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.ServeTLS(l, "", "") })
	wg.Go(func() { door.Run(ctx) })
	return func() {
		cancel()
		s.Close()
		wg.Wait()
		door.Close()
	}, nil
}

// listenAzure listens where the door listened before, if the configuration leaves the port open.
func listenAzure(c *Config, log *slog.Logger) (net.Listener, error) {
	file := filepath.Join(c.Dir, AzureAddressFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(*c.Azure.Listen)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	if before, err := os.ReadFile(file); err == nil && port == "0" {
		if h, p, err := net.SplitHostPort(strings.TrimSpace(string(before))); err == nil && h == host {
			if l, err = net.Listen("tcp", net.JoinHostPort(h, p)); err != nil {
				log.Warn("the Azure door's port is taken: run genbu connect azure again", "port", p, "error", err)
			}
		}
	}
	if l == nil {
		if l, err = net.Listen("tcp", *c.Azure.Listen); err != nil {
			return nil, err
		}
	}
	if err := durable.WriteFile(file, []byte(l.Addr().String()+"\n"), 0o644); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Credential is a client id with its secret, as files of a node keep it.
type Credential struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// rotationEvidence reads the credential that genbu connect azure left for the door.
func rotationEvidence(dir string) (azure.Evidence, error) {
	text, err := os.ReadFile(filepath.Join(dir, AzureRotationFile))
	if err != nil {
		return azure.Evidence{}, fault.UserUnknown.At("read " + AzureRotationFile)
	}
	defer clear(text)
	var c Credential
	if err := json.Unmarshal(text, &c); err != nil {
		return azure.Evidence{}, fault.UserUnknown.At("read " + AzureRotationFile)
	}
	return azure.Evidence{Client: c.ID, Secret: opaque.New([]byte(c.Secret))}, nil
}

// VaultName tells whether a vault can have the name.
func VaultName(name string) bool { return azure.ValidVaultName(name) }
