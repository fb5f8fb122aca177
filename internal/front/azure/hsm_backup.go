// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/key"
)

// Backup and restore of a managed HSM: long-running operations. The caller's right is checked by the core when one begins, and again when
// its status is asked for.

var aJob = noun{title: "Job", notFound: "JobNotFound"}

func backupOperations() []operation {
	return []operation{
		{"POST", "backup", aJob, hsmBackup, nil}, {"POST", "prebackup", aJob, hsmPreBackup, nil},
		{"PUT", "restore", aJob, hsmRestore, nil}, {"PUT", "prerestore", aJob, hsmPreRestore, nil},
		{"PUT", "keys/{n}/restore", aKey, keySelectiveRestore, nil},
		{"GET", "backup/{job}/pending", aJob, backupStatus, nil}, {"GET", "restore/{job}/pending", aJob, restoreStatus, nil},
	}
}

// folderPattern is a folder of a container: segments of a path that need no escape. More than one there is for clients that take the first
// segment of an address for the container, where the account is (Azurite).
var folderPattern = regexp.MustCompile(`^[A-Za-z0-9$][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,3}$`)

// jobStatus is a job as it is answered.
type jobStatus struct {
	Status  string         `json:"status"`
	Details *string        `json:"statusDetails"`
	Error   map[string]any `json:"error"`
	Start   int64          `json:"startTime"`
	End     *int64         `json:"endTime"`
	ID      string         `json:"jobId"`
	URI     string         `json:"azureStorageBlobContainerUri,omitempty"`
}

func (j *job) status() jobStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := jobStatus{Status: "InProgress", Start: j.began.Unix(), ID: j.id, URI: j.uri}
	if j.details != "" {
		details := j.details
		s.Details = &details
	}
	if j.ended.IsZero() {
		return s
	}
	end := j.ended.Unix()
	if s.Status, s.End = "Succeeded", &end; j.failed != nil {
		s.Status, s.Error = "Failed", j.failed.body()
	}
	return s
}

// managedHSM refuses what vaults do not have.
func (c *call) managedHSM() error {
	if c.host.kind != KindManagedHSM {
		return &apiError{http.StatusNotFound, "NotFound", "", "There is no such resource: it is one of managed HSMs.", nil}
	}
	return nil
}

// storage reads where a backup is, or is to be.
func (c *call) storage(o object) (at Storage) {
	at.URI = strings.TrimRight(o.text("storageResourceUri"), "/")
	token := o.text("token")
	managed := o.flag("useManagedIdentity")
	switch {
	case managed != nil && *managed:
		o.fail("useManagedIdentity", "is true, and this managed HSM has no managed identity: give a shared access signature")
	case at.URI == "":
		o.fail("storageResourceUri", "is required")
	case token == "":
		o.fail("token", "is required")
	}
	at.Token = opaque.New([]byte(token))
	return at
}

// where reads the body of a restore, in which storage is nested.
func (c *call) where(folder string) (at Storage, name string, err error) {
	o, err := c.body()
	if err != nil {
		return at, "", err
	}
	sas, ok := o.object("sasTokenParameters")
	if !ok {
		o.fail("sasTokenParameters", "is required")
		return at, "", o.end()
	}
	at, name = c.storage(sas), o.must(folder)
	if sas.end(); name != "" && !folderPattern.MatchString(name) {
		o.fail(folder, "is no folder of a container")
	}
	if err := o.end(); err != nil {
		return at, "", err
	}
	return at, name, c.mayStore(at)
}

