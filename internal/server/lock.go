// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Files within a node's directory that the command line reads.
const (
	CAFile      = caFile
	HostPIDFile = "run/host.pid"
	CorePIDFile = "run/core.pid"
	URLFile     = "run/url"
	// ControlFile is the socket of the host's own door.
	ControlFile = "run/control.sock"
	// AuditKeyFile holds the public key of the node's audit log, in hex.
	AuditKeyFile = "audit.pub"
	lockFile     = "run/lock"
	nodeFile     = "node"     // this node's id, 32 hex digits
	heldFile     = "run/held" // there while an operator's lock outlives the core and the host
)

// ErrRunning means that another process serves this directory.
var ErrRunning = errors.New("a node runs in this directory already")

// lockWait is for a host that was killed while it was starting a core: its child has the lock's descriptor until it
// becomes a core, or dies after its parent.
const lockWait = 3 * time.Second

// lock takes the directory for this process, for as long as it lives: the kernel gives the lock back at any kind of end.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	for end := time.Now().Add(lockWait); errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// Exists tells whether there is a node in dir, running or not: one that ever began to serve has drawn its id.
func Exists(dir string) bool { return exists(filepath.Join(dir, nodeFile)) }

// Running tells whether a node serves dir.
func Running(dir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
