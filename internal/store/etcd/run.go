// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/genbu-hsm/genbu/internal/store"
)

const (
	// A lone member only ever waits for its own election: 51 ms to ready instead of a second.
	aloneTick, aloneElection = 10 * time.Millisecond, 50 * time.Millisecond

	// Tick and Election are right for members less than 10 ms apart; all members must have the same.
	Tick, Election = 100 * time.Millisecond, time.Second

	// etcd keeps this many log entries in memory, and replays them at start. Its own defaults (10,000 and 5,000) took
	// 3.1 GB with large transactions.
	snapshotCount, catchUpEntries = 1000, 500

	// compactEvery bounds how long a replaced or deleted value stays readable as history; indexes start anew from a
	// list, so nobody needs more. In a cluster the leader does it for all.
	compactEvery = "5m"

	// A lone member has no peers, so nothing listens or dials at this address; etcd wants one as part of the member's id.
	alonePeer = "http://127.0.0.1:2380"
	aloneName = "genbu"

	// maxLearners may join at once; etcd's own default of one makes a cluster of three wait for the five seconds that a
	// voter must have been connected before the next member is added.
	maxLearners = 4

	startTimeout = 2 * time.Minute  // of a lone member; a large log is replayed first: 12 s were measured for a million records
	waitingSays  = 10 * time.Second // how often the log says that a majority is waited for
)

// startedMark is what a member publishes as its client URL, though it listens for none: the others tell by it that it has
// started before. One that has may not begin again with an empty directory, since they count on what it acknowledged.
var startedMark = url.URL{Scheme: "http", Host: "started.invalid:1"}

// errReopened and errRestored are why a run was ended while the engine goes on.
var (
	errReopened = errors.New("reopened")
	errRestored = errors.New("restored")
)

// member is one run of etcd on one generation's directory.
type member struct {
	*clientv3.Client
	etcd  *embed.Etcd
	peers *peers // nil for a lone member
	quiet func() // stops the logger, since etcd reports its own closing as errors

	once   sync.Once
	ended  chan struct{} // closed when this run is being closed
	reason error         // why; set before ended is closed. Nil: the engine is closed
}

// start runs etcd. A newcomer tries until the members that it was told of answer: one of them may just be restarting, and two
// newcomers may be added at the same time.
func (e *Engine) start(ctx context.Context, generation int) (*member, error) {
	var peers *peers
	var err error
	if e.config.Peer != nil {
		if peers, err = e.config.Peer.listen(e.log); err != nil {
			return nil, err
		}
	}
	var etcd *embed.Etcd
	var quiet func()
	if err := examine(e.database(generation)); err != nil {
		if peers != nil {
			peers.close()
		}
		return nil, err
	}
	for {
		var c *embed.Config
		if c, quiet, err = e.embedConfig(ctx, generation); err == nil {
			if etcd, err = startEtcd(c); err == nil {
				break
			}
			quiet()
		}
		if c != nil && c.ClusterState != embed.ClusterStateFlagExisting || errors.Is(err, ErrStarted) || errors.Is(err, ErrDamaged) || !sleep(ctx, again) {
			if peers != nil {
				peers.close()
			}
			return nil, fmt.Errorf("start etcd: %w", err)
		}
		e.log.Debug("the cluster does not take this member yet", "reason", err)
	}
	m := &member{etcd: etcd, peers: peers, quiet: quiet, ended: make(chan struct{})}
	if peers != nil {
		peers.attach(etcd.Server)
	}
	if err := e.wait(ctx, m); err != nil {
		m.stop(err)
		return nil, err
	}
	if err := e.compare(ctx, m); err != nil {
		m.stop(err)
		return nil, err
	}
	m.Client = v3client.New(etcd.Server)
	go e.watchOver(m)
	return m, nil
}

// startEtcd is etcd's own start, which panics at what it cannot read, in this goroutine as long as nothing runs. What it refuses of
// a member that has run before is its log, unless the system says that something else is missing.
func startEtcd(c *embed.Config) (started *embed.Etcd, err error) {
	ran := initialized(c.Dir)
	defer func() {
		if p := recover(); p != nil {
			err = damagef("%v", p)
		}
	}()
	started, err = embed.StartEtcd(c)
	var system *fs.PathError
	if err != nil && ran && !errors.As(err, &system) && !errors.As(err, new(syscall.Errno)) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return started, err
}

