/* SPDX-License-Identifier: Apache-2.0
 *
 * Code generated from internal/fault and internal/front/pkcs11 by go generate ./pkcs11/...; DO NOT EDIT.
 *
 *   FAULT(number on the wire, CKR_* as a number, text)
 */
#ifdef FAULT
FAULT(1, 0x005UL, "internal error")
FAULT(2, 0x005UL, "malformed request")
FAULT(3, 0x054UL, "not supported")
FAULT(4, 0x007UL, "bad arguments")
FAULT(5, 0x201UL, "busy")
FAULT(6, 0x030UL, "timed out")
FAULT(7, 0x030UL, "unavailable")
FAULT(8, 0x021UL, "too large")
FAULT(100, 0x208UL, "module is not initialized")
FAULT(101, 0x0E0UL, "module is locked")
FAULT(102, 0x0E0UL, "module is zeroized")
FAULT(103, 0x030UL, "self-test failed")
FAULT(104, 0x01BUL, "not approved in fips mode")
FAULT(105, 0x01BUL, "module is already initialized")
FAULT(106, 0x030UL, "keeper does not open the root key")
FAULT(107, 0x007UL, "share is not acceptable")
FAULT(108, 0x0E0UL, "more shares are needed")
FAULT(109, 0x030UL, "no TPM can be used here")
FAULT(110, 0x030UL, "not the TPM that it was sealed to")
FAULT(111, 0x030UL, "the TPM's registers have changed")
FAULT(112, 0x030UL, "the TPM does not do it")
FAULT(200, 0x101UL, "not logged in")
FAULT(201, 0x100UL, "already logged in")
FAULT(202, 0x104UL, "another user is logged in")
FAULT(203, 0x0A0UL, "pin is incorrect")
FAULT(204, 0x0A4UL, "pin is locked")
FAULT(205, 0x0A2UL, "pin length is out of range")
FAULT(206, 0x102UL, "pin is not set")
FAULT(207, 0x0A0UL, "no such operator")
FAULT(208, 0x01BUL, "not allowed")
FAULT(209, 0x0E0UL, "no such partition")
FAULT(210, 0x0B3UL, "no such session")
FAULT(211, 0x0B5UL, "session is read-only")
FAULT(212, 0x101UL, "login ticket is not valid")
FAULT(213, 0x201UL, "too many attempts")
FAULT(214, 0x031UL, "quota exceeded")
FAULT(215, 0x030UL, "no such application")
FAULT(216, 0x0B6UL, "sessions are open")
FAULT(217, 0x101UL, "login for this operation is needed")
FAULT(218, 0x007UL, "operator exists")
FAULT(219, 0x007UL, "partition exists")
FAULT(220, 0x103UL, "user type is invalid")
FAULT(221, 0x0A3UL, "pin has expired")
FAULT(222, 0x0B7UL, "a read-only session is open")
FAULT(223, 0x0B8UL, "security officer is logged in")
FAULT(224, 0x0A0UL, "token is not valid")
FAULT(225, 0x101UL, "token has expired")
FAULT(226, 0x01BUL, "target environment attestation statement cannot be verified")
FAULT(227, 0x01BUL, "target environment attestation does not meet key release policy requirements")
FAULT(228, 0x01BUL, "partition is not empty")
FAULT(300, 0x082UL, "no such object")
FAULT(301, 0x060UL, "no such key")
FAULT(302, 0x012UL, "attribute type is invalid")
FAULT(303, 0x013UL, "attribute value is invalid")
FAULT(304, 0x010UL, "attribute is read-only")
FAULT(305, 0x011UL, "attribute is sensitive")
FAULT(306, 0x0D0UL, "template is incomplete")
FAULT(307, 0x0D1UL, "template is inconsistent")
FAULT(308, 0x063UL, "key type does not fit")
FAULT(309, 0x068UL, "key may not be used for this")
FAULT(310, 0x062UL, "key size is out of range")
FAULT(311, 0x069UL, "key is not wrappable")
FAULT(312, 0x06AUL, "key is not extractable")
FAULT(313, 0x113UL, "no such wrapping key")
FAULT(314, 0x115UL, "wrapping key type does not fit")
FAULT(315, 0x114UL, "wrapping key size is out of range")
FAULT(316, 0x01BUL, "action is prohibited")
FAULT(317, 0x140UL, "curve is not supported")
FAULT(318, 0x209UL, "parameter set is not supported")
FAULT(319, 0x130UL, "domain parameters are invalid")
FAULT(320, 0x0F0UL, "no such unwrapping key")
FAULT(321, 0x0F2UL, "unwrapping key type does not fit")
FAULT(322, 0x0F1UL, "unwrapping key size is out of range")
FAULT(323, 0x067UL, "key cannot be digested")
FAULT(324, 0x068UL, "key is disabled")
FAULT(325, 0x1B9UL, "public key is invalid")
FAULT(326, 0x01BUL, "name exists")
FAULT(327, 0x01BUL, "name was deleted and can still be recovered")
FAULT(400, 0x070UL, "mechanism is invalid")
FAULT(401, 0x071UL, "mechanism parameter is invalid")
FAULT(402, 0x020UL, "data is invalid")
FAULT(403, 0x021UL, "data length is out of range")
FAULT(404, 0x040UL, "encrypted data is invalid")
FAULT(405, 0x041UL, "encrypted data length is out of range")
FAULT(406, 0x0C0UL, "signature is invalid")
FAULT(407, 0x0C1UL, "signature length is out of range")
FAULT(408, 0x110UL, "wrapped key is invalid")
FAULT(409, 0x112UL, "wrapped key length is out of range")
FAULT(410, 0x042UL, "authentication of encrypted data failed")
FAULT(411, 0x090UL, "an operation is active")
FAULT(412, 0x091UL, "no operation is active")
FAULT(413, 0x180UL, "operation state cannot be saved")
FAULT(414, 0x160UL, "saved operation state is invalid")
FAULT(415, 0x007UL, "too many random bytes asked for")
FAULT(416, 0x006UL, "pairwise consistency test failed")
FAULT(500, 0x082UL, "no such record")
FAULT(501, 0x030UL, "record is not authentic")
FAULT(502, 0x030UL, "record is an earlier version")
FAULT(503, 0x030UL, "record of a destroyed object")
FAULT(504, 0x006UL, "changed by somebody else meanwhile")
FAULT(505, 0x030UL, "outcome of the write is unknown")
FAULT(506, 0x030UL, "partition head is older than one seen")
FAULT(507, 0x030UL, "partition head is not authentic")
FAULT(508, 0x031UL, "store is full")
FAULT(509, 0x030UL, "index is not ready yet")
FAULT(510, 0x030UL, "change log does not match the partition head")
FAULT(511, 0x030UL, "backup is not authentic")
FAULT(512, 0x030UL, "backup is older than what is here")
FAULT(513, 0x030UL, "backup is not of one moment")
FAULT(514, 0x030UL, "of another security domain")
FAULT(600, 0x030UL, "audit log does not accept entries")
FAULT(601, 0x030UL, "audit counts are too far behind")
FAULT(602, 0x030UL, "audit log is not consistent")
FAULT(700, 0x030UL, "node is cut off from the majority")
FAULT(701, 0x030UL, "committed, but not yet in force on every node")
FAULT(710, 0x01BUL, "a member of this name exists")
FAULT(711, 0x007UL, "no such member")
FAULT(712, 0x01BUL, "join token is not good")
FAULT(713, 0x01BUL, "this node has no door for others")
FAULT(714, 0x0E0UL, "not unlocked by the other nodes")
#endif

#ifndef GENBU_FAULT_NAMES
#define GENBU_FAULT_NAMES
#define FAULT_UNAVAILABLE 7
#define FAULT_NOT_LOGGED_IN 200
#define FAULT_ALREADY_LOGGED_IN 201
#define FAULT_SESSION_UNKNOWN 210
#define FAULT_TICKET_INVALID 212
#define FAULT_APP_UNKNOWN 215
#define FAULT_AUTH_REQUIRED 217
#define FAULT_OPERATION_NOT_ACTIVE 412
#define FAULT_LOCKED 101
#define FAULT_UNINITIALIZED 100
#define FAULT_ZEROIZED 102
#define FAULT_BUSY 5
#define FAULT_DENIED 208
#define FAULT_OPERATION_ACTIVE 411
#define FAULT_OBJECT_UNKNOWN 300
#define FAULT_KEY_UNKNOWN 301
#define FAULT_TIMEOUT 6
#define FAULT_INDEX_NOT_READY 509
#define FAULT_AUDIT_UNAVAILABLE 600
#define FAULT_AUDIT_LAG 601
#endif
