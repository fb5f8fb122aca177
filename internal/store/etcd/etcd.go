// SPDX-License-Identifier: Apache-2.0

// Package etcd is the store's engine: an etcd 3.7 member embedded in this process, called directly. Alone it has no port
// and no socket that could be reached from outside; in a cluster it listens for its peers, over mTLS, and for nobody else.
//
// Start opens the data directory, or makes it; Close leaves it ready for the next Start, and so does a kill at any moment:
// etcd syncs its log before it acknowledges. The directory belongs to one process.
//
//	DIR/current     number of the generation in use, replaced atomically by Restore
//	DIR/data-N      etcd's own directory (log, snapshots, database) of generation N
//
// One member becomes three by Reopen (with a Peer), Add, and a Start with Join elsewhere; then Promote. docs/design/members.md
// says in which order and why.
//
// A log that cannot be written (a full or failing disk) ends the process, as Config.Fatal says: etcd does not go on without its
// log, and what it acknowledged before is on disk. What lies on the disk is examined before it is used, and compared with what
// the other members have (examine.go, compare.go): ErrDamaged.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
)

// Config of one engine.
type Config struct {
	Dir    string       // belongs to this engine alone; made with mode 0700
	Name   string       // of the member, the same for as long as the directory lives; empty: "genbu"
	Quota  int64        // bytes the database may take before writes are refused with StoreFull; 0 means DefaultQuota
	Logger *slog.Logger // gets etcd's warnings; nil for none

	// Fatal is called where etcd is about to end the process, with what it could not do: its log cannot be written, or holds
	// what it cannot go on from (ErrDamaged then). It should not return; nil leaves the last words to etcd.
	Fatal func(error)

	// Peer is how this member and the others reach each other. Nil: it is alone, listens nowhere, and elects itself at once.
	Peer *Peer

	// Join are peer URLs of a cluster that has this member, added there by Add and never started. They are used when the
	// directory is new; then a member without them begins a store of its own.
	Join []string
}

// DefaultQuota is the greatest size etcd's makers suggest; 2 GiB per million records of 1.5 KB were measured.
const DefaultQuota = 8 << 30

// ErrRemoved is why a member that the others have removed is stopped. Its directory is of no use any more.
var ErrRemoved = errors.New("this member was removed from the cluster")

// ErrStarted is why a member does not start with an empty directory: it ran before, with another one. It has to be removed,
// and a new one added.
var ErrStarted = errors.New("this member of the cluster has run before, and its store is gone")

// Engine is a running member. Make one with Start.
type Engine struct {
	log *slog.Logger

	gate sync.RWMutex // held for reading by each call, for writing while Reopen exchanges the run: nobody sees it fail

	mu         sync.RWMutex
	config     Config  // guarded by mu
	run        *member // guarded by mu: nil once closed
	generation int     // guarded by mu
	forced     bool    // while Recover starts it: this member alone shall be the cluster

	gone   atomic.Bool   // the others have removed this member
	ended  chan struct{} // closed when etcd has stopped by itself
	reason error         // why; set before ended is closed
}

var (
	_ store.Store     = (*Engine)(nil)
	_ store.Compactor = (*Engine)(nil)
	_ store.Confirmer = (*Engine)(nil)
)

// Start opens or makes the store in config.Dir and returns once it answers. A member of a cluster answers when a majority is
// there, which Start waits for until ctx ends; meanwhile its peers reach it.
func Start(ctx context.Context, config Config) (*Engine, error) {
	e, err := prepare(config)
	if err != nil {
		return nil, err
	}
	if e.run, err = e.start(ctx, e.generation); err != nil {
		return nil, err
	}
	return e, nil
}

// prepare opens or makes the directory.
func prepare(config Config) (*Engine, error) {
	if config.Quota == 0 {
		config.Quota = DefaultQuota
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Name == "" {
		config.Name = aloneName
	}
	e := &Engine{config: config, log: config.Logger, ended: make(chan struct{})}
	if err := durable.Mkdir(config.Dir); err != nil {
		return nil, err
	}
	generation, err := e.current()
	if err != nil {
		return nil, err
	}
	e.generation = generation
	return e, e.sweep(generation)
}

// Close stops the member; a leader hands its office over first. Calls in flight and later ones fail with Unavailable or,
// for a Txn that was under way, OutcomeUnknown.
func (e *Engine) Close() error {
	e.mu.Lock()
	run := e.run
	e.run = nil
	e.mu.Unlock()
	if run != nil {
		run.stop(nil)
	}
	return nil
}

// Ended is closed when etcd has stopped by itself, which Err then explains: ErrRemoved above all.
func (e *Engine) Ended() <-chan struct{} { return e.ended }

// Err is why Ended was closed.
func (e *Engine) Err() error {
	<-e.ended
	return e.reason
}

// Reopen closes the member and starts it again with another Peer, for which calls wait: when it first gets a listener, when
// its address or the CA has changed. Watches go on where they were.
func (e *Engine) Reopen(ctx context.Context, peer *Peer) error {
	e.gate.Lock()
	defer e.gate.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.run == nil {
		return fault.Unavailable.At("etcd store is closed")
	}
	before := e.config.Peer
	e.run.stop(errReopened)
	e.config.Peer = peer
	run, err := e.start(ctx, e.generation)
	if err != nil { // an address in use must not cost the store that was running
		e.config.Peer = before
		var again error
		if run, again = e.start(ctx, e.generation); again != nil {
			e.run = nil
			return errors.Join(err, again)
		}
	}
	e.run = run
	return err
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

// enter is now for a call that ends by itself; leave must be called at its end.
func (e *Engine) enter(ctx context.Context) (m *member, leave func(), err error) {
	e.gate.RLock()
	m, err = e.now(ctx)
	if err != nil {
		e.gate.RUnlock()
		return nil, nil, err
	}
	return m, e.gate.RUnlock, nil
}

func (e *Engine) database(generation int) string {
	return filepath.Join(e.dir(generation), "member", "snap", "db")
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
