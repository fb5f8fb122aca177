// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/key"
)

// Archives carries out what the core has begun for a caller: backups and restores of a managed HSM. It is the host's part of them.
type Archives interface {
	// Check refuses storage where this node keeps no backups, before anything is begun.
	Check(at Storage) error

	// Probe finds out whether a backup could be written there.
	Probe(ctx context.Context, at Storage, folder string) error

	// Backup writes a folder; tell is told how far it is.
	Backup(ctx context.Context, run key.ID, partition key.ID, to Storage, folder string, tell func(string)) error

	// Restore reads one. It answers in words what it took back. With look it changes nothing.
	Restore(ctx context.Context, run key.ID, from Storage, folder string, look bool, tell func(string)) (undone string, err error)
}

// Storage is a container of a blob service, and the caller's right to use it. Its token is cleared when the job is over.
type Storage struct {
	URI   string
	Token opaque.Bytes
}

// Kinds of jobs, as the first segment of their addresses.
const (
	backupJobs  = "backup"
	restoreJobs = "restore"
)

const (
	maxJobs  = 256            // that a node remembers
	jobsLast = 24 * time.Hour // after their end
)

// job is a backup or restore that takes its time.
type job struct {
	id    string
	slot  uint64
	kind  string
	began time.Time
	uri   string // of the folder

	mu      sync.Mutex
	ended   time.Time // guarded by mu; zero while it works
	details string    // guarded by mu
	failed  *apiError // guarded by mu
}

func (j *job) tell(details string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.details = details
}

func (j *job) end(details string, failed *apiError) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended, j.details, j.failed = time.Now(), details, failed
}

func (j *job) over() (ended time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ended
}

// jobs are those of one node. They end with it: the core has forgotten what was begun, and a caller who asks for a job of before
// hears that there is none.
type jobs struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	list map[string]*job // guarded by mu
}

func newJobs() *jobs {
	l := &jobs{list: map[string]*job{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// close ends what is under way and waits for it.
func (l *jobs) close() {
	l.cancel()
	l.wg.Wait()
}

// find answers a job of an HSM.
func (l *jobs) find(slot uint64, kind, id string) (*job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.list[strings.ToLower(id)]; j != nil && j.slot == slot && j.kind == kind {
		return j, nil
	}
	return nil, fault.ObjectUnknown.At("find job")
}

// working tells whether a job of an HSM is under way.
func (l *jobs) working(slot uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range l.list {
		if j.slot == slot && j.over().IsZero() {
			return true
		}
	}
	return false
}

// start runs work as a job. What work answers is what came of it, in words.
func (l *jobs) start(j *job, work func(ctx context.Context) (details string, err error)) {
	l.mu.Lock()
	l.room()
	l.list[j.id] = j
	l.mu.Unlock()
	l.wg.Go(func() {
		details, err := work(l.ctx)
		if err == nil {
			j.end(details, nil)
			return
		}
		if l.ctx.Err() != nil {
			err = fault.Unavailable.At("the node was stopped")
		}
		e := jobFault(err)
		j.end(e.message, e)
	})
}

// room forgets jobs that are over, the oldest first. The caller holds mu.
func (l *jobs) room() {
	for {
		var oldest *job
		for id, j := range l.list {
			ended := j.over()
			if ended.IsZero() {
				continue
			}
			if time.Since(ended) > jobsLast {
				delete(l.list, id)
			} else if oldest == nil || j.began.Before(oldest.began) {
				oldest = j
			}
		}
		if len(l.list) < maxJobs || oldest == nil {
			return
		}
		delete(l.list, oldest.id)
	}
}

// jobFault is an error in words that a job's status shows: the fault's, with the step that failed. What is no fault of ours comes from
// storage, or the way to it.
func jobFault(err error) *apiError {
	if fault.Of(err) == fault.Internal {
		return &apiError{code: "StorageFailed", message: "The storage could not be used: " + err.Error() + ".", cause: err}
	}
	e := *refusal(err, aKey)
	if e.message = err.Error(); len(e.message) > 1000 {
		e.message = e.message[:1000]
	}
	return &e
}
