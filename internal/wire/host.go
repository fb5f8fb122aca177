// SPDX-License-Identifier: Apache-2.0

package wire

import "github.com/genbu-hsm/genbu/key"

// Ops between host and core (docs/design/boundary.md). Below 16 the host asks, from 16 on the core asks.
const (
	OpConfigure  uint16 = 1
	OpStatus     uint16 = 2
	OpPing       uint16 = 3
	OpDescribe   uint16 = 4
	OpChanged    uint16 = 5
	OpHealthSign uint16 = 6
	OpClose      uint16 = 7
	OpBackup     uint16 = 10
	OpVerify     uint16 = 11
	OpRestore    uint16 = 12
	OpMetrics    uint16 = 13

	OpPartitionBackup  uint16 = 14
	OpPartitionRestore uint16 = 15

	OpLoad      uint16 = 16
	OpList      uint16 = 17
	OpFind      uint16 = 18
	OpCommit    uint16 = 19
	OpAudit     uint16 = 20
	OpRoot      uint16 = 21
	OpLog       uint16 = 22
	OpState     uint16 = 23
	OpFindNames uint16 = 28
	OpTPM       uint16 = 29
)

// Exit codes by which the core tells the host why it ended; any other code is a crash. Locking ends the process, because
// nothing erases memory as surely as giving it back to the kernel; the host starts the next core, which stays locked.
const (
	ExitClosed   = 0 // the host closed the boundary
	ExitLocked   = 3 // asked to lock
	ExitZeroized = 4 // asked to zeroize, by call or by signal
	ExitSelfTest = 5 // a self-test or pairwise test failed
	ExitConfig   = 6 // a protection is missing, or the first message was wrong; 2 is how the Go runtime ends after a fatal error
)

// Record is one stored value with the store's revision of its last change.
type Record struct {
	Path     string
	Value    []byte
	Revision int64
}

// Meta is what the host's index may know of an object: opened by the core, never written by the host.
type Meta struct {
	Partition key.ID
	Object    key.ID
	Class     key.Class
	KeyType   key.Type
	Private   bool
	Label     []byte
	ID        []byte    // CKA_ID
	Group     key.Group // in which it is found by name, if it is
	Deleted   bool      // and can still be recovered
	Created   uint64    // nanoseconds since 1970: orders the versions of a name
}

// Query asks the index for candidates. Nil pointers and nil slices match everything; a non-nil empty slice matches
// objects whose attribute is empty.
type Query struct {
	Partition key.ID
	Class     *key.Class
	KeyType   *key.Type
	Label     []byte
	ID        []byte
	Object    *key.ID // CKA_UNIQUE_ID
	Handle    uint64  // 0 for any
}

// Compare holds a Txn back unless the record's revision is as said; 0 means that it must not exist.
type Compare struct {
	Path     string
	Revision int64
}

// Put writes one record; Meta tells the index what it is, for objects.
type Put struct {
	Path  string
	Value []byte
	Meta  *Meta
}

// Txn is all or nothing.
type Txn struct {
	Compares []Compare
	Puts     []Put
	Deletes  []string
}

// Audit entries are appended in order; checkpoint is a signed note over the tree after the last of them, empty while
// the audit key is locked away. With Sync the answer comes after both are on disk.
type Audit struct {
	Segment    key.ID
	First      uint64 // index of the first entry within the segment
	Entries    [][]byte
	Checkpoint []byte
	Sync       bool
}

// Config is what the host tells a new core. It decides nothing about keys: the core takes policy from sealed records.
type Config struct {
	Fast      bool     // keep hot keys parsed
	FIPS      bool     // refuse what is not approved
	Accepted  []string // names of missing protections the operator accepted: "userns", "landlock", "memfd_secret" ...
	AuditLast []byte   // last checkpoint of the previous segment, empty for a new log
	MaxLagMS  uint32   // counted uses: beyond this lag of flushing, use is refused
	Self      string   // self-test to break, for tests that show each one can fail; empty in service
	Node      key.ID   // this node
	Hold      bool     // stay locked until somebody asks to unlock, although a file keeper could
}

// State of the module (FIPS 140-3 section 7.11).
type State uint8

const (
	StateUnknown State = iota
	StateUninitialized
	StateLocked
	StateOperational
	StateError
	StateZeroized
)

func (s State) String() string {
	switch s {
	case StateUninitialized:
		return "uninitialized"
	case StateLocked:
		return "locked"
	case StateOperational:
		return "operational"
	case StateError:
		return "error"
	case StateZeroized:
		return "zeroized"
	}
	return "unknown"
}

// Status is what the core tells of itself to anybody who asks: no secrets, no counts per tenant.
type Status struct {
	State      State
	Fast       bool
	FIPS       bool
	Memory     string   // "memfd_secret", "mlock"
	Erasure    string   // "runtime/secret", "none"
	Sandbox    []string // protections in force
	Missing    []string // protections the kernel lacks and the configuration accepted
	Keeper     string   // "file", "custodians", ""
	Threshold  uint32   // shares needed, for custodians
	Shares     uint32   // shares given so far in this unlock
	Domain     key.ID
	Module     string // version of Go's FIPS module
	SelfTests  uint32
	Partitions uint32
	Objects    uint32 // loaded now
	Channels   uint32
	Uptime     uint64 // seconds
	AuditKey   []byte // Ed25519 public key of this node's audit log, empty while locked
	Version    string // of the program; empty from 0.1, which did not say
	TPMRoot    []byte // name of the TPM's storage root key under which the keeper's secret lies; empty: it lies in none
	TPMPCRs    uint32 // registers that it is bound to besides, a mask
}
