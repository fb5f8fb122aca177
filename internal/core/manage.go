// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// states is a set of module states.
type states uint8

func in(list ...wire.State) (s states) {
	for _, one := range list {
		s |= 1 << one
	}
	return s
}

func (s states) has(one wire.State) bool { return s&(1<<one) != 0 }

// Who may ask, besides being logged in where that is needed.
type right uint8

const (
	anybody  right = iota
	domain         // an admin of the domain
	admin          // an admin of the partition named, or of the domain; the handler asks once it knows which
	keyOwner       // a crypto-user; the handler asks core/policy about the object
	granted        // an admin, or who else may do it; the handler asks
)

// row is one management call (docs/design/management.md).
type row struct {
	open states
	who  right
	run  func(m *manager) error
}

var (
	everywhere  = in(wire.StateUninitialized, wire.StateLocked, wire.StateOperational, wire.StateError, wire.StateZeroized)
	operational = in(wire.StateOperational)
	closed      = in(wire.StateUninitialized, wire.StateLocked, wire.StateZeroized) // a domain may be brought
)

// management is every call from 0x80 on, with the states in which it is open and who may ask.
var management map[wire.Call]row

func init() { // a map literal would refer to itself through the handlers
	management = map[wire.Call]row{
		wire.CallStatus:           {everywhere, anybody, (*manager).status},
		wire.CallInit:             {in(wire.StateUninitialized), anybody, (*manager).init},
		wire.CallUnlock:           {in(wire.StateLocked), anybody, (*manager).unlock},
		wire.CallLock:             {operational, domain, (*manager).lock},
		wire.CallZeroize:          {operational, domain, (*manager).zeroize},
		wire.CallRekeep:           {operational, domain, (*manager).rekeep},
		wire.CallPartitionCreate:  {operational, domain, (*manager).partitionCreate},
		wire.CallPartitionList:    {operational, anybody, (*manager).partitionList},
		wire.CallPartitionSet:     {operational, admin, (*manager).partitionSet},
		wire.CallPartitionDestroy: {operational, domain, (*manager).partitionDestroy},
		wire.CallOperatorCreate:   {operational, admin, (*manager).operatorCreate},
		wire.CallOperatorList:     {operational, admin, (*manager).operatorList},
		wire.CallOperatorSet:      {operational, admin, (*manager).operatorSet},
		wire.CallOperatorDestroy:  {operational, admin, (*manager).operatorDestroy},
		wire.CallKeyShare:         {operational, keyOwner, (*manager).keyShare},
		wire.CallKeyState:         {operational, keyOwner, (*manager).keyState},
		wire.CallAuditNote:        {operational, domain, (*manager).auditNote},
		wire.CallAuditHead:        {operational, domain, (*manager).auditHead},
		wire.CallDomainDownload:   {operational, domain, (*manager).domainDownload},
		wire.CallDomainTransfer:   {closed, anybody, (*manager).domainTransfer},
		wire.CallDomainUpload:     {closed, anybody, (*manager).domainUpload},
		wire.CallDomainKeeper:     {closed, anybody, (*manager).domainKeeper},
		wire.CallReplicaGive:      {operational, keyOwner, (*manager).replicaGive},
		wire.CallReplicaTake:      {operational, keyOwner, (*manager).replicaTake},
		wire.CallRecordDigests:    {operational, domain, (*manager).recordDigests},
		wire.CallTokenCreate:      {operational, domain, (*manager).tokenCreate},
		wire.CallTokenList:        {operational, domain, (*manager).tokenList},
		wire.CallTokenRevoke:      {operational, domain, (*manager).tokenRevoke},
		wire.CallJoin:             {in(wire.StateUninitialized), anybody, (*manager).join},
		wire.CallMembers:          {operational, anybody, (*manager).memberTable},
		wire.CallApprove:          {operational, domain, (*manager).approve},
		wire.CallNodeUnlock:       {operational, granted, (*manager).nodeUnlock},
		wire.CallMemberRemove:     {operational, domain, (*manager).memberRemove},
		wire.CallClusterPolicy:    {operational, anybody, (*manager).clusterPolicy},
		wire.CallClusterSet:       {operational, domain, (*manager).clusterSet},
		wire.CallAgentList:        {operational, domain, (*manager).agentList},
		wire.CallAgentSet:         {operational, domain, (*manager).agentSet},
		wire.CallAgentRemove:      {operational, domain, (*manager).agentRemove},
		wire.CallTokenIssue:       {operational, anybody, (*manager).tokenIssue},
		wire.CallCredentialAdd:    {operational, admin, (*manager).credentialAdd},
		wire.CallCredentialList:   {operational, admin, (*manager).credentialList},
		wire.CallCredentialRemove: {operational, admin, (*manager).credentialRemove},
		wire.CallSettingsGet:      {operational, anybody, (*manager).settingsGet},
		wire.CallSettingsSet:      {operational, admin, (*manager).settingsSet},
		wire.CallRoleList:         {operational, granted, (*manager).roleList},
		wire.CallRolePut:          {operational, granted, (*manager).rolePut},
		wire.CallRoleRemove:       {operational, granted, (*manager).roleRemove},
		wire.CallAssignmentList:   {operational, granted, (*manager).assignmentList},
		wire.CallAssignmentPut:    {operational, granted, (*manager).assignmentPut},
		wire.CallAssignmentRemove: {operational, granted, (*manager).assignmentRemove},
		wire.CallVaultCreate:      {operational, granted, (*manager).vaultCreate},
		wire.CallVaultList:        {operational, granted, (*manager).vaultList},
		wire.CallVaultSet:         {operational, granted, (*manager).vaultSet},
		wire.CallVaultDelete:      {operational, granted, (*manager).vaultDelete},
		wire.CallVaultRecover:     {operational, granted, (*manager).vaultRecover},
		wire.CallVaultPurge:       {operational, granted, (*manager).vaultPurge},
		wire.CallPartitionBackup:  {operational, granted, (*manager).partitionBackup},
		wire.CallPartitionRestore: {operational, granted, (*manager).partitionRestore},
		wire.CallPartitionJobs:    {operational, granted, (*manager).partitionJobs},

		wire.CallHsmDomainDownload: {operational, granted, (*manager).hsmDomainDownload},
		wire.CallHsmDomainTransfer: {operational, granted, (*manager).hsmDomainTransfer},
		wire.CallHsmDomainUpload:   {operational, granted, (*manager).hsmDomainUpload},
		wire.CallHsmDomainState:    {operational, granted, (*manager).hsmDomainState},
	}
}

