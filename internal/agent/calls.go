// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"strings"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// place says who answers a call.
type place uint8

const (
	placeUnknown  place = iota
	placeHere           // the agent
	placeNode           // any node, without an application
	placeAnywhere       // any node where the application is mirrored; it leaves nothing behind there
	placeHome           // the application's home
	placeRefused        // no node in particular is meant, and the call is about one
)

// row is what the agent knows of a call beside its signature.
type row struct {
	spec    wire.CallSpec
	place   place
	again   bool // may be made twice: the second time changes nothing, or nothing that lasts
	session bool // the first field is a session
	manage  bool
	run     func(c *channel, ctx context.Context, q request) (*reply, error) // where there is more to do than to pass it on
}

// special are the PKCS #11 calls. again is the C library's list (pkcs11/call.c): what it repeats after a lost connection.
var special = map[wire.Call]row{
	wire.CallHello:        {place: placeHere, run: (*channel).hello},
	wire.CallAgentStatus:  {place: placeHere, run: (*channel).agentStatus},
	wire.CallSlots:        {place: placeNode, again: true},
	wire.CallMechanisms:   {place: placeNode, again: true},
	wire.CallSealKey:      {place: placeRefused},
	wire.CallStatus:       {place: placeNode, again: true},
	wire.CallSessionOpen:  {place: placeHome, again: true, run: (*channel).sessionOpen},
	wire.CallSessionClose: {place: placeHome, again: true, run: (*channel).sessionClose},
	wire.CallLogin:        {place: placeHome, run: (*channel).logIn},
	wire.CallLogout:       {place: placeHome, again: true, run: (*channel).logOut},
	wire.CallResume:       {place: placeHome, again: true, run: (*channel).resume},
	wire.CallInitToken:    {place: placeHome, run: (*channel).initToken},

	wire.CallSize:    {place: placeAnywhere, again: true},
	wire.CallGet:     {place: placeAnywhere, again: true},
	wire.CallSummary: {place: placeAnywhere, again: true},
	wire.CallWrap:    {place: placeAnywhere, again: true},
	wire.CallRandom:  {place: placeAnywhere, again: true},
	wire.CallSeed:    {place: placeAnywhere, again: true},

	wire.CallEncrypt:    {place: placeAnywhere, again: true},
	wire.CallDecrypt:    {place: placeAnywhere, again: true},
	wire.CallSign:       {place: placeAnywhere, again: true},
	wire.CallVerify:     {place: placeAnywhere, again: true},
	wire.CallDigest:     {place: placeAnywhere, again: true},
	wire.CallMsgEncrypt: {place: placeAnywhere, again: true},
	wire.CallMsgDecrypt: {place: placeAnywhere, again: true},

	wire.CallFind:     {place: placeAnywhere, again: true, run: (*channel).find},
	wire.CallFindNext: {place: placeHome, run: (*channel).findNext},
	wire.CallFindEnd:  {place: placeHome, again: true, run: (*channel).findNext},

	wire.CallBegin:     {place: placeHome, run: (*channel).begin},
	wire.CallUpdate:    {place: placeHome, run: (*channel).part},
	wire.CallFinal:     {place: placeHome, run: (*channel).part},
	wire.CallCancel:    {place: placeHome, again: true, run: (*channel).part},
	wire.CallDigestKey: {place: placeHome, run: (*channel).part},
	wire.CallSave:      {place: placeHome, again: true, run: (*channel).part},
	wire.CallRestore:   {place: placeHome, again: true, run: (*channel).begin},

	wire.CallMembers:       {place: placeHome, again: true},
	wire.CallClusterPolicy: {place: placeHome, again: true},
	wire.CallTokenList:     {place: placeHome, again: true},
	wire.CallAgentList:     {place: placeHome, again: true},
	wire.CallPartitionList: {place: placeHome, again: true},
	wire.CallOperatorList:  {place: placeHome, again: true},
	wire.CallVaultList:     {place: placeHome, again: true},
	wire.CallAuditHead:     {place: placeHome, again: true},

	wire.CallInit:    {place: placeRefused},
	wire.CallUnlock:  {place: placeRefused},
	wire.CallLock:    {place: placeRefused},
	wire.CallZeroize: {place: placeRefused},
	wire.CallRekeep:  {place: placeRefused},
	wire.CallJoin:    {place: placeRefused},

	wire.CallDomainTransfer: {place: placeRefused},
	wire.CallDomainUpload:   {place: placeRefused},
	wire.CallDomainKeeper:   {place: placeRefused},
}

// rows is every call of the wire's table. What special does not name changes something: it is sent once, to the home.
var rows = make(map[wire.Call]*row, len(wire.Calls))

func init() { // a literal would refer to itself through the handlers
	for _, spec := range wire.Calls {
		r, ok := special[spec.Call]
		if !ok {
			r.place = placeHome
		}
		r.spec = spec
		r.manage = spec.Manage != ""
		r.session = withSession(spec)
		rows[spec.Call] = &r
	}
}

// withSession tells whether the first field is a session: of all PKCS #11 calls about objects and operations, and of a few
// management calls.
func withSession(s wire.CallSpec) bool {
	switch s.Call {
	case wire.CallHello, wire.CallSlots, wire.CallMechanisms, wire.CallSealKey, wire.CallSessionOpen, wire.CallSessionClose, wire.CallResume,
		wire.CallInitToken:
		return false
	case wire.CallKeyShare, wire.CallKeyState:
		return true
	}
	return s.Manage == "" && strings.HasPrefix(s.Request, "u")
}
