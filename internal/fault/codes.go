// SPDX-License-Identifier: Apache-2.0

package fault

// 0-99: the request itself.
const (
	OK           Code = 0
	Internal     Code = 1 // a bug or a broken invariant; the log has the step
	Malformed    Code = 2 // the bytes are not a request
	Unsupported  Code = 3 // this call, or this form of it, does not exist
	ArgumentsBad Code = 4
	Busy         Code = 5 // a queue is full; try again
	Timeout      Code = 6
	Unavailable  Code = 7 // the core or the store is not reachable now
	TooLarge     Code = 8
)

// 100-199: states of the module.
const (
	Uninitialized      Code = 100 // no root key has been made yet
	Locked             Code = 101
	Zeroized           Code = 102
	SelfTestFailed     Code = 103
	NotApproved        Code = 104 // fips mode refuses it
	AlreadyInitialized Code = 105
	KeeperRefused      Code = 106 // a keeper's secret does not open the sealed root
	ShareBad           Code = 107 // a custodian's share is damaged, of another set, or given twice
	SharesMissing      Code = 108 // accepted; more shares are needed
	TPMMissing         Code = 109 // there is no TPM, or the node may not use it
	TPMOther           Code = 110 // another TPM than it was sealed to, or one that was cleared since
	TPMChanged         Code = 111 // its registers hold something else than when it was sealed
	TPMFailed          Code = 112 // the TPM refuses, or what comes from it is not its answer
)

// 200-299: operators, sessions and policy.
const (
	NotLoggedIn      Code = 200
	AlreadyLoggedIn  Code = 201
	OtherLoggedIn    Code = 202 // another user of this token is logged in
	PINIncorrect     Code = 203
	PINLocked        Code = 204
	PINLength        Code = 205
	PINNotSet        Code = 206
	UserUnknown      Code = 207
	Denied           Code = 208 // the role or the policy does not allow it
	PartitionUnknown Code = 209
	SessionUnknown   Code = 210
	SessionReadOnly  Code = 211
	TicketInvalid    Code = 212
	RateLimited      Code = 213
	QuotaExceeded    Code = 214
	AppUnknown       Code = 215 // the secret names no application
	SessionExists    Code = 216
	AuthRequired     Code = 217 // ALWAYS_AUTHENTICATE: log in for this one operation
	OperatorExists   Code = 218
	PartitionExists  Code = 219
	UserTypeInvalid  Code = 220
	PINExpired       Code = 221
	ReadOnlyExists   Code = 222 // a read-only session is open, so the security officer cannot log in
	OfficerExists    Code = 223 // the security officer is logged in, so no read-only session can be opened
	TokenInvalid     Code = 224 // an access token or other evidence that is not what it must be
	TokenExpired     Code = 225

	AttestationInvalid Code = 226 // an attestation token that is not what it must be: nothing is believed of it
	AttestationRefused Code = 227 // what a good one says does not meet the key's release policy
	PartitionNotEmpty  Code = 228 // it holds keys
)

// 300-399: objects and templates.
const (
	ObjectUnknown         Code = 300
	KeyUnknown            Code = 301
	AttributeUnknown      Code = 302
	AttributeValueInvalid Code = 303
	AttributeReadOnly     Code = 304
	AttributeSensitive    Code = 305
	TemplateIncomplete    Code = 306
	TemplateInconsistent  Code = 307
	KeyTypeMismatch       Code = 308
	KeyUsageForbidden     Code = 309 // CKR_KEY_FUNCTION_NOT_PERMITTED
	KeySize               Code = 310
	KeyNotWrappable       Code = 311
	KeyUnextractable      Code = 312
	WrappingKeyUnknown    Code = 313
	WrappingKeyMismatch   Code = 314
	WrappingKeySize       Code = 315
	ActionProhibited      Code = 316 // not copyable, not destroyable, not modifiable
	CurveUnsupported      Code = 317
	ParameterSetUnknown   Code = 318
	DomainParamsInvalid   Code = 319
	UnwrappingKeyUnknown  Code = 320
	UnwrappingKeyMismatch Code = 321
	UnwrappingKeySize     Code = 322
	KeyNeedsDigest        Code = 323 // CKR_KEY_INDIGESTIBLE
	KeyDisabled           Code = 324
	PublicKeyInvalid      Code = 325
	NameTaken             Code = 326 // the name is there already
	NameDeleted           Code = 327 // the name was deleted and can still be recovered, so it is not free
)

