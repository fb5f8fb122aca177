// SPDX-License-Identifier: Apache-2.0

// Code generated from pkcs11/calls.def by go generate ./pkcs11/...; DO NOT EDIT.

package wire

// Call is the number of a call on the client channel (docs/design/channel.md).
type Call uint16

const (
	CallHello             Call = 0x01
	CallSlots             Call = 0x02
	CallMechanisms        Call = 0x03
	CallSessionOpen       Call = 0x04
	CallSessionClose      Call = 0x05
	CallLogin             Call = 0x06
	CallLogout            Call = 0x07
	CallResume            Call = 0x08
	CallInitToken         Call = 0x09
	CallInitPin           Call = 0x0A
	CallSetPin            Call = 0x0B
	CallSealKey           Call = 0x0C
	CallCreate            Call = 0x10
	CallCopy              Call = 0x11
	CallDestroy           Call = 0x12
	CallSize              Call = 0x13
	CallGet               Call = 0x14
	CallSet               Call = 0x15
	CallFind              Call = 0x16
	CallFindNext          Call = 0x17
	CallFindEnd           Call = 0x18
	CallSummary           Call = 0x19
	CallGenerate          Call = 0x20
	CallGeneratePair      Call = 0x21
	CallWrap              Call = 0x22
	CallUnwrap            Call = 0x23
	CallDerive            Call = 0x24
	CallEncapsulate       Call = 0x25
	CallDecapsulate       Call = 0x26
	CallRandom            Call = 0x27
	CallSeed              Call = 0x28
	CallEncrypt           Call = 0x30
	CallDecrypt           Call = 0x31
	CallSign              Call = 0x32
	CallVerify            Call = 0x33
	CallDigest            Call = 0x34
	CallMsgEncrypt        Call = 0x35
	CallMsgDecrypt        Call = 0x36
	CallBegin             Call = 0x40
	CallUpdate            Call = 0x41
	CallFinal             Call = 0x42
	CallCancel            Call = 0x43
	CallDigestKey         Call = 0x44
	CallSave              Call = 0x45
	CallRestore           Call = 0x46
	CallOperate           Call = 0x50
	CallNameList          Call = 0x51
	CallNameGet           Call = 0x52
	CallNameDelete        Call = 0x53
	CallNameRecover       Call = 0x54
	CallNamePurge         Call = 0x55
	CallNameBackup        Call = 0x56
	CallNameRestore       Call = 0x57
	CallRelease           Call = 0x58
	CallKeyAttest         Call = 0x59
	CallCertify           Call = 0x5A
	CallCertFile          Call = 0x5B
	CallStatus            Call = 0x80
	CallInit              Call = 0x81
	CallUnlock            Call = 0x82
	CallLock              Call = 0x83
	CallZeroize           Call = 0x84
	CallRekeep            Call = 0x85
	CallPartitionCreate   Call = 0x90
	CallPartitionList     Call = 0x91
	CallPartitionSet      Call = 0x92
	CallPartitionDestroy  Call = 0x93
	CallOperatorCreate    Call = 0x98
	CallOperatorList      Call = 0x99
	CallOperatorSet       Call = 0x9A
	CallOperatorDestroy   Call = 0x9B
	CallKeyShare          Call = 0xA0
	CallKeyState          Call = 0xA1
	CallAuditNote         Call = 0xA8
	CallAuditHead         Call = 0xA9
	CallTokenCreate       Call = 0xB0
	CallTokenList         Call = 0xB1
	CallTokenRevoke       Call = 0xB2
	CallJoin              Call = 0xB3
	CallMembers           Call = 0xB4
	CallApprove           Call = 0xB5
	CallNodeUnlock        Call = 0xB6
	CallMemberRemove      Call = 0xB7
	CallClusterPolicy     Call = 0xB8
	CallClusterSet        Call = 0xB9
	CallAgentList         Call = 0xBA
	CallAgentSet          Call = 0xBB
	CallAgentRemove       Call = 0xBC
	CallDomainDownload    Call = 0xC0
	CallDomainTransfer    Call = 0xC1
	CallDomainUpload      Call = 0xC2
	CallDomainKeeper      Call = 0xC3
	CallHsmDomainDownload Call = 0xC4
	CallHsmDomainTransfer Call = 0xC5
	CallHsmDomainUpload   Call = 0xC6
	CallHsmDomainState    Call = 0xC7
	CallReplicaGive       Call = 0xC8
	CallReplicaTake       Call = 0xC9
	CallRecordDigests     Call = 0xCA
	CallTokenIssue        Call = 0xD0
	CallCredentialAdd     Call = 0xD1
	CallCredentialList    Call = 0xD2
	CallCredentialRemove  Call = 0xD3
	CallSettingsGet       Call = 0xD4
	CallSettingsSet       Call = 0xD5
	CallRoleList          Call = 0xD6
	CallRolePut           Call = 0xD7
	CallRoleRemove        Call = 0xD8
	CallAssignmentList    Call = 0xD9
	CallAssignmentPut     Call = 0xDA
	CallAssignmentRemove  Call = 0xDB
	CallVaultCreate       Call = 0xE0
	CallVaultList         Call = 0xE1
	CallVaultSet          Call = 0xE2
	CallVaultDelete       Call = 0xE3
	CallVaultRecover      Call = 0xE4
	CallVaultPurge        Call = 0xE5
	CallPartitionBackup   Call = 0xE8
	CallPartitionRestore  Call = 0xE9
	CallPartitionJobs     Call = 0xEA
	CallAgentStatus       Call = 0xF0
)