// embedConfig says how etcd runs. The listeners are ours (peer.go), so it is given none.
func (e *Engine) embedConfig(ctx context.Context, generation int) (*embed.Config, func(), error) {
	logger, quiet := newLogger(e.log, e.removed, e.config.Fatal)
	c := embed.NewConfig()
	c.Name, c.Dir = e.config.Name, e.dir(generation)
	c.ListenPeerUrls, c.ListenClientUrls = nil, nil
	advertise, tick, election := alonePeer, aloneTick, aloneElection
	if p := e.config.Peer; p != nil {
		advertise, tick, election = p.Advertise, p.tick(), p.election()
		c.PeerTLSInfo = p.TLS.info()
	}
	peer, err := url.Parse(advertise)
	if err != nil {
		return nil, nil, fmt.Errorf("peer url: %w", err)
	}
	c.AdvertisePeerUrls = []url.URL{*peer}
	c.AdvertiseClientUrls = []url.URL{startedMark}
	if len(e.config.Join) == 0 || initialized(c.Dir) {
		// The cluster's id is made of this, so no two stores have the same, not even one restored from the other.
		c.InitialClusterToken = newToken()
		c.InitialCluster = e.config.Name + "=" + advertise
	} else {
		c.ClusterState = embed.ClusterStateFlagExisting
		if c.InitialCluster, err = e.initialCluster(ctx, advertise); err != nil {
			return nil, nil, err
		}
	}
	c.ForceNewCluster = e.forced
	c.EnableGRPCGateway = false
	c.TickMs, c.ElectionMs = uint(tick.Milliseconds()), uint(election.Milliseconds())
	c.SnapshotCount, c.SnapshotCatchUpEntries = snapshotCount, catchUpEntries
	c.MaxLearners = maxLearners
	c.QuotaBackendBytes = e.config.Quota
	c.BackendFreelistType = "map" // the array's cost grows with the square of a fragmented database
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, compactEvery
	c.MaxTxnOps = store.MaxOps
	c.WarningApplyDuration, c.WarningUnaryRequestDuration = time.Second, 2*time.Second
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	return c, quiet, nil
}

// wait returns when the member answers: it has a leader, and the others know its name.
func (e *Engine) wait(ctx context.Context, m *member) error {
	var late <-chan time.Time
	if m.peers == nil {
		timer := time.NewTimer(startTimeout)
		defer timer.Stop()
		late = timer.C
	}
	say := time.NewTicker(waitingSays)
	defer say.Stop()
	for {
		select {
		case <-m.etcd.Server.ReadyNotify():
			return nil
		case <-m.etcd.Server.StopNotify():
			return e.why()
		case err := <-m.etcd.Err():
			return fmt.Errorf("start etcd: %w", err)
		case <-late:
			return fmt.Errorf("start etcd: not ready after %v", startTimeout)
		case <-ctx.Done():
			return fmt.Errorf("start etcd: %w", context.Cause(ctx))
		case <-say.C:
			e.log.Warn("the store waits for a majority of its members", "peers", strings.Join(m.others(), " "))
		}
	}
}

// watchOver notices when etcd stops by itself.
func (e *Engine) watchOver(m *member) {
	select {
	case <-m.ended:
	case <-m.etcd.Server.StopNotify():
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.run != m {
			return
		}
		e.run = nil
		e.reason = e.why()
		close(e.ended)
		m.stop(e.reason)
	}
}

// why is the reason for which etcd stopped by itself.
func (e *Engine) why() error {
	if e.gone.Load() {
		return ErrRemoved
	}
	return errors.New("etcd has stopped")
}

// removed is told by etcd, through its log and nowhere else, that the others have removed this member.
func (e *Engine) removed() { e.gone.Store(true) }

// others are the peer URLs of the other members, as this one knows them.
func (m *member) others() []string {
	var all []string
	for _, x := range m.etcd.Server.Cluster().Members() {
		if x.ID != m.etcd.Server.MemberID() {
			all = append(all, x.PeerURLs...)
		}
	}
	slices.Sort(all)
	return all
}

func (m *member) stop(reason error) {
	m.once.Do(func() {
		m.reason = reason
		close(m.ended)
		m.quiet()
		if m.Client != nil {
			m.Client.Close()
		}
		m.handOver()
		m.etcd.Server.HardStop() // all there is to stop: etcd itself has no listeners
		if m.peers != nil {
			m.peers.close()
		}
	})
}

// handOverTime bounds how long a leader tries to hand its office over before it stops: etcd's own seven seconds are too long
// for a node whose peers are gone.
const handOverTime = time.Second

func (m *member) handOver() {
	s := m.etcd.Server
	if s.Leader() != s.MemberID() || len(m.voters()) < 2 {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.TryTransferLeadershipOnShutdown()
	}()
	t := time.NewTimer(handOverTime)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// initialized tells whether etcd ever ran in dir: then it knows its cluster by itself.
func initialized(dir string) bool {
	logs, err := filepath.Glob(filepath.Join(dir, "member", "wal", "*.wal"))
	return err == nil && len(logs) > 0
}

func newToken() string {
	b := make([]byte, 16)
	rand.Read(b)
	return "genbu-" + hex.EncodeToString(b)
}

// sleep waits; false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