// 400-499: mechanisms and operations.
const (
	MechanismInvalid      Code = 400
	MechanismParamInvalid Code = 401
	DataInvalid           Code = 402
	DataLength            Code = 403
	EncryptedDataInvalid  Code = 404
	EncryptedDataLength   Code = 405
	SignatureInvalid      Code = 406
	SignatureLength       Code = 407
	WrappedKeyInvalid     Code = 408
	WrappedKeyLength      Code = 409
	AEADFailed            Code = 410
	OperationActive       Code = 411
	OperationNotActive    Code = 412
	StateUnsaveable       Code = 413
	SavedStateInvalid     Code = 414
	RandomTooLong         Code = 415
	PairwiseFailed        Code = 416
)

// 500-599: the store and its records.
const (
	RecordUnknown   Code = 500
	RecordInvalid   Code = 501 // altered, moved, truncated or exchanged
	RecordOld       Code = 502 // an earlier version of the record was put back
	RecordRevived   Code = 503 // the record of a destroyed object was put back
	Conflict        Code = 504 // somebody else changed it first
	OutcomeUnknown  Code = 505 // the write may or may not have happened
	HeadOld         Code = 506 // the partition's head is older than one already seen
	HeadInvalid     Code = 507
	StoreFull       Code = 508
	IndexNotReady   Code = 509
	ChangeLogBroken Code = 510
	BackupInvalid   Code = 511 // a backup is altered, truncated, put together from others, or of another domain
	BackupOld       Code = 512 // the state that it would replace is newer
	BackupUnsound   Code = 513 // the records that were listed are not those of one revision
	DomainOther     Code = 514 // of another security domain
)

// 600-699: the audit log.
const (
	AuditUnavailable Code = 600 // the log does not accept entries, so the act is refused
	AuditLag         Code = 601 // counted uses could not be flushed within the stated lag
	AuditInvalid     Code = 602
)

// 700-799: several nodes (docs/design/coherence.md).
const (
	LeaseExpired Code = 700 // this node is cut off from the majority, and the time that the policy gives it is over
	InForceLater Code = 701 // the change is committed; the reason says by when all nodes hold to it

	MemberExists  Code = 710 // a node or agent of this name
	MemberUnknown Code = 711
	TokenRefused  Code = 712 // a join token that is damaged, unknown, expired, revoked or used
	DoorUnknown   Code = 713 // this node has no address at which others could reach its core
	UnlockRefused Code = 714 // the other nodes do not unlock this one by themselves
)

