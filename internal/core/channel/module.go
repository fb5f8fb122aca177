// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/object"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Module is what the channels need of the rest of the core. The core implements it; channels call it from many
// goroutines at once, one per channel. Errors are fault codes. Slices given to a method are valid during the call only,
// because they lie in a channel's request buffer, which is zeroed when the call is answered.
type Module interface {
	State() wire.State
	Fast() bool
	FIPS() bool
	Epoch() [16]byte // drawn anew by each start of the core
	Now() int64      // unix seconds
	Clock() int64    // the same in nanoseconds
	Boot() int64     // seconds on a clock that nobody sets, for how long something has been so

	// AwaitLease and Leased tell, before a call and before its answer leaves, whether what the module knows of keys and
	// operators is still true: LeaseExpired on a node that is cut off from the majority of several. Before a call it may wait
	// a moment. A lone node pays one load.
	AwaitLease() error
	Leased() error

	// Tokens lists the partitions that clients may see, ordered by slot; the domain (slot 0) is not among them.
	Tokens() []Token
	// Token finds one, slot 0 too; PartitionUnknown when there is none.
	Token(slot uint64) (Token, error)

	// The module writes the audit entries of the next five itself, whatever comes of them.

	// Login checks the evidence, having charged the try durably before, and answers who it is with a ticket that Resume
	// takes. user is UserOfficer, UserCrypto or UserContext; with UserContext name is the operator logged in before, and the
	// identity must be the same again. An empty name with a pin of the form name:pin names the operator. A wrong PIN is a
	// *fault.Error with Left. With UserContext the pin may have the form name:pin too, since programs give the same string
	// again.
	Login(peer Peer, slot, user uint64, name string, pin []byte) (Identity, []byte, error)
	Resume(peer Peer, slot uint64, ticket []byte) (Identity, error)

	// InitToken empties the partition and sets its label and security officer's PIN (C_InitToken), where its policy allows
	// it. The channel has made sure that no session is open on the slot.
	InitToken(peer Peer, slot uint64, pin, label []byte) error
	InitPIN(who Identity, slot uint64, pin []byte) error // by the security officer: the user's PIN
	// SetPIN changes the PIN of who, or of the partition's user when nobody is logged in (who is nil).
	SetPIN(peer Peer, who *Identity, slot uint64, old, pin []byte) error

	// Record writes a management act or a refusal into the audit log: durable on return when e.Refused is OK.
	Record(e AuditEntry) error

	// Used notes one use of a key. It is called after the use and before the answer leaves; an error withholds the
	// answer. By setting of the partition the use is counted, or an entry of its own, on disk on return. A use that failed
	// comes here too, with its code; one that the policy refused comes to Record. Digests and random bytes use no key.
	Used(u Use) error

	// Manage answers the calls from 0x80 on (docs/design/management.md). body is the request; the answer is copied by the
	// caller and zeroed. The module audits these itself.
	Manage(call uint16, c *ManageContext, body []byte) ([]byte, error)

	// Rest seals secret into o.Resting, for an object that is not published yet and rests in memory only; Open gives the
	// material back for the length of f. Both are called inside ssp.Do. What Rest sealed cannot be opened after the module
	// was locked.
	Rest(o *object.Object, secret []byte) error
	Open(o *object.Object, f func(m mech.Material) error) error

	// Fail is called when a new pair has failed its pairwise test: the module enters the error state, and in service does
	// not return.
	Fail(test string)

	// Log writes to the debug log: the request id that the client was told and why. text carries no secret.
	Log(request uint64, text string)

	// SealKey is the key of this run of the core to which clients seal requests with secrets in them; Unseal opens one, inside
	// ssp.Do by itself.
	SealKey() []byte
	Unseal(call wire.Call, sequence uint32, sealed []byte) ([]byte, error)

	// Vouch signs claims in the domain's name, as a JWS whose certificates lead to the domain's CA; Issuer is that name, and
	// Version the module's. The first statement of a domain takes seconds.
	Vouch(kind string, claims *jose.Writer) (string, error)
	Issuer() string
	Version() string

	// Mark and Marked make and check a MAC over the bytes that a client keeps for us (saved operation state), under a key of
	// this run of the core.
	Mark(b []byte) [32]byte
	Marked(b []byte, mac []byte) bool
}