// withoutLease are the calls that a node answers when it is cut off too: they tell of this node alone, or end something, or are
// what brings it back. (Not REKEEP: who gets the root key must be an admin still.)
var withoutLease = map[wire.Call]bool{
	wire.CallStatus: true, wire.CallInit: true, wire.CallUnlock: true, wire.CallLock: true, wire.CallZeroize: true,
	wire.CallPartitionList: true, wire.CallAuditNote: true, wire.CallAuditHead: true,
	wire.CallMembers: true, wire.CallNodeUnlock: true, wire.CallJoin: true, wire.CallClusterPolicy: true,
}

// manager is one management call on its way.
type manager struct {
	core *Core
	call wire.Call
	at   *channel.ManageContext
	r    wire.Reader
	w    wire.Writer
	who  channel.Identity // set once the right was shown
}

// Manage answers the calls from 0x80 on.
func (c *Core) Manage(call uint16, at *channel.ManageContext, body []byte) ([]byte, error) {
	row, ok := management[wire.Call(call)]
	if !ok {
		return nil, fault.Unsupported
	}
	if state := c.State(); !row.open.has(state) {
		return nil, c.notIn(state)
	}
	m := &manager{core: c, call: wire.Call(call), at: at, r: wire.NewReader(body)}
	if c.State() == wire.StateOperational && !withoutLease[m.call] {
		if err := c.AwaitLease(); err != nil {
			return nil, err
		}
	}
	if row.who == domain {
		if err := m.mustBeDomainAdmin(); err != nil {
			return nil, err
		}
	}
	err := row.run(m)
	return m.w.B, err
}

func (c *Core) notIn(state wire.State) error {
	switch state {
	case wire.StateUninitialized:
		return fault.Uninitialized
	case wire.StateLocked:
		return fault.Locked
	case wire.StateZeroized:
		return fault.Zeroized
	case wire.StateOperational:
		return fault.AlreadyInitialized
	}
	return fault.SelfTestFailed
}

func (m *manager) mustBeDomainAdmin() error {
	if who := m.at.Who(0); who != nil && who.Role == channel.RoleAdmin {
		m.who = *who
		return nil
	} else if who != nil && who.Limits != nil {
		return m.refuse(fault.Denied.At("act as admin of the domain"))
	}
	return m.refuse(fault.NotLoggedIn.At("act as admin of the domain"))
}

// mustAdmin asks for an admin of the tenant, or of the domain.
func (m *manager) mustAdmin(t *tenant) error {
	if who := m.at.Who(t.settings().slot); who != nil && who.Role == channel.RoleAdmin {
		m.who = *who
		return nil
	}
	return m.mustBeDomainAdmin()
}

// refuse writes the refusal into the audit log.
func (m *manager) refuse(err error) error {
	m.core.log.Append(wire.AuditEntry{Kind: wire.AuditRefusal, Time: m.core.system.Now(), Door: m.at.Peer.Door, UID: m.at.Peer.UID,
		PID: m.at.Peer.PID, Call: uint16(m.call), Result: fault.Of(err), Request: m.at.Request}, false)
	return err
}

// did writes the outcome of a management act into the audit log, on disk before the answer.
func (m *manager) did(t *tenant, kind wire.AuditKind, text string, err error) error {
	if failed := m.core.log.Append(m.entry(t, kind, text, err), true); err == nil {
		err = failed
	}
	return err
}

// done is did for an act that is committed when err says so: should the log not take it, it has happened all the same.
func (m *manager) done(t *tenant, kind wire.AuditKind, text string, err error) error {
	return m.core.noted(m.entry(t, kind, text, err), err)
}

// noted writes the outcome of an act that commits something, on disk before the answer. An act that is done and not in the log
// is of unknown outcome to whoever asked for it: he must look, and not think that nothing happened.
func (c *Core) noted(e wire.AuditEntry, err error) error {
	if failed := c.log.Append(e, true); failed != nil && err == nil {
		return fault.OutcomeUnknown.At("note what was done: " + failed.Error())
	}
	return err
}

func (m *manager) entry(t *tenant, kind wire.AuditKind, text string, err error) wire.AuditEntry {
	e := wire.AuditEntry{Kind: kind, Time: m.core.system.Now(), Operator: m.who.Operator, Role: uint8(m.who.Role), Door: m.at.Peer.Door,
		UID: m.at.Peer.UID, PID: m.at.Peer.PID, Call: uint16(m.call), Result: fault.Of(err), Request: m.at.Request, Text: text}
	if t != nil {
		e.Partition = t.id
	}
	return e
}
