// SPDX-License-Identifier: Apache-2.0

// Package core is the cryptographic module (FIPS 140-3): the only place where a plaintext key exists. This package puts
// its rooms together: it runs the states, holds the key hierarchy of root key, partition keys and resting key, knows the
// tenants and their operators, and answers what client channels (core/channel) and the host (internal/boundary) ask.
//
// Main is the whole process. Which calls are open in which state is said in the tables of core/channel and in manage.go.
package core

import (
	"crypto/rand"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/core/audit"
	"github.com/genbu-hsm/genbu/internal/core/channel"
	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/meter"
	"github.com/genbu-hsm/genbu/internal/core/operator"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/core/vault"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// System is what the core needs of the machine it runs on; core/process gives it, tests give their own.
type System interface {
	Now() int64                                // nanoseconds since 1970
	Boot() int64                               // nanoseconds of a clock that does not go back and counts suspend
	ReadKeeper() (secret ssp.Bytes, err error) // the keeper's file that the host passed; RecordUnknown when none or empty
	WriteKeeper(secret ssp.Bytes) error        // durable on return
	After(nanoseconds int64, f func())
	Exit(code int)
}

// Core is the module. Its fields are set before the first request, or guarded as said.
type Core struct {
	system  System
	host    *host
	config  wire.Config
	report  Report
	sandbox process.Report
	log     *audit.Log
	meter   *meter.Meter
	server  *channel.Server
	rest    *vault.Rest
	cluster cluster
	agents  agents
	box     *membership.KEMKey // what clients seal to this run of the core
	mark    ssp.Bytes          // MAC key of what clients keep for us
	epoch   [16]byte
	began   int64
	replays operator.Replays // assertions that were taken
	purging atomic.Bool
	ticks   atomic.Uint64

	state atomic.Uint32 // wire.State

	tpm      tpmKeeper
	backups  backups
	runs     runs
	transfer transfer
	vouching vouching

	hsmDomains hsmDomains

	coherence coherence
	opening   sync.Mutex // one partition that others made is opened at a time

	// change serialises what changes states, tenants and operators; it is held across commits. Lookups take mu only.
	change sync.Mutex

	mu        sync.RWMutex
	root      ssp.Bytes          // guarded by mu
	domain    key.ID             // guarded by mu
	birth     key.ID             // guarded by mu: the incarnation, as the domain's head says
	tenants   map[uint64]*tenant // guarded by mu: by slot; slot 0 is the domain
	topSlot   uint64             // guarded by mu: the highest that there was since the start
	byID      map[key.ID]*tenant // guarded by mu: the same
	gate      *operator.Gate     // guarded by mu: nil while locked
	auditKey  *audit.Key         // guarded by mu: nil while locked
	gathering *seal.Gathering    // guarded by mu: shares given so far
	head      seal.RootHead      // guarded by mu: of the sealed root, while there is one
}

// Report is what core/process found and did at start.
type Report struct {
	Sandbox, Missing []string
	Memory, Erasure  string
	Module           string
	SelfTests        uint32
}

// New makes a core in the state unknown; Configure starts it.
func New(system System, link *wire.Mux) (*Core, error) {
	m := meter.New(process.Monotonic, mechanisms())
	c := &Core{system: system, host: &host{link, m}, meter: m, began: system.Boot(), tenants: map[uint64]*tenant{}, byID: map[key.ID]*tenant{}}
	rand.Read(c.epoch[:])
	var err error
	if c.rest, err = vault.NewRest(); err != nil {
		return nil, err
	}
	if c.mark, err = seal.NewKey(); err != nil {
		return nil, err
	}
	if c.box, err = membership.NewKEMKey(); err != nil {
		return nil, err
	}
	c.server = channel.New(c)
	c.server.Meter = m
	c.gauges()
	return c, nil
}

// Begin takes the host's configuration, opens the audit log, and looks which state the module is in. A file keeper
// unlocks it at once, unless it is to be held.
func (c *Core) Begin(config wire.Config, report Report) error {
	c.config, c.report = config, report
	c.startLinks()
	lag := int64(config.MaxLagMS) * 1_000_000
	c.log = audit.New(audit.Config{Sink: c.host, Node: config.Node, Last: config.AuditLast, MaxLag: lag, Version: "genbu " + wire.Version, Now: c.system.Now()})
	if err := c.look(); err != nil {
		return err
	}
	c.change.Lock()
	defer c.change.Unlock()
	c.tryFile()
	return nil
}

// look finds out whether there is a domain and a sealed root to open it with.
func (c *Core) look() error {
	_, err := c.host.Load(partitionPath(key.ID{}))
	exists := err == nil
	if err != nil && fault.Of(err) != fault.RecordUnknown {
		return err
	}
	if !exists {
		c.setState(wire.StateUninitialized)
		return nil
	}
	sealed, head, err := c.findRoot()
	switch fault.Of(err) {
	case fault.OK:
		c.noteBound(sealed)
		c.head, c.domain = head, head.Domain
		c.setState(wire.StateLocked)
		return nil
	case fault.RecordUnknown:
		c.setState(wire.StateZeroized)
		return nil
	}
	return err
}

// findRoot answers the sealed root that the host keeps, whoever its keeper is; RecordUnknown when there is none.
func (c *Core) findRoot() (sealed []byte, head seal.RootHead, err error) {
	for _, keeper := range keepers {
		sealed, err = c.host.Root(wire.RootGet, keeper.String(), nil)
		if fault.Of(err) == fault.RecordUnknown {
			continue
		}
		if err == nil {
			head, err = seal.ReadRootHead(sealed)
			if err != nil || head.Keeper != keeper {
				err = fault.RecordInvalid.At("read sealed root")
			}
		}
		return sealed, head, err
	}
	return nil, head, fault.RecordUnknown.At("find sealed root")
}

// State is the module's state now.
func (c *Core) State() wire.State { return wire.State(c.state.Load()) }

func (c *Core) setState(s wire.State) {
	c.state.Store(uint32(s))
	c.host.State(c.Status())
}

// Status is what the core tells of itself to anybody.
func (c *Core) Status() *wire.Status {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := &wire.Status{State: c.State(), Fast: c.config.Fast, FIPS: c.config.FIPS, Memory: c.report.Memory, Erasure: c.report.Erasure,
		Sandbox: c.report.Sandbox, Missing: c.report.Missing, Keeper: c.head.Keeper.String(), Threshold: uint32(c.head.Threshold),
		Domain: c.domain, Module: c.report.Module, SelfTests: c.report.SelfTests, Channels: uint32(c.server.Count()),
		Uptime: uint64(c.system.Boot()-c.began) / 1_000_000_000, Version: wire.Version}
	if s.TPMRoot, s.TPMPCRs = c.tpm.shown(); !c.head.Keeper.ByTPM() {
		s.TPMRoot, s.TPMPCRs = nil, 0
	}
	if c.gathering != nil {
		s.Shares = uint32(c.gathering.Given())
	}
	for slot, t := range c.tenants {
		s.Objects += uint32(t.vault.Loaded())
		if slot != 0 {
			s.Partitions++
		}
	}
	if c.auditKey != nil {
		s.AuditKey = c.auditKey.Public()
	}
	return s
}

// Tick is called once a second.
func (c *Core) Tick() {
	now := c.system.Now()
	if c.log != nil {
		c.log.Tick(now)
	}
	c.server.Tick(c.Boot())
	if c.cluster.links != nil {
		c.cluster.links.Tick()
		c.seekPeers(c.system.Boot())
		c.seekTPM(c.system.Boot())
	}
	if c.State() == wire.StateOperational && c.ticks.Add(1)%purgeTime == 0 {
		c.purge()
	}
}