// CallSpec is one row of pkcs11/calls.def.
type CallSpec struct {
	Call     Call
	Name     string // as in channel.md: SESSION_OPEN
	Request  string // signature of the body, in the field letters of channel.md; [x] is a u32 count and so many x
	Response string // signature of the body of a successful answer
	Store    bool   // the core may need the store's help to answer
	Manage   string // who may ask for a management call: "any", "admin", "so", "user"; empty for the PKCS #11 calls
}

// Calls lists every call by rising number.
var Calls = []CallSpec{
	{CallHello, "HELLO", "uuub", "bbu", false, ""},
	{CallSlots, "SLOTS", "", "[ubbuuuu]", false, ""},
	{CallMechanisms, "MECHANISMS", "u", "[uuuuu[u]]", false, ""},
	{CallSessionOpen, "SESSION_OPEN", "uuu", "", false, ""},
	{CallSessionClose, "SESSION_CLOSE", "u", "", false, ""},
	{CallLogin, "LOGIN", "uubb", "b", true, ""},
	{CallLogout, "LOGOUT", "u", "", false, ""},
	{CallResume, "RESUME", "ub", "u", true, ""},
	{CallInitToken, "INIT_TOKEN", "ubb", "", true, ""},
	{CallInitPin, "INIT_PIN", "ub", "", true, ""},
	{CallSetPin, "SET_PIN", "ubb", "", true, ""},
	{CallSealKey, "SEAL_KEY", "", "b", false, ""},
	{CallCreate, "CREATE", "uA", "O", true, ""},
	{CallCopy, "COPY", "uuA", "O", true, ""},
	{CallDestroy, "DESTROY", "uu", "", true, ""},
	{CallSize, "SIZE", "uu", "u", true, ""},
	{CallGet, "GET", "uuT", "V", true, ""},
	{CallSet, "SET", "uuA", "", true, ""},
	{CallFind, "FIND", "uAu", "yO", true, ""},
	{CallFindNext, "FIND_NEXT", "uu", "yO", true, ""},
	{CallFindEnd, "FIND_END", "u", "", false, ""},
	{CallSummary, "SUMMARY", "uu", "O", true, ""},
	{CallGenerate, "GENERATE", "uMA", "O", true, ""},
	{CallGeneratePair, "GENERATE_PAIR", "uMAA", "O", true, ""},
	{CallWrap, "WRAP", "uMuu", "b", true, ""},
	{CallUnwrap, "UNWRAP", "uMubA", "O", true, ""},
	{CallDerive, "DERIVE", "uMuA", "O[u]", true, ""},
	{CallEncapsulate, "ENCAPSULATE", "uMuA", "bO", true, ""},
	{CallDecapsulate, "DECAPSULATE", "uMubA", "O", true, ""},
	{CallRandom, "RANDOM", "uu", "b", false, ""},
	{CallSeed, "SEED", "ub", "", false, ""},
	{CallEncrypt, "ENCRYPT", "uMub", "b", true, ""},
	{CallDecrypt, "DECRYPT", "uMub", "b", true, ""},
	{CallSign, "SIGN", "uMub", "b", true, ""},
	{CallVerify, "VERIFY", "uMubb", "", true, ""},
	{CallDigest, "DIGEST", "uMb", "b", false, ""},
	{CallMsgEncrypt, "MSG_ENCRYPT", "uMubb", "bbb", true, ""},
	{CallMsgDecrypt, "MSG_DECRYPT", "uMubbb", "b", true, ""},
	{CallBegin, "BEGIN", "uuMu", "", true, ""},
	{CallUpdate, "UPDATE", "uub", "b", false, ""},
	{CallFinal, "FINAL", "uub", "b", false, ""},
	{CallCancel, "CANCEL", "uu", "", false, ""},
	{CallDigestKey, "DIGEST_KEY", "uu", "", true, ""},
	{CallSave, "SAVE", "u", "b", false, ""},
	{CallRestore, "RESTORE", "ub", "", false, ""},
	{CallOperate, "OPERATE", "uuMubbbb", "bbb", true, ""},
	{CallNameList, "NAME_LIST", "uuubbuT", "*", true, ""},
	{CallNameGet, "NAME_GET", "uuubbT", "*", true, ""},
	{CallNameDelete, "NAME_DELETE", "uub", "", true, ""},
	{CallNameRecover, "NAME_RECOVER", "uub", "", true, ""},
	{CallNamePurge, "NAME_PURGE", "uub", "", true, ""},
	{CallNameBackup, "NAME_BACKUP", "uub", "b", true, ""},
	{CallNameRestore, "NAME_RESTORE", "uub", "b", true, ""},
	{CallRelease, "RELEASE", "uubbubb", "bb", true, ""},
	{CallKeyAttest, "KEY_ATTEST", "uubb", "bb", true, ""},
	{CallCertify, "CERTIFY", "uubub", "b", true, ""},
	{CallCertFile, "CERT_FILE", "uubu[b]A", "O", true, ""},
	{CallStatus, "STATUS", "", "*", false, "any"},
	{CallInit, "INIT", "buub", "[b]", false, "any"},
	{CallUnlock, "UNLOCK", "b", "u", false, "any"},
	{CallLock, "LOCK", "", "", false, "admin"},
	{CallZeroize, "ZEROIZE", "b", "", false, "admin"},
	{CallRekeep, "REKEEP", "buu", "[b]", false, "admin"},
	{CallPartitionCreate, "PARTITION_CREATE", "bbbu", "bu", false, "admin"},
	{CallPartitionList, "PARTITION_LIST", "", "[bbuuuuuu]", false, "any"},
	{CallPartitionSet, "PARTITION_SET", "buuuub", "", false, "so"},
	{CallPartitionDestroy, "PARTITION_DESTROY", "bb", "", false, "admin"},
	{CallOperatorCreate, "OPERATOR_CREATE", "ubub[u]", "", false, "so"},
	{CallOperatorList, "OPERATOR_LIST", "u", "[bbuuu[u]]", false, "so"},
	{CallOperatorSet, "OPERATOR_SET", "ubub[u]", "", false, "so"},
	{CallOperatorDestroy, "OPERATOR_DESTROY", "ub", "", false, "so"},
	{CallKeyShare, "KEY_SHARE", "uubu", "", false, "user"},
	{CallKeyState, "KEY_STATE", "uuu", "", false, "user"},
	{CallAuditNote, "AUDIT_NOTE", "b", "", false, "admin"},
	{CallAuditHead, "AUDIT_HEAD", "", "b", false, "admin"},
	{CallTokenCreate, "TOKEN_CREATE", "buu", "b", false, "admin"},
	{CallTokenList, "TOKEN_LIST", "", "[bbuubu]", false, "admin"},
	{CallTokenRevoke, "TOKEN_REVOKE", "b", "", false, "admin"},
	{CallJoin, "JOIN", "bb", "ubbuu", false, "any"},
	{CallMembers, "MEMBERS", "", "[bbbbbuu]", false, "any"},
	{CallApprove, "APPROVE", "bb", "uu", false, "admin"},
	{CallNodeUnlock, "NODE_UNLOCK", "b", "", false, "admin"},
	{CallMemberRemove, "MEMBER_REMOVE", "b", "", false, "admin"},
	{CallClusterPolicy, "CLUSTER_POLICY", "", "uuub", false, "any"},
	{CallClusterSet, "CLUSTER_SET", "uuuu", "", false, "admin"},
	{CallAgentList, "AGENT_LIST", "", "[bbuu]", false, "admin"},
	{CallAgentSet, "AGENT_SET", "bu", "", false, "admin"},
	{CallAgentRemove, "AGENT_REMOVE", "b", "", false, "admin"},
	{CallDomainDownload, "DOMAIN_DOWNLOAD", "u[b]", "[bb][bb]", false, "admin"},
	{CallDomainTransfer, "DOMAIN_TRANSFER", "", "b", false, "any"},
	{CallDomainUpload, "DOMAIN_UPLOAD", "ubuuu[bb]b[bb]", "b[b]", false, "any"},
	{CallDomainKeeper, "DOMAIN_KEEPER", "b", "u", false, "any"},
	{CallHsmDomainDownload, "HSM_DOMAIN_DOWNLOAD", "uu[b]", "[bb][bb]", false, "user"},
	{CallHsmDomainTransfer, "HSM_DOMAIN_TRANSFER", "u", "bu", false, "user"},
	{CallHsmDomainUpload, "HSM_DOMAIN_UPLOAD", "uu[bb]b[bb]", "b", false, "user"},
	{CallHsmDomainState, "HSM_DOMAIN_STATE", "uu", "buu", false, "user"},
	{CallReplicaGive, "REPLICA_GIVE", "uu", "bbb", false, "user"},
	{CallReplicaTake, "REPLICA_TAKE", "ubbb", "uu", false, "user"},
	{CallRecordDigests, "RECORD_DIGESTS", "bbu", "y[bb]", false, "admin"},
	{CallTokenIssue, "TOKEN_ISSUE", "bubb", "bu", false, "any"},
	{CallCredentialAdd, "CREDENTIAL_ADD", "ububu", "bb", false, "so"},
	{CallCredentialList, "CREDENTIAL_LIST", "ub", "[bubuu]", false, "so"},
	{CallCredentialRemove, "CREDENTIAL_REMOVE", "ubb", "", false, "so"},
	{CallSettingsGet, "SETTINGS_GET", "u", "[bb]", false, "any"},
	{CallSettingsSet, "SETTINGS_SET", "u[bb]", "", false, "so"},
	{CallRoleList, "ROLE_LIST", "u", "[bbbu[b][b]]", false, "user"},
	{CallRolePut, "ROLE_PUT", "ubbb[b][b]", "", false, "user"},
	{CallRoleRemove, "ROLE_REMOVE", "ub", "", false, "user"},
	{CallAssignmentList, "ASSIGNMENT_LIST", "u", "[bbbb]", false, "user"},
	{CallAssignmentPut, "ASSIGNMENT_PUT", "ubbbb", "", false, "user"},
	{CallAssignmentRemove, "ASSIGNMENT_REMOVE", "ub", "", false, "user"},
	{CallVaultCreate, "VAULT_CREATE", "buuyb[b]", "bu", false, "user"},
	{CallVaultList, "VAULT_LIST", "", "[bbuuuyub]", false, "user"},
	{CallVaultSet, "VAULT_SET", "buyb", "", false, "user"},
	{CallVaultDelete, "VAULT_DELETE", "b", "", false, "user"},
	{CallVaultRecover, "VAULT_RECOVER", "b", "", false, "user"},
	{CallVaultPurge, "VAULT_PURGE", "b", "", false, "user"},
	{CallPartitionBackup, "PARTITION_BACKUP", "u", "b", false, "user"},
	{CallPartitionRestore, "PARTITION_RESTORE", "uub", "b", false, "user"},
	{CallPartitionJobs, "PARTITION_JOBS", "uu", "", false, "user"},
	{CallAgentStatus, "AGENT_STATUS", "", "b", false, "any"},
}

// Spec finds the row of a call; false when there is no such call.
func (c Call) Spec() (CallSpec, bool) {
	for _, s := range Calls {
		if s.Call == c {
			return s, true
		}
	}
	return CallSpec{}, false
}

// String is the name of the call in channel.md.
func (c Call) String() string {
	if s, ok := c.Spec(); ok {
		return s.Name
	}
	return "unknown call"
}
