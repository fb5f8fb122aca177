// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/genbu-hsm/genbu/internal/boundary"
	"github.com/genbu-hsm/genbu/internal/cluster"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
	"github.com/genbu-hsm/genbu/internal/metrics"
	"github.com/genbu-hsm/genbu/internal/service"
	"github.com/genbu-hsm/genbu/internal/trace"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// module keeps a core running: it starts one, passes it what it needs, and starts another when it ends.
type module struct {
	config  *Config
	node    key.ID
	service *service.Service
	cluster *cluster.Cluster
	log     *slog.Logger
	ended   func(reason string) // told of each core that ended, and must be started again
	hold    bool                // cores begin locked, and stay so until they are asked

	tpm *tpmLine

	mu   sync.RWMutex
	core *boundary.Core // guarded by mu

	starts atomic.Uint64 // cores that were started
}

// start spawns a core, and passes it the keeper's file. Clients are introduced to it only then: the core takes descriptors
// in their order, so that none who comes back after a restart meets a core that is about to unlock.
func (m *module) start(ctx context.Context) error {
	held := m.hold || exists(filepath.Join(m.config.Dir, heldFile))
	config := wire.Config{Fast: m.config.Mode == "fast", FIPS: m.config.FIPS, Accepted: m.config.AcceptMissing,
		AuditLast: m.service.AuditLast(), MaxLagMS: uint32(m.config.maxLag().Milliseconds()), Node: m.node, Hold: held}
	asker := &asker{there: make(chan struct{})}
	core, err := boundary.Start(ctx, boundary.Options{Config: config, Log: func(line string) { m.log.Warn(line, "from", "core") },
		Handle: func(op uint16, body []byte) ([]byte, error) { return m.handle(asker, op, body) }})
	asker.core = core
	close(asker.there)
	if err != nil {
		return err
	}
	m.service.Attach(core)
	s := core.Status()
	m.log.Info("core started", "pid", core.Pid(), "state", s.State.String(), "memory", s.Memory, "erasure", s.Erasure, "sandbox", s.Sandbox,
		"missing", s.Missing, "self_tests", s.SelfTests)
	if err = writePID(filepath.Join(m.config.Dir, CorePIDFile), core.Pid()); err == nil {
		err = m.passKeeper(core)
	}
	if err != nil {
		core.Stop()
		return err
	}
	m.cluster.Attach(core) // first: a core that is reached by clients may be told to join
	m.mu.Lock()
	m.core = core
	m.mu.Unlock()
	m.starts.Add(1)
	return nil
}

// asker is the core that asks, whom a connection that it wants is passed to; it may ask before boundary.Start has returned.
type asker struct {
	there chan struct{} // closed when core is set
	core  *boundary.Core
}

func (a *asker) PassDialled(socket *os.File, id key.ID) error {
	<-a.there
	if a.core == nil {
		return fault.Unavailable.At("pass a connection: the core did not start")
	}
	return a.core.PassDialled(socket, id)
}

// passKeeper hands the keeper's file to the core without reading it. It is made, empty, before the first core asks.
func (m *module) passKeeper(core *boundary.Core) error {
	f, err := os.OpenFile(m.config.Keeper, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		m.log.Warn("the keeper's file can be read by others: chmod 600", "file", m.config.Keeper)
	}
	empty := info.Size() == 0
	if empty {
		if err := durable.SyncDir(filepath.Dir(m.config.Keeper)); err != nil {
			return fmt.Errorf("keeper: %w", err)
		}
	}
	return core.PassKeeper(f, empty)
}

// handle answers the core. An unlocked one ends an operator's lock, which would else outlive this host.
func (m *module) handle(from *asker, op uint16, body []byte) ([]byte, error) {
	if answer, known, err := m.cluster.Handle(from, op, body); known {
		return answer, err
	}
	if op == wire.OpTPM {
		return m.tpm.handle(body)
	}
	if op == wire.OpState {
		var s wire.Status
		r := wire.NewReader(body)
		if s.Decode(&r); r.End() == nil && s.State == wire.StateOperational {
			os.Remove(filepath.Join(m.config.Dir, heldFile))
			m.noteAuditKey(s.AuditKey)
		}
		m.log.Info("core state", "state", s.State.String())
	}
	return m.service.Handle(op, body)
}

