// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	membership "github.com/genbu-hsm/genbu/internal/core/member"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/core/seal"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Handle answers the host's requests (docs/design/boundary.md). The host holds no login and gets nothing here that it
// could not get by waiting: no key, no PIN, no use.
func (c *Core) Handle(op uint16, body []byte) (answer []byte, err error) {
	began := c.meter.Now()
	defer func() { c.noteHost(op, err, began) }()
	switch op {
	case wire.OpPing:
		return body, nil
	case wire.OpConfigure:
		return c.configure(body)
	}
	if c.State() == wire.StateUnknown {
		return nil, fault.Unavailable.At("before Configure")
	}
	switch op {
	case wire.OpStatus:
		return c.status()
	case wire.OpDescribe:
		return c.describe(body)
	case wire.OpChanged:
		return nil, c.changed(body)
	case wire.OpHealthSign:
		return c.healthSign(body)
	case wire.OpMetrics:
		var w wire.Writer
		c.meter.Read().Encode(&w)
		return w.B, nil
	case wire.OpNodeCertificate:
		return c.nodeCertificate(body)
	case wire.OpNodeAddress:
		return nil, c.nodeAddress(body)
	case wire.OpBackup:
		return c.backup(body)
	case wire.OpVerify:
		return c.verify(body)
	case wire.OpRestore:
		return c.restore(body)
	case wire.OpPartitionBackup:
		return c.partitionBackup(body)
	case wire.OpPartitionRestore:
		return c.partitionRestore(body)
	case wire.OpClose: // the log takes nothing more, so nothing more is done
		return nil, c.log.Close(c.system.Now())
	}
	return nil, fault.Unsupported
}

// configure runs the self-tests and begins. A protection that is missing and was not accepted, or a self-test that
// fails, ends the process.
func (c *Core) configure(body []byte) ([]byte, error) {
	var config wire.Config
	r := wire.NewReader(body)
	config.Decode(&r)
	if err := r.End(); err != nil || c.State() != wire.StateUnknown {
		return nil, fault.Malformed.At("configure")
	}
	missing := c.sandbox
	if ssp.Erasure() != "runtime/secret" {
		missing.Missing = append(missing.Missing, "runtimesecret")
	}
	if err := missing.Check(config.Accepted); err != nil {
		c.system.After(answerTime, func() { c.system.Exit(wire.ExitConfig) })
		return nil, err
	}
	passed, failed := selfTest(config.Self)
	if failed != "" {
		c.state.Store(uint32(wire.StateError))
		process.Log("self-test failed: " + failed)
		c.system.After(answerTime, func() { c.system.Exit(wire.ExitSelfTest) })
		return nil, fault.SelfTestFailed.At("self-test " + failed)
	}
	report := Report{Sandbox: missing.Sandbox, Missing: missing.Missing, Memory: ssp.Kind(), Erasure: ssp.Erasure(),
		Module: provider(), SelfTests: passed}
	if err := c.Begin(config, report); err != nil {
		return nil, err
	}
	return c.status()
}

func (c *Core) status() ([]byte, error) {
	var w wire.Writer
	c.Status().Encode(&w)
	return w.B, nil
}

// KeeperCame tries the file keeper when its file arrives.
func (c *Core) KeeperCame() {
	c.change.Lock()
	defer c.change.Unlock()
	c.tryFile()
	c.tryTPMAtStart()
}

// tryFile unlocks by the keeper's file, if that is the keeper and nobody asked to stay locked. The caller holds change.
func (c *Core) tryFile() {
	if c.State() != wire.StateLocked || c.config.Hold || c.head.Keeper != seal.KeeperFile {
		return
	}
	err := c.unlockByFile()
	if fault.Of(err) == fault.RecordUnknown { // not passed yet
		return
	}
	e := wire.AuditEntry{Kind: wire.AuditState, Time: c.system.Now(), Call: uint16(wire.CallUnlock), Result: fault.Of(err), Text: "keeper file, at start"}
	c.log.Append(e, false)
	if err != nil {
		c.host.Log(wire.LogError, 0, "the keeper's file does not unlock the module: "+err.Error())
	}
}

// describe opens records for the host's index, each on its own: a refused one does not stop the others.
func (c *Core) describe(body []byte) ([]byte, error) {
	var ask wire.DescribeRequest
	r := wire.NewReader(body)
	ask.Decode(&r)
	if err := r.End(); err != nil {
		return nil, err
	}
	if c.State() != wire.StateOperational {
		return nil, c.notIn(c.State())
	}
	if ask.Fresh {
		for _, t := range c.all() {
			t.vault.CountAnew()
		}
	}
	reply := wire.DescribeReply{Items: make([]wire.Described, len(ask.Records))}
	for i, rec := range ask.Records {
		t, id, ok := c.place(rec.Path)
		if !ok {
			continue
		}
		meta, err := t.vault.Describe(rec, id)
		reply.Items[i] = wire.Described{Fault: fault.Of(err), Meta: meta}
	}
	var w wire.Writer
	reply.Encode(&w)
	return w.B, nil
}

// place finds the tenant and object that a path names: r/<partition>/o/<object>.
func (c *Core) place(path string) (t *tenant, id key.ID, ok bool) {
	part := strings.Split(path, "/")
	if len(part) != 4 || part[0] != "r" || part[2] != "o" {
		return nil, id, false
	}
	owner, ok1 := key.ParseID(part[1])
	id, ok2 := key.ParseID(part[3])
	if !ok1 || !ok2 {
		return nil, id, false
	}
	t, err := c.tenantByID(owner)
	return t, id, err == nil
}

// changed takes a hint of what another node changed. Whoever gets none from its host is told by the other core.
func (c *Core) changed(body []byte) error {
	var notice wire.ChangedRequest
	r := wire.NewReader(body)
	notice.Decode(&r)
	if err := r.End(); err != nil {
		return err
	}
	for _, path := range notice.Paths {
		if strings.HasPrefix(path, membership.NodePrefix) {
			go func() {
				defer process.LastWords()
				c.refreshNodes()
			}()
		}
		if id, ok := key.ParseID(strings.TrimPrefix(path, membership.AgentPrefix)); ok {
			go func() {
				defer process.LastWords()
				c.agentChanged(id)
			}()
		}
		if t, id, ok := c.place(path); ok {
			t.vault.Forget(id)
		}
		if partition, n, ok := seal.ParseChangePath(path); ok {
			c.hinted(partition, n+1) // what the other core tells is mostly here before
		}
		if t := c.accessOf(path); t != nil {
			go func() {
				defer process.LastWords()
				c.change.Lock()
				defer c.change.Unlock()
				t.loadAccess() // what cannot be read grants nothing
			}()
		}
	}
	return nil
}

func (c *Core) healthSign(challenge []byte) ([]byte, error) {
	c.mu.RLock()
	k := c.auditKey
	c.mu.RUnlock()
	if k == nil {
		return nil, c.notIn(c.State())
	}
	if len(challenge) > 256 {
		return nil, fault.ArgumentsBad.At("sign health challenge")
	}
	// Health is that keys can be used here, so a node whose lease is over is not well.
	if err := c.AwaitLease(); err != nil {
		return nil, err
	}
	sig, err := k.SignHealth(challenge)
	if err == nil {
		err = c.Leased()
	}
	return sig, err
}