var names = map[Code]string{
	OK: "ok", Internal: "internal error", Malformed: "malformed request", Unsupported: "not supported",
	ArgumentsBad: "bad arguments", Busy: "busy", Timeout: "timed out", Unavailable: "unavailable", TooLarge: "too large",
	Uninitialized: "module is not initialized", Locked: "module is locked", Zeroized: "module is zeroized",
	SelfTestFailed: "self-test failed", NotApproved: "not approved in fips mode",
	AlreadyInitialized: "module is already initialized", KeeperRefused: "keeper does not open the root key",
	ShareBad: "share is not acceptable", SharesMissing: "more shares are needed",
	TPMMissing: "no TPM can be used here", TPMOther: "not the TPM that it was sealed to",
	TPMChanged: "the TPM's registers have changed", TPMFailed: "the TPM does not do it",
	NotLoggedIn: "not logged in", AlreadyLoggedIn: "already logged in", OtherLoggedIn: "another user is logged in",
	PINIncorrect: "pin is incorrect", PINLocked: "pin is locked", PINLength: "pin length is out of range",
	PINNotSet: "pin is not set", UserUnknown: "no such operator", Denied: "not allowed",
	PartitionUnknown: "no such partition", SessionUnknown: "no such session", SessionReadOnly: "session is read-only",
	TicketInvalid: "login ticket is not valid", RateLimited: "too many attempts", QuotaExceeded: "quota exceeded",
	AppUnknown: "no such application", SessionExists: "sessions are open", AuthRequired: "login for this operation is needed",
	OperatorExists: "operator exists", PartitionExists: "partition exists", UserTypeInvalid: "user type is invalid",
	PINExpired: "pin has expired", ReadOnlyExists: "a read-only session is open", OfficerExists: "security officer is logged in",
	ObjectUnknown: "no such object", KeyUnknown: "no such key", AttributeUnknown: "attribute type is invalid",
	AttributeValueInvalid: "attribute value is invalid", AttributeReadOnly: "attribute is read-only",
	AttributeSensitive: "attribute is sensitive", TemplateIncomplete: "template is incomplete",
	TemplateInconsistent: "template is inconsistent", KeyTypeMismatch: "key type does not fit",
	KeyUsageForbidden: "key may not be used for this", KeySize: "key size is out of range",
	KeyNotWrappable: "key is not wrappable", KeyUnextractable: "key is not extractable",
	WrappingKeyUnknown: "no such wrapping key", WrappingKeyMismatch: "wrapping key type does not fit",
	WrappingKeySize: "wrapping key size is out of range", ActionProhibited: "action is prohibited",
	CurveUnsupported: "curve is not supported", ParameterSetUnknown: "parameter set is not supported",
	DomainParamsInvalid: "domain parameters are invalid", UnwrappingKeyUnknown: "no such unwrapping key",
	UnwrappingKeyMismatch: "unwrapping key type does not fit", UnwrappingKeySize: "unwrapping key size is out of range",
	KeyNeedsDigest: "key cannot be digested", KeyDisabled: "key is disabled", PublicKeyInvalid: "public key is invalid",
	TokenInvalid: "token is not valid", TokenExpired: "token has expired", AttestationInvalid: "target environment attestation statement cannot be verified",
	AttestationRefused: "target environment attestation does not meet key release policy requirements", NameTaken: "name exists",
	PartitionNotEmpty: "partition is not empty",
	NameDeleted:       "name was deleted and can still be recovered",
	MechanismInvalid:  "mechanism is invalid", MechanismParamInvalid: "mechanism parameter is invalid",
	DataInvalid: "data is invalid", DataLength: "data length is out of range",
	EncryptedDataInvalid: "encrypted data is invalid", EncryptedDataLength: "encrypted data length is out of range",
	SignatureInvalid: "signature is invalid", SignatureLength: "signature length is out of range",
	WrappedKeyInvalid: "wrapped key is invalid", WrappedKeyLength: "wrapped key length is out of range",
	AEADFailed: "authentication of encrypted data failed", OperationActive: "an operation is active",
	OperationNotActive: "no operation is active", StateUnsaveable: "operation state cannot be saved",
	SavedStateInvalid: "saved operation state is invalid", RandomTooLong: "too many random bytes asked for",
	PairwiseFailed: "pairwise consistency test failed",
	RecordUnknown:  "no such record", RecordInvalid: "record is not authentic", RecordOld: "record is an earlier version",
	RecordRevived: "record of a destroyed object", Conflict: "changed by somebody else meanwhile",
	OutcomeUnknown: "outcome of the write is unknown", HeadOld: "partition head is older than one seen",
	HeadInvalid: "partition head is not authentic", StoreFull: "store is full", IndexNotReady: "index is not ready yet",
	ChangeLogBroken: "change log does not match the partition head",
	BackupInvalid:   "backup is not authentic", BackupOld: "backup is older than what is here",
	BackupUnsound: "backup is not of one moment", DomainOther: "of another security domain",
	AuditUnavailable: "audit log does not accept entries", AuditLag: "audit counts are too far behind",
	AuditInvalid: "audit log is not consistent",
	MemberExists: "a member of this name exists", MemberUnknown: "no such member", TokenRefused: "join token is not good",
	DoorUnknown: "this node has no door for others", UnlockRefused: "not unlocked by the other nodes",
	LeaseExpired: "node is cut off from the majority", InForceLater: "committed, but not yet in force on every node",
}

// String is the code in words, lower case, no full stop.
func (c Code) String() string {
	if s, ok := names[c]; ok {
		return s
	}
	return "unknown fault"
}

// All lists every code but OK, for the tables of the doors, which must be complete.
func All() []Code {
	all := make([]Code, 0, len(names))
	for c := range names {
		if c != OK {
			all = append(all, c)
		}
	}
	return all
}
