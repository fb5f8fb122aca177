// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// states is the set of module states in which a call is open.
type states uint8

const (
	inAny         states = 0xFF
	inOperational states = 1 << wire.StateOperational
)

// open tells whether a call is open in a state; the fault names the state that it is not.
func (r *row) open(s wire.State) error {
	if r.states&(1<<s) != 0 {
		return nil
	}
	switch s {
	case wire.StateUninitialized:
		return fault.Uninitialized.At("check module state")
	case wire.StateLocked:
		return fault.Locked.At("check module state")
	case wire.StateZeroized:
		return fault.Zeroized.At("check module state")
	case wire.StateError:
		return fault.SelfTestFailed.At("check module state")
	}
	return fault.Unavailable.At("check module state")
}

// needs is what a call must have before its handler runs. What it needs of a particular object, policy says.
type needs uint8

const (
	needNothing needs = iota
	needApp           // HELLO was said
	needLogin         // somebody is logged in on the session that the call names first
	needOfficer       // and it is the security officer
)

// row is one call: what the channel knows before it runs the handler.
type row struct {
	call   wire.Call
	states states
	needs  needs
	run    func(c *channel) error
	name   string // filled from the wire's table
}

// The module answers the calls from firstManage on, and checks their states and roles itself (docs/design/management.md).
const firstManage = wire.CallStatus

var table = map[wire.Call]*row{}

func init() {
	for _, r := range []row{
		{wire.CallHello, inAny, needNothing, hello, ""},
		{wire.CallSlots, inAny, needNothing, slots, ""},
		{wire.CallMechanisms, inAny, needNothing, mechanisms, ""},
		{wire.CallSessionOpen, inOperational, needApp, sessionOpen, ""},
		{wire.CallSessionClose, inAny, needApp, sessionClose, ""},
		{wire.CallLogin, inOperational, needApp, logIn, ""},
		{wire.CallLogout, inAny, needLogin, logOut, ""},
		{wire.CallResume, inOperational, needApp, resume, ""},
		{wire.CallInitToken, inOperational, needApp, initToken, ""},
		{wire.CallInitPin, inOperational, needOfficer, initPIN, ""},
		{wire.CallSetPin, inOperational, needApp, setPIN, ""},
		{wire.CallSealKey, inAny, needNothing, sealKey, ""},

		{wire.CallCreate, inOperational, needApp, create, ""},
		{wire.CallCopy, inOperational, needApp, copyObject, ""},
		{wire.CallDestroy, inOperational, needApp, destroy, ""},
		{wire.CallSize, inOperational, needApp, size, ""},
		{wire.CallGet, inOperational, needApp, get, ""},
		{wire.CallSet, inOperational, needApp, set, ""},
		{wire.CallFind, inOperational, needApp, find, ""},
		{wire.CallFindNext, inOperational, needApp, findNext, ""},
		{wire.CallFindEnd, inOperational, needApp, findEnd, ""},
		{wire.CallSummary, inOperational, needApp, summary, ""},

		{wire.CallGenerate, inOperational, needApp, generate, ""},
		{wire.CallGeneratePair, inOperational, needApp, generatePair, ""},
		{wire.CallWrap, inOperational, needApp, wrapKey, ""},
		{wire.CallUnwrap, inOperational, needApp, unwrapKey, ""},
		{wire.CallDerive, inOperational, needApp, derive, ""},
		{wire.CallEncapsulate, inOperational, needApp, encapsulate, ""},
		{wire.CallDecapsulate, inOperational, needApp, decapsulate, ""},
		{wire.CallRandom, inOperational, needApp, random, ""},
		{wire.CallSeed, inOperational, needApp, seed, ""},

		{wire.CallEncrypt, inOperational, needApp, encrypt, ""},
		{wire.CallDecrypt, inOperational, needApp, decrypt, ""},
		{wire.CallSign, inOperational, needApp, sign, ""},
		{wire.CallVerify, inOperational, needApp, verify, ""},
		{wire.CallDigest, inOperational, needApp, digest, ""},
		{wire.CallMsgEncrypt, inOperational, needApp, sealMessage, ""},
		{wire.CallMsgDecrypt, inOperational, needApp, openMessage, ""},

		{wire.CallBegin, inOperational, needApp, begin, ""},
		{wire.CallUpdate, inOperational, needApp, update, ""},
		{wire.CallFinal, inOperational, needApp, final, ""},
		{wire.CallCancel, inOperational, needApp, cancel, ""},
		{wire.CallDigestKey, inOperational, needApp, digestKey, ""},
		{wire.CallSave, inOperational, needApp, save, ""},
		{wire.CallRestore, inOperational, needApp, restore, ""},

		{wire.CallOperate, inOperational, needApp, operate, ""},
		{wire.CallNameList, inOperational, needApp, nameList, ""},
		{wire.CallNameGet, inOperational, needApp, nameGet, ""},
		{wire.CallNameDelete, inOperational, needApp, nameDelete, ""},
		{wire.CallNameRecover, inOperational, needApp, nameRecover, ""},
		{wire.CallNamePurge, inOperational, needApp, namePurge, ""},
		{wire.CallNameBackup, inOperational, needApp, nameBackup, ""},
		{wire.CallNameRestore, inOperational, needApp, nameRestore, ""},
		{wire.CallRelease, inOperational, needApp, release, ""},
		{wire.CallKeyAttest, inOperational, needApp, attest, ""},
		{wire.CallCertify, inOperational, needApp, certify, ""},
		{wire.CallCertFile, inOperational, needApp, file, ""},
	} {
		r.name = r.call.String()
		table[r.call] = &r
	}
	for _, s := range wire.Calls {
		if s.Call >= firstManage {
			table[s.Call] = &row{s.Call, inAny, needNothing, manage, s.Name}
		}
	}
}

// leased tells whether a call goes by what the module knows of keys and operators: it needs a lease when it begins and, unless
// it has committed something meanwhile, when its answer leaves. Every call does that works in a session, but for those that
// only end something or use no key. A login asks for itself, since an admin of the domain may log in without (logIn).
func (r *row) leased() bool {
	switch r.call {
	case wire.CallLogin, wire.CallSessionOpen, wire.CallFindEnd, wire.CallRandom, wire.CallSeed, wire.CallDigest, wire.CallCancel, wire.CallSave, wire.CallRestore:
		return false
	}
	return r.needs >= needApp && r.states == inOperational
}

// refusals are the faults that go into the audit log as refusals: somebody asked for what the rules do not give him. A
// use of a key is audited with its own fault, and logins by the module.
var refusals = map[fault.Code]bool{
	fault.Denied: true, fault.NotLoggedIn: true, fault.SessionReadOnly: true, fault.ActionProhibited: true,
	fault.KeyUsageForbidden: true, fault.KeyDisabled: true, fault.KeyUnextractable: true, fault.KeyNotWrappable: true,
	fault.NotApproved: true, fault.QuotaExceeded: true, fault.AttributeReadOnly: true, fault.AttributeSensitive: true,
}