func (c *call) mayStore(at Storage) error {
	if c.door.Archives == nil {
		return notSupported("This node keeps no backups.")
	}
	if err := c.door.Archives.Check(at); err != nil {
		return badParameter("%s.", capital(err.Error()))
	}
	return nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (c *call) newJob(kind, uri string) *job {
	id := make([]byte, 16)
	rand.Read(id)
	return &job{id: hex.EncodeToString(id), slot: c.vault.Slot, kind: kind, began: time.Now(), uri: uri}
}

// started answers 202, and where to ask how it goes.
func (c *call) started(j *job) error {
	c.w.Header().Set("Azure-AsyncOperation", c.host.base()+"/"+j.kind+"/"+j.id+"/pending?api-version="+c.query.apiVersion())
	c.w.Header().Set("Retry-After", "1")
	return c.answer(http.StatusAccepted, j.status())
}

// backup reads the body of a backup and names its folder.
func (c *call) backupTo() (at Storage, folder string, err error) {
	o, err := c.body()
	if err != nil {
		return at, "", err
	}
	at = c.storage(o)
	if err := o.end(); err != nil {
		return at, "", err
	}
	now := time.Now().UTC()
	return at, fmt.Sprintf("mhsm-%s-%s%02d", c.host.vault, now.Format("20060102150405"), now.Nanosecond()/10_000_000), c.mayStore(at)
}

// hsmBackup is FullBackup.
func hsmBackup(c *call) error {
	if err := c.managedHSM(); err != nil {
		return err
	}
	at, folder, err := c.backupTo()
	if err != nil {
		return err
	}
	if err := c.alone(client.BackupJobs); err != nil {
		return err
	}
	run, err := c.conn.PartitionBackup(c.vault.Slot)
	if err != nil {
		return underWay(err)
	}
	j, d, partition := c.newJob(backupJobs, at.URI+"/"+folder), c.door, c.vault.Partition
	d.jobs.start(j, func(ctx context.Context) (string, error) {
		defer at.Token.Clear()
		return "", d.Archives.Backup(ctx, run, partition, at, folder, j.tell)
	})
	return c.started(j)
}

// alone refuses a second backup or restore, to who may begin one. The core does so as well, until its part is done; a backup's way to its
// storage comes after that.
func (c *call) alone(right uint64) error {
	if err := c.conn.PartitionJobs(c.vault.Slot, right); err != nil {
		return err
	}
	if c.door.jobs.working(c.vault.Slot) {
		return underWay(fault.Conflict)
	}
	return nil
}

// hsmPreBackup is PreFullBackup: whether the caller may, and whether the storage would take it.
func hsmPreBackup(c *call) error {
	if err := c.managedHSM(); err != nil {
		return err
	}
	at, folder, err := c.backupTo()
	if err != nil {
		return err
	}
	if err := c.conn.PartitionJobs(c.vault.Slot, client.BackupJobs); err != nil {
		return err
	}
	j, d := c.newJob(backupJobs, at.URI), c.door
	d.jobs.start(j, func(ctx context.Context) (string, error) {
		defer at.Token.Clear()
		return "", d.Archives.Probe(ctx, at, folder)
	})
	return c.started(j)
}

// hsmRestore is FullRestore.
func hsmRestore(c *call) error { return c.restoreJob("folderToRestore", false, "") }

// hsmPreRestore is PreFullRestore: everything is opened and checked, and nothing changed.
func hsmPreRestore(c *call) error { return c.restoreJob("folderToRestore", true, "") }

// keySelectiveRestore is SelectiveKeyRestore.
func keySelectiveRestore(c *call) error { return c.restoreJob("folder", false, c.name) }

func (c *call) restoreJob(folder string, look bool, name string) error {
	if err := c.managedHSM(); err != nil {
		return err
	}
	at, from, err := c.where(folder)
	if err != nil {
		return err
	}
	if err := c.alone(client.RestoreJobs); err != nil {
		return err
	}
	var run key.ID
	if run, err = c.conn.PartitionRestore(c.vault.Slot, look, name); err != nil {
		return underWay(err)
	}
	j, d := c.newJob(restoreJobs, at.URI+"/"+from), c.door
	d.jobs.start(j, func(ctx context.Context) (string, error) {
		defer at.Token.Clear()
		return d.Archives.Restore(ctx, run, at, from, look, j.tell)
	})
	return c.started(j)
}

// backupStatus is FullBackupStatus.
func backupStatus(c *call) error { return c.jobStatus(backupJobs, client.BackupJobs) }

// restoreStatus is RestoreStatus, of selective restores too.
func restoreStatus(c *call) error { return c.jobStatus(restoreJobs, client.RestoreJobs) }

func (c *call) jobStatus(kind string, right uint64) error {
	if err := c.managedHSM(); err != nil {
		return err
	}
	if err := c.conn.PartitionJobs(c.vault.Slot, right); err != nil {
		return err
	}
	j, err := c.door.jobs.find(c.vault.Slot, kind, c.job)
	if err != nil {
		return err
	}
	s := j.status()
	if s.End == nil {
		c.w.Header().Set("Retry-After", "1")
	}
	return c.answer(http.StatusOK, s)
}