// Objects are the token objects of one partition, as core/vault keeps them. An *object.Object that it answers is shared
// and never changed by anybody; a change is a new Object given to Update.
type Objects interface {
	// Load answers the object of a handle, from memory or through the host; ObjectUnknown when there is none. It may wait
	// for the host; no other channel waits with it.
	Load(handle uint64) (*object.Object, error)

	// Find answers up to limit objects after the id given, in the order of ids, that the index finds for q, and whether
	// there may be more. They are candidates: the caller matches and filters them. The zero id begins.
	Find(q wire.Query, after key.ID, limit int) ([]*object.Object, bool, error)

	// Create seals and commits all or nothing: durable on return. The objects have their ids; what is answered has its
	// Version and Resting too. The caller is inside ssp.Do, for the sake of the material.
	Create(who Identity, objs []NewObject) ([]*object.Object, error)

	// Update replaces old by new (same id, same material); Conflict when somebody else was first.
	Update(who Identity, old, new *object.Object) error

	// Destroy stops all use, then commits.
	Destroy(who Identity, o *object.Object) error

	// Key answers the parsed key. The caller is inside ssp.Do in strict mode, and release ends the use; in fast mode it may
	// answer a parsed key that it keeps, and is then called outside of ssp.Do. KeyDisabled when its state forbids use.
	Key(o *object.Object) (k mech.Key, release func(), err error)

	// Material opens the object's material for the length of f, inside ssp.Do.
	Material(o *object.Object, f func(m mech.Material) error) error

	// Names answers the objects that the index proposes for q, q moved on behind them, and whether there may be more. They
	// are candidates, too.
	Names(q wire.FindNamesRequest) ([]*object.Object, wire.FindNamesRequest, bool, error)

	// Retention is for how many days the partition keeps what is deleted (0: not at all), and whether nobody may purge it
	// before.
	Retention() (days int64, protected bool)

	// SealBackup seals a backup for the security domain, OpenBackup opens one. The caller is inside ssp.Do.
	SealBackup(plain []byte) ([]byte, error)
	OpenBackup(blob []byte) ([]byte, error)

	// Attest checks an attestation token against a key's release policy and answers the public key, RSA, of the environment
	// that it attests to, with its name.
	Attest(release []byte, token string) (to mech.Material, kid string, err error)

	// Address is where the web doors have the partition: the beginning of its keys' ids.
	Address() string
}

// Identity is who a login is.
type Identity = policy.Identity

// Roles, as management calls number them.
const (
	RoleAdmin   = policy.RoleAdmin
	RoleUser    = policy.RoleUser
	RoleAuditor = policy.RoleAuditor
)

// NewObject is an object to be created: attributes and, for keys, material (valid during the call).
type NewObject struct {
	Object   *object.Object
	Material mech.Material
}

// Peer is who is at a channel's other end. Of a local client the host asserts it, and the core cannot check it; an agent has
// shown a certificate, and then UID and PID are the first eight bytes of its id, for the audit log, and assert nothing.
type Peer struct {
	Door  uint8
	UID   uint32
	GID   uint32
	PID   uint32
	Agent key.ID // zero for a local client
}

// owner is whom applications and channels are counted for, and who may join an application.
type owner struct {
	uid   uint32
	agent key.ID
}

func (p Peer) owner() owner { return owner{p.UID, p.Agent} }

// User types of C_Login.
const (
	UserOfficer uint64 = 0 // CKU_SO
	UserCrypto  uint64 = 1 // CKU_USER
	UserContext uint64 = 2 // CKU_CONTEXT_SPECIFIC
)

// Token flags the channel reads itself (CKF_* of CK_TOKEN_INFO).
const (
	FlagWriteProtected   uint64 = 0x00000002
	FlagLoginRequired    uint64 = 0x00000004
	FlagTokenInitialized uint64 = 0x00000400
)

// Token is one partition as a slot and token.
type Token struct {
	Slot           uint64
	Partition      key.ID
	Label          []byte
	Serial         []byte
	Flags          uint64 // CKF_* of CK_TOKEN_INFO
	MinPIN, MaxPIN uint64
	Free           uint64 // objects that still fit its quota
	Objects        Objects
}

// AuditEntry is one act or refusal. The acts are changes of token objects, keys wrapped out, and logouts.
type AuditEntry struct {
	Request   uint64
	Call      wire.Call
	Peer      Peer
	Partition key.ID
	Operator  key.ID // zero when nobody was logged in
	Role      uint64 // of the operator
	Object    key.ID
	Mechanism key.Mechanism
	Refused   fault.Code // OK for an act that was done
}

// Use is one use of a key.
type Use struct {
	Request   uint64
	Call      wire.Call
	Peer      Peer
	Who       *Identity // nil when nobody is logged in (public keys)
	Partition key.ID
	Object    key.ID
	Mechanism key.Mechanism
	How       mech.Use
	Approved  bool
	Code      fault.Code
}

// ManageContext is what a management call may ask of the channel it came by.
type ManageContext struct {
	Request uint64
	Peer    Peer
	// Who answers the login of this channel's application on a slot, nil when there is none.
	Who func(slot uint64) *Identity
	// Object finds an object as the session sees it, with its token and login.
	Object func(session, handle uint64) (*object.Object, Token, *Identity, error)
}
