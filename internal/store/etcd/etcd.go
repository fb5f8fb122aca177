// SPDX-License-Identifier: Apache-2.0

// Package etcd is the store's engine: an etcd 3.7 member embedded in this process, called directly, with no port and no
// socket that could be reached from outside.
//
// Start opens the data directory, or makes it; Close leaves it ready for the next Start, and so does a kill at any moment:
// etcd syncs its log before it acknowledges. The directory belongs to one process.
//
//	DIR/current     number of the generation in use, replaced atomically by Restore
//	DIR/data-N      etcd's own directory (log, snapshots, database) of generation N
//
// A log that cannot be written (a full or failing disk) ends the process: etcd does not go on without its log, and
// what it acknowledged before is on disk.
package etcd

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// Config of one engine.
type Config struct {
	Dir    string       // belongs to this engine alone; made with mode 0700
	Quota  int64        // bytes the database may take before writes are refused with StoreFull; 0 means DefaultQuota
	Logger *slog.Logger // gets etcd's warnings; nil for none
}

// DefaultQuota is the greatest size etcd's makers suggest; 2 GiB per million records of 1.5 KB were measured.
const DefaultQuota = 8 << 30

const (
	// A lone member only ever waits for its own election: 51 ms to ready instead of a second.
	tickMS, electionMS = 10, 50

	// etcd keeps this many log entries in memory, and replays them at start. Its own defaults (10,000 and 5,000) took
	// 3.1 GB with large transactions.
	snapshotCount, catchUpEntries = 1000, 500

	// compactEvery bounds how long a replaced or deleted value stays readable as history; indexes start anew from a
	// list, so nobody needs more.
	compactEvery = "5m"

	// A lone member has no peers, so nothing listens or dials at this address; etcd wants one as part of the member's id.
	peerURL    = "http://127.0.0.1:2380"
	memberName = "genbu"
	token      = "genbu"

	startTimeout = 2 * time.Minute // a large log is replayed first: 12 s were measured for a million records
)

// Engine is a running member. Make one with Start.
type Engine struct {
	config Config
	log    *slog.Logger

	mu         sync.RWMutex
	run        *member // guarded by mu: nil once closed
	generation int     // guarded by mu
}

// member is one run of etcd on one generation's directory.
type member struct {
	*clientv3.Client
	etcd    *embed.Etcd
	quiet   func()        // stops the logger, since etcd reports its own closing as errors
	ended   chan struct{} // closed when this run is being closed
	replace bool          // set before ended is closed: a restored generation takes over
}

var (
	_ store.Store     = (*Engine)(nil)
	_ store.Compactor = (*Engine)(nil)
)

// Start opens or makes the store in config.Dir and returns once it answers.
func Start(config Config) (*Engine, error) {
	if config.Quota == 0 {
		config.Quota = DefaultQuota
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{config: config, log: config.Logger}
	if err := durable.Mkdir(config.Dir); err != nil {
		return nil, err
	}
	generation, err := e.current()
	if err != nil {
		return nil, err
	}
	e.generation = generation
	if err := e.sweep(generation); err != nil {
		return nil, err
	}
	if e.run, err = e.start(generation); err != nil {
		return nil, err
	}
	return e, nil
}

// Close stops the member. Calls in flight and later ones fail with Unavailable or, for a Txn that was under way,
// OutcomeUnknown.
func (e *Engine) Close() error {
	e.mu.Lock()
	run := e.run
	e.run = nil
	e.mu.Unlock()
	if run != nil {
		run.stop(false)
	}
	return nil
}

// now is the member that serves at present.
func (e *Engine) now(ctx context.Context) (*member, error) {
	if ctx.Err() != nil {
		return nil, fault.Timeout.At("etcd store")
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.run == nil {
		return nil, fault.Unavailable.At("etcd store is closed")
	}
	return e.run, nil
}

func (e *Engine) dir(generation int) string {
	return filepath.Join(e.config.Dir, "data-"+strconv.Itoa(generation))
}

// current reads which generation is in use; a new directory starts with 1.
func (e *Engine) current() (int, error) {
	path := filepath.Join(e.config.Dir, "current")
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		if _, err := os.Stat(e.dir(1)); err == nil {
			return 0, fmt.Errorf("%s is missing, but %s is there", path, e.dir(1))
		}
		return 1, e.setCurrent(1)
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s does not hold a number", path)
	}
	return n, nil
}

func (e *Engine) setCurrent(generation int) error {
	return durable.WriteFile(filepath.Join(e.config.Dir, "current"), fmt.Appendln(nil, generation), 0o600)
}

// sweep removes what an interrupted Restore left: any generation but the current one.
func (e *Engine) sweep(generation int) error {
	if err := durable.Sweep(e.config.Dir); err != nil {
		return err
	}
	return filepath.WalkDir(e.config.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == e.config.Dir {
			return err
		}
		if strings.HasPrefix(d.Name(), "data-") && path != e.dir(generation) || d.Name() == incoming {
			err = os.RemoveAll(path)
		}
		if err == nil && d.IsDir() {
			err = fs.SkipDir
		}
		return err
	})
}

func (e *Engine) start(generation int) (*member, error) {
	peer, err := url.Parse(peerURL)
	if err != nil {
		return nil, err
	}
	logger, quiet := newLogger(e.log)
	c := embed.NewConfig()
	c.Name, c.Dir, c.InitialClusterToken = memberName, e.dir(generation), token
	c.ListenPeerUrls, c.ListenClientUrls, c.AdvertiseClientUrls = nil, nil, nil
	c.AdvertisePeerUrls = []url.URL{*peer}
	c.InitialCluster = c.InitialClusterFromName(memberName)
	c.EnableGRPCGateway = false
	c.TickMs, c.ElectionMs = tickMS, electionMS
	c.SnapshotCount, c.SnapshotCatchUpEntries = snapshotCount, catchUpEntries
	c.QuotaBackendBytes = e.config.Quota
	c.BackendFreelistType = "map" // the array's cost grows with the square of a fragmented database
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, compactEvery
	c.MaxTxnOps = store.MaxOps
	c.WarningApplyDuration, c.WarningUnaryRequestDuration = time.Second, 2*time.Second
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)

	etcd, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	m := &member{etcd: etcd, quiet: quiet, ended: make(chan struct{})}
	late := time.NewTimer(startTimeout)
	defer late.Stop()
	select {
	case <-etcd.Server.ReadyNotify():
	case <-etcd.Server.StopNotify():
		err = fmt.Errorf("start etcd: it stopped")
	case err = <-etcd.Err():
	case <-late.C:
		err = fmt.Errorf("start etcd: not ready after %v", startTimeout)
	}
	if err != nil {
		quiet()
		etcd.Close()
		return nil, err
	}
	m.Client = v3client.New(etcd.Server)
	return m, nil
}

func (m *member) stop(replace bool) {
	m.replace = replace
	close(m.ended)
	m.quiet()
	m.Client.Close()
	m.etcd.Close()
}