// noteAuditKey keeps the public key beside the log, so that it can be verified while the node is down. Whoever can change
// the copy can also exchange the log: who wants to be sure keeps another elsewhere.
func (m *module) noteAuditKey(public []byte) {
	path := filepath.Join(m.config.Dir, AuditKeyFile)
	text := hex.EncodeToString(public) + "\n"
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return
	}
	if err := durable.WriteFile(path, []byte(text), 0o644); err != nil {
		m.log.Error("cannot keep the audit key", "error", err)
	}
}

// supervise starts a core whenever one ends, unless it ended for a reason that another start does not cure.
func (m *module) supervise(ctx context.Context, fail context.CancelCauseFunc) {
	for pause := 20 * time.Millisecond; ; {
		began := time.Now()
		core := m.current()
		select {
		case <-ctx.Done():
			return
		case <-core.Done():
		}
		if ctx.Err() != nil {
			return
		}
		err := core.Wait()
		m.service.Attach(nil)
		m.cluster.Attach(nil)
		core.Drain()
		switch code := exitCode(err); code {
		case wire.ExitConfig, wire.ExitSelfTest:
			fail(fmt.Errorf("the core ended: %w", err))
			return
		case wire.ExitLocked, wire.ExitZeroized:
			m.log.Warn("core locked", "exit", code)
			m.ended(map[int]string{wire.ExitLocked: "locked", wire.ExitZeroized: "zeroized"}[code])
			if err := durable.WriteFile(filepath.Join(m.config.Dir, heldFile), nil, 0o600); err != nil {
				m.log.Error("cannot note that the core is locked", "error", err)
			}
		default:
			m.log.Error("core ended", "error", err)
			m.ended("crash")
		}
		for {
			if err := m.start(ctx); err == nil {
				break
			} else if ctx.Err() != nil {
				return
			} else {
				m.log.Error("core does not start", "error", err)
			}
			time.Sleep(pause)
			pause = min(2*pause, 5*time.Second)
		}
		if time.Since(began) > time.Minute {
			pause = 20 * time.Millisecond
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

func (m *module) current() *boundary.Core {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.core
}

// Call asks the core that runs now.
func (m *module) Call(op uint16, body []byte) ([]byte, error) { return m.current().Call(op, body) }

// CallFor is Call on behalf of a request of a door: its trace gets a span of the call and one of the core's own work.
func (m *module) CallFor(ctx context.Context, op uint16, body []byte) ([]byte, error) {
	return trace.Core(ctx, metrics.Operation(op), func() ([]byte, time.Duration, error) { return m.current().CallTimed(op, body) })
}

// Introduce gives the core its end of a client's channel.
func (m *module) Introduce(channel, answers *os.File, p pkcs11.Peer) error {
	defer channel.Close()
	defer answers.Close()
	return m.current().Introduce(channel, answers, wire.DoorPKCS11, p.UID, p.GID, p.PID)
}

// closeTime is how long a core may take to put its last counts on disk.
const closeTime = 3 * time.Second

// stop lets the core close its log, so that an orderly end loses no count, and ends it.
func (m *module) stop() {
	core := m.current()
	closed := make(chan error, 1)
	go func() {
		_, err := core.Call(wire.OpClose, nil)
		closed <- err
	}()
	select {
	case err := <-closed:
		if err != nil {
			m.log.Warn("the core's log was not closed", "error", err)
		}
	case <-time.After(closeTime):
		m.log.Warn("the core did not close its log in time")
	}
	core.Stop()
	os.Remove(filepath.Join(m.config.Dir, CorePIDFile))
}

// nodeID reads this node's id, drawing it on the first start.
func nodeID(dir string) (id key.ID, err error) {
	path := filepath.Join(dir, nodeFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		rand.Read(id[:])
		return id, durable.WriteFile(path, []byte(id.String()+"\n"), 0o600)
	}
	if err != nil {
		return id, err
	}
	id, ok := key.ParseID(strings.TrimSpace(string(text)))
	if !ok {
		return id, fault.RecordInvalid.At("read " + path)
	}
	return id, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
